/* The values that this node holds for the network, its own among them.
 *
 * When the store is full, a value of the writer with the most of them goes, of several
 * the one that is furthest from us, for others hold it as well; what is no better does
 * not come in. So nobody drives out others with many values that were made to stand close
 * to us. Own values never go. */
#ifndef DBR_DHT_VALUES_H
#define DBR_DHT_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/hash.h"
#include "dht/envelope.h"
#include "dht/key.h"
#include "dht/notes.h"
#include "dht/shares.h"

struct dbr_dht_values_limits {
    uint32_t values;       /* default 1,024 */
    uint32_t bytes;        /* of keys and envelopes; default 16 MiB */
    uint32_t per_writer;   /* that are not our own; default 256 */
    uint32_t gone;         /* rows that wait to be deleted; default 1,024 */
    uint32_t expire_ms;    /* after it came; default 48 h */
    uint32_t republish_ms; /* own ones; default 22 h */
};
void dbr_dht_values_limits_default(struct dbr_dht_values_limits *limits);

struct dbr_dht_value {
    debros_bytes key;
    debros_bytes value; /* the envelope */
    struct dbr_dht_key place;
    struct dbr_peer_id writer;
    bool own;
    bool may_go;          /* for a newcomer, while room is made for it */
    uint64_t received_ms; /* unix; own ones: when it was last published */
    dbr_time until;
    dbr_time republish; /* own ones, else NEVER */
    struct dbr_dht_note note;
    UT_hash_handle hh;
    uint8_t key_bytes[];
};

struct dbr_dht_values {
    struct dbr_dht_values_limits limits;
    struct dbr_dht_rules rules;
    bool has_self;
    struct dbr_dht_key self;
    struct dbr_dht_value *table;
    size_t n;
    size_t n_bytes;
    struct dbr_dht_shares writers; /* of values that are not our own */
    struct dbr_dht_notes notes;
    dbr_time next;    /* nothing ends or is due before */
    uint64_t evicted; /* to make room */
};

/* `self`: where we stand, or NULL: then whatever ends first goes first. */
void dbr_dht_values_init(struct dbr_dht_values *values,
                         const struct dbr_dht_values_limits *limits,
                         const struct dbr_dht_rules *rules,
                         const struct dbr_dht_key *self);
void dbr_dht_values_finish(struct dbr_dht_values *values);

/* A value that somebody wants to be held: if it is `own`, that is us, until it is removed
 * or ends. NEWER and SAME: it is held from now on. */
enum dbr_dht_verdict dbr_dht_values_put(struct dbr_dht_values *values, debros_bytes key,
                                        debros_bytes bytes, bool own, dbr_time now,
                                        uint64_t wall_ms);
/* At the start: a row that a poll has told before. Judged again. */
enum dbr_dht_verdict dbr_dht_values_load(struct dbr_dht_values *values,
                                         const struct dbr_dht_row *row, dbr_time now,
                                         uint64_t wall_ms);
/* NULL: none. Valid until the store changes. */
const struct dbr_dht_value *dbr_dht_values_get(const struct dbr_dht_values *values,
                                               debros_bytes key, dbr_time now);
/* An own value is held and republished no longer. False: it is none of ours. */
bool dbr_dht_values_remove(struct dbr_dht_values *values, debros_bytes key);

/* An own value that is due to be published again; it counts as published now. NULL: none
 * is. Call until it says so. */
const struct dbr_dht_value *dbr_dht_values_due(struct dbr_dht_values *values,
                                               dbr_time now, uint64_t wall_ms);
/* Nobody has taken an own value: it is due at `at`, if it is not before. */
void dbr_dht_values_again(struct dbr_dht_values *values, debros_bytes key, dbr_time at);
dbr_time dbr_dht_values_deadline(const struct dbr_dht_values *values);
void dbr_dht_values_expire(struct dbr_dht_values *values, dbr_time now);
/* What the table on disk has to learn next. */
bool dbr_dht_values_poll(struct dbr_dht_values *values, struct dbr_dht_row *row);

#endif
