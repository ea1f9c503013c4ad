/* Rare events that a batch of runs must have met: one that never happens leaves a part of
 * the code untested, and the batch fails as blind. */
#ifndef DBR_TEST_SIM_SEEN_H
#define DBR_TEST_SIM_SEEN_H

/* X(name, text, must): 1: each batch of 250 runs under mixed faults must meet it; 2: each
 * of 450, as the soak's are; 0: none must. */
#define SIM_SEEN(X)                                                                      \
    X(ACKED, "writes acknowledged", 1)                                                   \
    X(UNKNOWN, "writes of unknown outcome", 1)                                           \
    X(UNKNOWN_APPLIED, "  that had been applied", 1)                                     \
    X(UNKNOWN_LOST, "  that had not", 1)                                                 \
    X(REFUSED, "writes refused", 1)                                                      \
    X(EXPIRED, "requests that met their deadline", 1)                                    \
    X(CANCELLED, "requests cancelled on their way", 1)                                   \
    X(READS, "linearizable reads", 1)                                                    \
    X(STRONG_READS, "strong reads", 1)                                                   \
    X(WEAK_READS, "weak reads", 1)                                                       \
    X(AUTO_READS, "auto reads", 1)                                                       \
    X(LOCAL_READS, "local reads", 1)                                                     \
    X(OLD_READS, "  that saw an older state, as they may", 1)                            \
    X(STALE_REFUSED, "reads refused for the age of what they would see", 1)              \
    X(RETRIED_READS, "reads that outlived their leader's leadership", 1)                 \
    X(FORWARDED, "writes acknowledged to others than the leader", 1)                     \
    X(CLIENT_FAILOVER, "writes of the client while its first member was down", 1)        \
    X(FAILOVER, "times that the client turned to another member", 1)                     \
    X(DUPLICATE, "requests twice in the log, applied once", 1)                           \
    X(CAS_LOST, "compare-and-set that found another value", 1)                           \
    X(CONSTRAINT, "transactions refused by a constraint", 1)                             \
    X(BATCHED, "entries of several transactions", 1)                                     \
    X(CRASH, "crashes", 1)                                                               \
    X(CRASH_TORN, "  in the middle of a batch for the disk", 1)                          \
    X(CRASH_VOTE, "  right after a term or vote was queued", 1)                          \
    X(CRASH_UNAPPLIED, "  between the log and the databases", 1)                         \
    X(CRASH_INSTALL, "  while a snapshot was installed", 2)                              \
    X(CRASH_ALL, "  of all nodes at one time", 1)                                        \
    X(TORN_TAIL, "torn log tails cut at the start", 1)                                   \
    X(EIO_STOP, "nodes stopped by a failed disk", 1)                                     \
    X(ENOSPC, "batches refused by a full disk", 1)                                       \
    X(ENOSPC_OVER, "  written when there was room again", 2)                             \
    X(ENOSPC_APPLY, "databases that met a full disk", 1)                                 \
    X(SLOW_DISK, "slow disks", 1)                                                        \
    X(PARTITION, "partitions", 1)                                                        \
    X(ONE_WAY, "one-way partitions", 1)                                                  \
    X(LEADER_ISOLATED, "leaders cut off from all members", 1)                            \
    X(CUT, "connections cut", 1)                                                         \
    X(FLAP, "links that came and went", 1)                                               \
    X(PAUSE, "pauses", 1)                                                                \
    X(STALE_LEADER, "leaders that woke up deposed", 1)                                   \
    X(CLOCK_BACK, "clocks set back", 1)                                                  \
    X(CLOCK_FORWARD, "clocks set forward", 1)                                            \
    X(LEADER, "leaders", 1)                                                              \
    X(LEADER_CHANGE, "  that followed another node", 1)                                  \
    X(SPLIT_VOTE, "terms in which several stood for election", 1)                        \
    X(AHEAD, "statements run while the log was written", 1)                              \
    X(AHEAD_UNDONE, "  for an entry that did not come next", 1)                          \
    X(QUICK_QUERY, "queries answered in a moment", 1)                                    \
    X(POOR, "calls that found no memory", 0)                                             \
    X(TRUNCATE, "logs whose end was cut for a new leader", 1)                            \
    X(COMPACT, "logs whose beginning was cut behind a snapshot", 1)                      \
    X(COPY, "snapshots made for another node", 1)                                        \
    X(CHUNK, "  chunks of them received", 1)                                             \
    X(FETCH_CUT, "  connections cut in a transfer", 1)                                   \
    X(RESUMED, "  transfers that went on where they were", 1)                            \
    X(CRASH_SENDER, "  crashes of senders at work", 2)                                   \
    X(CRASH_RECEIVER, "  crashes of receivers at work", 2)                               \
    X(ROT, "  bytes of them that turned on a disk", 1)                                   \
    X(DAMAGED, "  of these, found by their hashes", 1)                                   \
    X(VERIFIED, "  received as they were sent", 1)                                       \
    X(INSTALL, "snapshots staged", 1)                                                    \
    X(RESTORE, "snapshots swapped in", 1)                                                \
    X(CHANGE, "changes of the raft group under faults", 1)                               \
    X(CHANGE_PARTED, "  in a partition", 1)                                              \
    X(PROMOTED, "members that became voters under faults", 1)                            \
    X(JOINED_LATE, "members that joined under faults", 1)                                \
    X(NETWORK, "times that what is known of the network was written", 1)                 \
    X(NETWORK_FULL, "  that it could not be", 1)                                         \
    X(NETWORK_FOUND, "  that it was found at a start", 1)                                \
    X(CRASH_NETWORK, "  crashes in the middle of it", 0)                                 \
    X(STOP, "polite stops", 1)                                                           \
    X(STOP_LEADER, "  of a leader, with another one in its place at the end", 1)         \
    X(DIAL, "dials", 1)                                                                  \
    X(DIAL_REFUSED, "  refused", 1)

enum sim_seen {
#define SIM_SEEN_NAME(name, text, mixed) SIM_SEEN_##name,
    SIM_SEEN(SIM_SEEN_NAME)
#undef SIM_SEEN_NAME
        SIM_SEEN_COUNT
};

#endif
