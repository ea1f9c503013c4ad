/* Where the node listens: its sockets, and the addresses of the machine behind wildcards,
 * which may change while it runs. Node thread. */
#ifndef DBR_API_ADDRESSES_H
#define DBR_API_ADDRESSES_H

#include "core/core.h"

/* Opens the configuration's listen addresses. Errors: those of dbr_tcp_listen(). */
int dbr_addresses_listen(debros_node *node, debros_detail *detail);
/* Tells a new core all of them. */
void dbr_addresses_tell(debros_node *node);
/* The machine's addresses have changed, perhaps: tells the core what is new and what is
 * gone. debros_node_listen_addr() goes on to say what was so at the start. */
void dbr_addresses_look(debros_node *node);

#endif
