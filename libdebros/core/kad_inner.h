/* The inside of requests of ours: kad_calls.c (streams and answers), kad_dials.c,
 * kad_peers.c (whom they go to, and idle connections). */
#ifndef DBR_CORE_KAD_INNER_H
#define DBR_CORE_KAD_INNER_H

#include "core/kad_link.h"

/* kad_peers.c. find: NULL, none; get: NULL, no memory. */
struct dbr_kad_peer *dbr_kad_peer_find(const struct dbr_kad_link *link,
                                       const struct dbr_peer_id *id);
struct dbr_kad_peer *dbr_kad_peer_get(struct dbr_kad_link *link,
                                      const struct dbr_peer_id *id);
void dbr_kad_peer_free(struct dbr_kad_link *link, struct dbr_kad_peer *peer);
/* Freed, or its connection idles from now on, unless something is asked of it. */
void dbr_kad_peer_release(struct dbr_kad_link *link, struct dbr_kad_peer *peer,
                          dbr_time now);
void dbr_kad_peers_expire(struct dbr_kad_link *link, dbr_time now);

/* kad_dials.c. queue: at the event's addresses. */
bool dbr_kad_may_dial(const struct dbr_kad_link *link, const struct dbr_peer_id *peer);
void dbr_kad_dial_queue(struct dbr_kad_link *link, struct dbr_kad_peer *peer,
                        const struct dbr_dht_event *event, dbr_time now);

/* kad_calls.c: there is a connection, or there will be none. */
void dbr_kad_call_send(struct dbr_kad_link *link, struct dbr_kad_call *call,
                       dbr_time now);
void dbr_kad_call_fail(struct dbr_kad_link *link, struct dbr_kad_call *call,
                       dbr_time now);

#endif
