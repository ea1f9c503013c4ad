/* Who has what: for keys, the peers that say that they provide it, ourselves among them.
 *
 * Of a key's peers those that stand closest to it stay when there are too many, so that
 * all who hold the key tell the same; of the keys, those that are closest to us. What we
 * provide ourselves never goes. */
#ifndef DBR_DHT_PROVIDERS_H
#define DBR_DHT_PROVIDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/list.h"
#include "dht/envelope.h"
#include "dht/key.h"
#include "dht/notes.h"
#include "dht/shares.h"

struct dbr_dht_providers_limits {
    uint32_t keys;         /* default 1,024 */
    uint32_t per_key;      /* peers; default 20 */
    uint32_t per_peer;     /* keys, of any other than we; default 256 */
    uint32_t gone;         /* rows that wait to be deleted; default 4,096 */
    uint32_t expire_ms;    /* after it said so; default 48 h */
    uint32_t republish_ms; /* what we provide; default 22 h */
};
void dbr_dht_providers_limits_default(struct dbr_dht_providers_limits *limits);

struct dbr_dht_provided;

struct dbr_dht_provider {
    struct dbr_dht_provided *key;
    struct dbr_peer_id peer;
    struct dbr_dht_key place;
    bool own;
    uint64_t received_ms; /* unix; own: when it was last announced */
    dbr_time until;
    dbr_time republish;
    struct dbr_dht_note note;
    struct dbr_list in_key; /* the longest there first */
};

struct dbr_dht_provided {
    size_t len;
    uint8_t bytes[DBR_DHT_PROVIDER_KEY_MAX];
    struct dbr_dht_key place;
    struct dbr_list peers;
    size_t n;
    bool own; /* we are one of them */
    UT_hash_handle hh;
};

struct dbr_dht_providers {
    struct dbr_dht_providers_limits limits;
    struct dbr_peer_id self;
    struct dbr_dht_key place; /* of self */
    struct dbr_dht_provided *table;
    size_t n;    /* keys */
    size_t n_in; /* providers of all of them */
    struct dbr_dht_shares peers;
    struct dbr_dht_notes notes;
    dbr_time next;
    uint64_t evicted;
};

void dbr_dht_providers_init(struct dbr_dht_providers *providers,
                            const struct dbr_dht_providers_limits *limits,
                            const struct dbr_peer_id *self);
void dbr_dht_providers_finish(struct dbr_dht_providers *providers);

/* A peer, which is whoever said so on its own connection, or self, provides a key. NEWER
 * it is held from now on, SAME it was; BAD_KEY, NO_ROOM, NO_MEMORY. */
enum dbr_dht_verdict dbr_dht_providers_add(struct dbr_dht_providers *providers,
                                           debros_bytes key,
                                           const struct dbr_peer_id *peer, dbr_time now,
                                           uint64_t wall_ms);
/* At the start: a row that a poll has told before. EXPIRED as well. */
enum dbr_dht_verdict dbr_dht_providers_load(struct dbr_dht_providers *providers,
                                            const struct dbr_dht_row *row, dbr_time now,
                                            uint64_t wall_ms);
/* We provide it no longer. False: we did not. */
bool dbr_dht_providers_remove(struct dbr_dht_providers *providers, debros_bytes key);
/* At most `n` of a key's providers, the longest there first; how many. */
size_t dbr_dht_providers_get(const struct dbr_dht_providers *providers, debros_bytes key,
                             struct dbr_peer_id *out, size_t n, dbr_time now);

/* A key of ours that is due to be announced again; it counts as announced now. False:
 * none is. Call until it says so. */
bool dbr_dht_providers_due(struct dbr_dht_providers *providers, debros_bytes *key,
                           dbr_time now, uint64_t wall_ms);
/* Nobody could be told that we provide it: it is due at `at`, if it is not before. */
void dbr_dht_providers_again(struct dbr_dht_providers *providers, debros_bytes key,
                             dbr_time at);
dbr_time dbr_dht_providers_deadline(const struct dbr_dht_providers *providers);
void dbr_dht_providers_expire(struct dbr_dht_providers *providers, dbr_time now);
/* What the table on disk has to learn next. */
bool dbr_dht_providers_poll(struct dbr_dht_providers *providers, struct dbr_dht_row *row);

#endif
