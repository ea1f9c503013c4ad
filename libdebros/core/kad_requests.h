/* Requests of the hash table: what the public API and calling clients want of it. */
#ifndef DBR_CORE_KAD_REQUESTS_H
#define DBR_CORE_KAD_REQUESTS_H

#include <stdbool.h>

#include "base/clock.h"
#include "core/request.h"

struct dbr_core;
struct dbr_ticket;
struct dbr_dht_event;

#define DBR_KAD_TTL_S         86400u  /* of a value for which none is given */
#define DBR_KAD_TTL_MAX_S     604800u /* and the longest */
#define DBR_KAD_CLIENT_VALUES 256u    /* that a member keeps for one client */
#define DBR_KAD_WANT_MAX      64u

/* FIND_PEER and all that begin with DHT. */
bool dbr_kad_request_is(enum dbr_request_type type);
/* A member's part. */
void dbr_kad_request_run(struct dbr_core *core, struct dbr_ticket *ticket, dbr_time now);
/* DONE of a lookup. */
void dbr_kad_request_done(struct dbr_core *core, const struct dbr_dht_event *event,
                          dbr_time now);

/* A client's part, before the call is sent: keys in full, the value signed. False: the
 * ticket is done. */
bool dbr_kad_request_prepare(struct dbr_core *core, struct dbr_ticket *ticket,
                             dbr_time now);
/* And behind the answer: its value is checked. 0; EPROTO, with detail; ENOMEM. */
int dbr_kad_request_answered(struct dbr_core *core, struct dbr_request *request,
                             debros_bytes envelope, debros_detail *detail);

#endif
