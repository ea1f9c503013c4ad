/* What a table on disk has to learn: rows that have changed, each once however often it
 * changed, and rows that are gone. Gone ones are told first, so that a row which went and
 * came again ends up there. When more are gone than the limit, the table is to be cleared
 * and everything told again. */
#ifndef DBR_DHT_NOTES_H
#define DBR_DHT_NOTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/list.h"
#include "multi/peer_id.h"

enum dbr_dht_row_type {
    DBR_DHT_ROW_CLEAR, /* delete all rows of this table */
    DBR_DHT_ROW_DELETE,
    DBR_DHT_ROW_PUT /* insert or replace */
};

/* A row of either table, and what is loaded at the start. Views live until the next call
 * on the store that told it. */
struct dbr_dht_row {
    enum dbr_dht_row_type type;
    debros_bytes key;
    struct dbr_peer_id peer; /* providers: the other half of the key; else none */
    debros_bytes value;      /* values */
    uint64_t received_ms;    /* unix */
    bool own;
};

/* In each item that is a row. */
struct dbr_dht_note {
    struct dbr_list in_dirty;
};

struct dbr_dht_gone;

struct dbr_dht_notes {
    struct dbr_list dirty;
    struct dbr_list gone;
    size_t n_gone;
    uint32_t limit; /* of gone ones */
    bool is_clear;  /* the table is to be cleared */
    struct dbr_dht_gone *told;
};

void dbr_dht_notes_init(struct dbr_dht_notes *notes, uint32_t limit);
void dbr_dht_notes_finish(struct dbr_dht_notes *notes);
void dbr_dht_note_init(struct dbr_dht_note *note);
void dbr_dht_note_dirty(struct dbr_dht_notes *notes, struct dbr_dht_note *note);
/* Its item goes. `peer` may be NULL. */
void dbr_dht_note_gone(struct dbr_dht_notes *notes, struct dbr_dht_note *note,
                       debros_bytes key, const struct dbr_peer_id *peer);
/* Whether a poll would tell something. */
bool dbr_dht_notes_has_any(const struct dbr_dht_notes *notes);
/* What the table holds is not known: CLEAR comes next. */
void dbr_dht_notes_tell_again(struct dbr_dht_notes *notes);
/* CLEAR, after which the caller makes everything dirty, or DELETE. */
bool dbr_dht_notes_poll_gone(struct dbr_dht_notes *notes, struct dbr_dht_row *row);
/* The next that is dirty and is so no longer, or NULL. */
struct dbr_dht_note *dbr_dht_notes_poll_dirty(struct dbr_dht_notes *notes);

#endif
