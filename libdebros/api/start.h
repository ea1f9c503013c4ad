/* What start does on the node thread: folder, keys, store, sockets, core. */
#ifndef DBR_API_START_H
#define DBR_API_START_H

#include "core/core.h"

/* Opens everything up to a core of the kind that the configuration asks for. On an error
 * what was opened stays for the end of the node to close. Errors: those of start. */
int dbr_start_open(debros_node *node, debros_detail *detail);
/* Effect JOINED: stores the operator's key and the cluster's file. */
void dbr_start_joined(debros_node *node, const struct dbr_joined *joined);
/* After JOINED, the core being quiet: exchanges the JOINER for a MEMBER. */
void dbr_start_as_member(debros_node *node);
void dbr_start_close_store(debros_node *node);
/* Makes the identity known to debros_node_peer_id(). */
void dbr_start_publish_peer_id(debros_node *node, const struct dbr_keypair *identity);

#endif
