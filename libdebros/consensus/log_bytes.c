#include "consensus/log_bytes.h"

#include "consensus/machine.h"

#define ENTRY_BYTES 64u /* of an entry beside its data, on disk and in memory */

static void set_threshold(struct dbr_consensus *c)
{
    bool due = c->log_bytes.applied >= c->config.snapshot_bytes;
    raft_set_snapshot_threshold(&c->raft, due ? 1 : c->config.snapshot_threshold);
}

void dbr_log_bytes_applied(struct dbr_consensus *c, size_t len)
{
    bool was_due = c->log_bytes.applied >= c->config.snapshot_bytes;
    c->log_bytes.applied += len + ENTRY_BYTES;
    if (!was_due) {
        set_threshold(c);
    }
}

void dbr_log_bytes_snapshot(struct dbr_consensus *c)
{
    unsigned kept = 0;
    size_t bytes = 0;
    uint64_t index = c->raft.last_applied;
    while (kept < c->config.snapshot_trailing && index > kept) {
        const struct raft_entry *entry = dbr_consensus_entry(c, index - kept);
        bytes += entry == NULL ? 0 : entry->buf.len + ENTRY_BYTES;
        if (entry == NULL || (kept > 0 && bytes > c->config.trailing_bytes)) {
            break;
        }
        kept++;
    }
    /* What the log does not hold any more costs nothing. */
    bool all = bytes <= c->config.trailing_bytes;
    raft_set_snapshot_trailing(&c->raft, all ? c->config.snapshot_trailing : kept);
    c->log_bytes.covered = c->log_bytes.applied;
    c->log_bytes.applied = 0;
    set_threshold(c);
}

void dbr_log_bytes_failed(struct dbr_consensus *c)
{
    c->log_bytes.applied += c->log_bytes.covered;
    c->log_bytes.covered = 0;
    set_threshold(c);
}
