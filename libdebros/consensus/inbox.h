/* The way of a message to libraft: decoded, refused, kept for a while, or delivered. */
#ifndef DBR_CONSENSUS_INBOX_H
#define DBR_CONSENSUS_INBOX_H

#include <raft.h>
#include <stdbool.h>

#include "base/bytes.h"
#include "consensus/consensus.h"

/* A message, which points into itself: never moved. */
struct dbr_inbox_message {
    struct raft_message raft;
    char address[DBR_SERVER_ADDRESS_MAX];
};

struct dbr_inbox {
    /* A snapshot that came while own entries or an own snapshot were on their way to the
     * disk: libraft would drop it, and the leader repeats it only after install_ms. */
    struct dbr_inbox_message *install;
    uint64_t from; /* while one is delivered */
    const char *from_address;
};

void dbr_inbox_finish(struct dbr_inbox *inbox);
int dbr_inbox_recv(struct dbr_consensus *c, uint64_t from, debros_bytes bytes);
/* Delivers what can be delivered now. Returns whether there was anything. */
bool dbr_inbox_deliver_kept(struct dbr_consensus *c);

#endif
