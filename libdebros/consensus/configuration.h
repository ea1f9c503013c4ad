/* Sets of servers: libraft's encoding, decoded with every byte checked, and the history
 * of those that are committed. */
#ifndef DBR_CONSENSUS_CONFIGURATION_H
#define DBR_CONSENSUS_CONFIGURATION_H

#include <raft.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "consensus/consensus.h"

#define DBR_CONFIGURATION_SERVERS_MAX 64

/* 1 to 63 printable characters without spaces. */
bool dbr_configuration_address_ok(debros_bytes address);
/* `address` is known to be one. */
void dbr_configuration_address_copy(char out[DBR_SERVER_ADDRESS_MAX],
                                    const char *address);
/* Reads what raft_configuration_encode() wrote. At least one voter, no id or address
 * twice. Returns 0, EPROTO or ENOMEM; `out` is empty unless 0. */
int dbr_configuration_decode(struct raft_configuration *out, debros_bytes bytes);
int dbr_configuration_encode(const struct raft_configuration *configuration,
                             struct dbr_buf *out);
int dbr_configuration_copy(struct raft_configuration *out,
                           const struct raft_configuration *from);
const struct raft_server *
dbr_configuration_find(const struct raft_configuration *configuration, uint64_t id);
unsigned dbr_configuration_voters(const struct raft_configuration *configuration);
bool dbr_configuration_is_sole_voter(const struct raft_configuration *configuration,
                                     uint64_t id);

/* The committed configurations that an image of the databases may still need, by the
 * index of their entry, oldest first. */
struct dbr_configuration_at {
    uint64_t index;
    struct raft_configuration configuration;
};

struct dbr_history {
    struct dbr_configuration_at *items;
    size_t n;
    size_t cap;
};

void dbr_history_finish(struct dbr_history *history);
/* Copies. `index` is above all before it. Returns 0 or ENOMEM. */
int dbr_history_add(struct dbr_history *history, uint64_t index,
                    const struct raft_configuration *configuration);
/* The configuration in force after entry `index`, or NULL. */
const struct dbr_configuration_at *dbr_history_at(const struct dbr_history *history,
                                                  uint64_t index);
const struct dbr_configuration_at *dbr_history_newest(const struct dbr_history *history);
/* Forgets what is in force only before entry `index`. */
void dbr_history_prune(struct dbr_history *history, uint64_t index);
void dbr_history_clear(struct dbr_history *history);

#endif
