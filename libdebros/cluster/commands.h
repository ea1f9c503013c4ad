/* The cluster's own transactions over its tables in _system: how a cluster begins, who
 * joins, which namespaces there are. Pure text; sql/ carries them through the log. */
#ifndef DBR_CLUSTER_COMMANDS_H
#define DBR_CLUSTER_COMMANDS_H

#include "multi/multiaddr.h"
#include "sql/types.h"

#define DBR_COMMANDS_MAX 12

/* Statements under construction; everything is copied into `arena`. */
struct dbr_commands {
    struct dbr_arena *arena;
    debros_statement statements[DBR_COMMANDS_MAX];
    int32_t expect[DBR_COMMANDS_MAX];
    size_t n;
    bool failed; /* out of memory */
};

void dbr_commands_init(struct dbr_commands *commands, struct dbr_arena *arena);

/* The tables, with a first member, its operator and the namespace `default`. */
void dbr_commands_bootstrap(struct dbr_commands *commands, const uint8_t cluster_id[16],
                            const struct dbr_peer_id *node,
                            const struct dbr_peer_id *operator_id);
void dbr_commands_invite(struct dbr_commands *commands, const uint8_t key[32],
                         uint64_t expires);
/* Consumes the invite (ECONFLICT: unknown, used or expired) and lists the node and,
 * unless it is none, its operator. The same node may come twice with one invite. */
void dbr_commands_join(struct dbr_commands *commands, const uint8_t key[32],
                       const struct dbr_peer_id *node,
                       const struct dbr_peer_id *operator_id);
/* `node`'s addresses are these now. */
void dbr_commands_announce(struct dbr_commands *commands, const struct dbr_peer_id *node,
                           const struct dbr_multiaddr *addrs, size_t n_addrs);
/* ECONFLICT: it exists. */
void dbr_commands_ns_create(struct dbr_commands *commands, const char *name);
extern const char dbr_commands_ns_list[];

/* [a-z0-9][a-z0-9_-]{0,62} */
bool dbr_namespace_is_valid(const char *name);

#endif
