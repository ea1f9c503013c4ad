/* What a node offers to others, by the names that people and clients pick nodes with: a
 * protocol in identify, and a provider record for each cluster in the hash table. */
#ifndef DBR_CORE_SERVICES_H
#define DBR_CORE_SERVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

struct dbr_core;
struct dbr_ticket;
struct dbr_dht_event;

/* In the order of the table in services.c. Storage, topics and relays will follow. */
enum dbr_service {
    DBR_SERVICE_DATABASE, /* takes SQL requests: every member does, for those without a
                             replica send them on */
    DBR_SERVICE_DHT,      /* answers for the hash table */
    DBR_SERVICES
};

#define DBR_SERVICE_KEY_SIZE 80u /* "/debros/service/CLUSTER/NAME" with NUL */
#define DBR_SERVICE_ROUNDS   4u /* registrations: then the table renews them */
#define DBR_SERVICE_RETRY_MS 60000u
#define DBR_SERVICE_WORDS    64u /* "database, dht" with NUL */

struct dbr_services {
    dbr_time register_at; /* not before; NEVER: done, or under way */
    uint32_t rounds;      /* that went well */
    uint32_t running;
    bool failed; /* to begin one of this round */
};

const char *dbr_service_name(enum dbr_service service);
/* False: no such service. */
bool dbr_service_find(enum dbr_service *out, const char *name);
/* All names, for people. */
const char *dbr_services_words(char out[DBR_SERVICE_WORDS]);
/* The services behind a list of protocols. Returns how many. */
size_t dbr_services_of(const struct dbr_core *core, const char *const *protocols,
                       size_t n, enum dbr_service out[DBR_SERVICES]);
/* The text of its provider key. Returns `out`. */
const char *dbr_service_key(const struct dbr_core *core, enum dbr_service service,
                            char out[DBR_SERVICE_KEY_SIZE]);

/* A member registers what it offers once its routing table has somebody, a few seconds
 * later, when the table has filled, and twice more within the hour; then the table renews
 * it. */
void dbr_services_start(struct dbr_core *core, dbr_time now);
void dbr_services_expire(struct dbr_core *core, dbr_time now);
dbr_time dbr_services_deadline(const struct dbr_core *core);
void dbr_services_registered(struct dbr_core *core, struct dbr_ticket *ticket,
                             dbr_time now);

/* PEERS with a service: looks for providers, then lists them. */
void dbr_services_ask(struct dbr_core *core, struct dbr_ticket *ticket, dbr_time now);
/* `event`: DONE of the lookup, or NULL when there is none. */
void dbr_services_list(struct dbr_core *core, struct dbr_ticket *ticket,
                       const struct dbr_dht_event *event, dbr_time now);

#endif
