#include "dht/notes.h"

#include "base/alloc.h"

struct dbr_dht_gone {
    struct dbr_list link;
    struct dbr_peer_id peer;
    size_t len;
    uint8_t key[];
};

void dbr_dht_notes_init(struct dbr_dht_notes *notes, uint32_t limit)
{
    *notes = (struct dbr_dht_notes){.limit = limit};
    dbr_list_init(&notes->dirty);
    dbr_list_init(&notes->gone);
}

static void forget_gone(struct dbr_dht_notes *notes)
{
    struct dbr_list *item;
    while ((item = dbr_list_pop_front(&notes->gone)) != NULL) {
        dbr_free(DBR_LIST_ENTRY(item, struct dbr_dht_gone, link));
    }
    notes->n_gone = 0;
}

void dbr_dht_notes_finish(struct dbr_dht_notes *notes)
{
    forget_gone(notes);
    dbr_free(notes->told);
    notes->told = NULL;
}

void dbr_dht_note_init(struct dbr_dht_note *note)
{
    dbr_list_init(&note->in_dirty);
}

void dbr_dht_note_dirty(struct dbr_dht_notes *notes, struct dbr_dht_note *note)
{
    if (dbr_list_is_empty(&note->in_dirty)) {
        dbr_list_push_back(&notes->dirty, &note->in_dirty);
    }
}

void dbr_dht_note_gone(struct dbr_dht_notes *notes, struct dbr_dht_note *note,
                       debros_bytes key, const struct dbr_peer_id *peer)
{
    dbr_list_remove(&note->in_dirty);
    if (notes->is_clear) {
        return;
    }
    struct dbr_dht_gone *gone =
        notes->n_gone < notes->limit ? dbr_malloc(sizeof(*gone) + key.len) : NULL;
    if (gone == NULL) {
        forget_gone(notes);
        notes->is_clear = true;
        return;
    }
    *gone = (struct dbr_dht_gone){.len = key.len};
    if (peer != NULL) {
        gone->peer = *peer;
    }
    memcpy(gone->key, key.data, key.len);
    dbr_list_push_back(&notes->gone, &gone->link);
    notes->n_gone++;
}

bool dbr_dht_notes_has_any(const struct dbr_dht_notes *notes)
{
    return notes->is_clear || !dbr_list_is_empty(&notes->gone) ||
           !dbr_list_is_empty(&notes->dirty);
}

void dbr_dht_notes_tell_again(struct dbr_dht_notes *notes)
{
    forget_gone(notes);
    notes->is_clear = true;
}

bool dbr_dht_notes_poll_gone(struct dbr_dht_notes *notes, struct dbr_dht_row *row)
{
    dbr_free(notes->told);
    notes->told = NULL;
    if (notes->is_clear) {
        notes->is_clear = false;
        *row = (struct dbr_dht_row){.type = DBR_DHT_ROW_CLEAR};
        return true;
    }
    struct dbr_list *item = dbr_list_pop_front(&notes->gone);
    if (item == NULL) {
        return false;
    }
    notes->n_gone--;
    notes->told = DBR_LIST_ENTRY(item, struct dbr_dht_gone, link);
    *row = (struct dbr_dht_row){.type = DBR_DHT_ROW_DELETE,
                                .key = dbr_bytes(notes->told->key, notes->told->len),
                                .peer = notes->told->peer};
    return true;
}

struct dbr_dht_note *dbr_dht_notes_poll_dirty(struct dbr_dht_notes *notes)
{
    struct dbr_list *item = dbr_list_pop_front(&notes->dirty);
    return item == NULL ? NULL : DBR_LIST_ENTRY(item, struct dbr_dht_note, in_dirty);
}
