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
    /* A snapshot of the leader, until its files are here. Also while own entries or an
     * own snapshot are on their way to the disk: libraft would drop it, and the leader
     * repeats it only after install_ms. */
    struct dbr_inbox_message *install;
    bool told;    /* FETCH has been queued for it */
    bool fetched; /* it can be delivered: the files are here, or nobody needs them */
    uint64_t from; /* while one is delivered */
    const char *from_address;
};

void dbr_inbox_finish(struct dbr_inbox *inbox);
int dbr_inbox_recv(struct dbr_consensus *c, uint64_t from, debros_bytes bytes);
/* Delivers what can be delivered now. Returns whether there was anything. */
bool dbr_inbox_deliver_kept(struct dbr_consensus *c);
/* What dbr_consensus_fetched() says. */
void dbr_inbox_fetched(struct dbr_consensus *c, int status, debros_bytes descriptor);
/* Fills a FETCH event. */
void dbr_inbox_show(const struct dbr_consensus *c, struct dbr_consensus_event *event);

#endif
