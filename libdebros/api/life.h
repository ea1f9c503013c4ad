/* The node thread: from the start to the last callback.
 *
 * The end always has the same order, whether the application asked or the node cannot go
 * on: refuse new requests, cancel those that are pending, drain the core, close sockets
 * and files, complete start or stop as the last one, return. */
#ifndef DBR_API_LIFE_H
#define DBR_API_LIFE_H

#include "base/clock.h"
#include "base/list.h"
#include "driver/loop.h"

void *dbr_life_main(void *node);
void dbr_life_mail(void *node, struct dbr_list *mail);

/* Begins a turn when this is its first fact; returns the time. */
dbr_time dbr_life_fact(debros_node *node);
/* The core answers: start is complete. */
void dbr_life_ready(debros_node *node);
/* At the end of this turn the node closes: as asked, or because of an error. */
void dbr_life_end(debros_node *node);
void dbr_life_fail(debros_node *node, int status, const char *detail);

extern const struct dbr_loop_handler dbr_life_handler;

#endif
