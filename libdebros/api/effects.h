/* The core's effects made real, and facts of sockets handed to it. Node thread. */
#ifndef DBR_API_EFFECTS_H
#define DBR_API_EFFECTS_H

#include "core/core.h"
#include "driver/loop.h"

/* The rounds of one turn in which writing makes room for more writing. */
#define DBR_EFFECTS_MAX_ROUNDS 32
/* So many bytes received within one turn are answered before more are read. */
#define DBR_EFFECTS_MAX_RECEIVED (1u << 20)

void dbr_effects_carry_out(debros_node *node, const struct dbr_effect *effect);
/* Carries out everything until the core is quiet. True: it had to leave off before. */
bool dbr_effects_drain(debros_node *node);

/* Socket facts for struct dbr_loop_handler; `data` is the node. */
void dbr_effects_accepted(void *data, uint64_t conn, const struct dbr_endpoint *remote,
                          dbr_time now);
void dbr_effects_dialed(void *data, uint64_t conn, dbr_time now);
void dbr_effects_dial_failed(void *data, uint64_t conn, const char *detail, dbr_time now);
void dbr_effects_received(void *data, uint64_t conn, debros_bytes bytes, dbr_time now);
void dbr_effects_written(void *data, uint64_t conn, size_t len, dbr_time now);
void dbr_effects_closed(void *data, uint64_t conn, dbr_time now);
void dbr_effects_multicast(void *data, debros_bytes packet, bool same_host, dbr_time now);
void dbr_effects_network_changed(void *data, dbr_time now);

#endif
