/* Strict serializability by log index: the committed log is one order of all writes. Run
 * by the model in that order, it must give every answer that was given; and the order
 * must respect real time, which load.c checks as the answers come (`floor`). */
#include <stdlib.h>

#include "base/hash.h"
#include "sql/codec.h"
#include "world.h"

/* State machine safety: all nodes apply the same entry at an index. */
static void committed(struct sim_world *w, int node, const struct dbr_apply_entry *entry)
{
    if (entry->index >= w->n_entries) {
        size_t n = 2 * (size_t)entry->index + 64;
        w->entries = realloc(w->entries, n * sizeof(*w->entries));
        memset(w->entries + w->n_entries, 0, (n - w->n_entries) * sizeof(*w->entries));
        w->n_entries = n;
    }
    struct sim_entry *known = &w->entries[entry->index];
    if (known->data.len == 0) {
        known->term = entry->term;
        dbr_buf_add(&known->data, entry->data.data, entry->data.len);
    } else if (known->term != entry->term || known->data.len != entry->data.len ||
               memcmp(known->data.data, entry->data.data, entry->data.len) != 0) {
        sim_fail(w, "node %d applies another entry %llu than the others", node,
                 (unsigned long long)entry->index);
    }
}

void sim_history_committed(struct sim_world *w, int node,
                           const struct dbr_apply_entry *entries)
{
    for (; entries != NULL; entries = entries->next) {
        committed(w, node, entries);
    }
}

void sim_history_finish(struct sim_world *w)
{
    for (size_t i = 0; i < w->n_entries; i++) {
        dbr_buf_finish(&w->entries[i].data);
    }
    free(w->entries);
}

/* ---- The check -----------------------------------------------------------------------
 */

struct key {
    UT_hash_handle hh;
    struct dbr_sql_key key;
};

struct check {
    struct sim_world *w;
    struct sim_model model;
    struct key *keys;
    int64_t *reads; /* numbers of the reads, by index */
    size_t n_reads, next_read;
};

static bool is_first(struct check *c, const struct dbr_sql_key *key)
{
    struct key *known;
    struct key *item = calloc(1, sizeof(*item));
    memcpy(item->key.client, key->client, sizeof(key->client));
    item->key.seq = key->seq;
    HASH_FIND(hh, c->keys, &item->key, sizeof(item->key), known);
    if (known != NULL) {
        free(item);
        return false;
    }
    HASH_ADD(hh, c->keys, key, sizeof(item->key), item);
    return true;
}

static void check_write(struct check *c, uint64_t index, int64_t id)
{
    struct sim_world *w = c->w;
    struct sim_record *r = &w->records[id];
    int64_t changes;
    int status = sim_model_write(&c->model, r, id, &changes);
    if (r->applied) {
        sim_fail(w, "write %lld is in the log twice, under two keys", (long long)id);
    }
    r->applied = true;
    bool answered = r->outcome == SIM_ACKED || r->outcome == SIM_REFUSED;
    if (answered && r->status != status) {
        sim_fail(w, "write %lld at %llu was answered %s, the model says %s",
                 (long long)id, (unsigned long long)index, debros_err_name(r->status),
                 debros_err_name(status));
    }
    if (r->outcome == SIM_ACKED && (r->index != index || r->changes != changes)) {
        sim_fail(w,
                 "write %lld: answered index %llu and %lld changes, the log has it at "
                 "%llu, the model counts %lld",
                 (long long)id, (unsigned long long)r->index, (long long)r->changes,
                 (unsigned long long)index, (long long)changes);
    }
    if (r->outcome == SIM_UNKNOWN) {
        sim_seen(w, SIM_SEEN_UNKNOWN_APPLIED);
    }
    if (r->outcome == SIM_ACKED && w->workload == SIM_WORK_REGISTER && changes == 0) {
        sim_seen(w, SIM_SEEN_CAS_LOST);
    }
    if (status != 0) {
        sim_seen(w, SIM_SEEN_CONSTRAINT);
    }
}

static void check_transaction(struct check *c, uint64_t index,
                              const struct dbr_sql_transaction *t)
{
    bool is_load = t->n_statements > 0 && t->statements[0].n_params == 2 &&
                   strcmp(t->ns, "default") == 0 &&
                   t->statements[0].params[0].type == DEBROS_INTEGER;
    if (!is_first(c, &t->key)) {
        sim_seen(c->w, SIM_SEEN_DUPLICATE);
        return;
    }
    int64_t id = is_load ? t->statements[0].params[0].as.integer : 0;
    if (is_load && id > 0 && id < c->w->next_id) {
        check_write(c, index, id);
    }
}

/* Reads that saw the log up to here, or up to an index before the next command. */
static void check_reads(struct check *c, uint64_t before)
{
    for (; c->next_read < c->n_reads; c->next_read++) {
        int64_t id = c->reads[c->next_read];
        const struct sim_record *r = &c->w->records[id];
        if (r->index >= before) {
            return;
        }
        if (r->rows != c->model.rows || r->hash != sim_model_hash(&c->model)) {
            sim_fail(c->w,
                     "read %lld of level %d at %llu saw %llu rows, the model has %llu%s",
                     (long long)id, (int)r->level, (unsigned long long)r->index,
                     (unsigned long long)r->rows, (unsigned long long)c->model.rows,
                     r->rows == c->model.rows ? ", and other values" : "");
        }
    }
}

static void check_entry(struct check *c, uint64_t index)
{
    struct dbr_sql_entry entry;
    struct dbr_arena arena;
    const struct dbr_buf *data = &c->w->entries[index].data;
    dbr_arena_init(&arena, 0);
    if (dbr_sql_entry_decode(&entry, &arena, dbr_bytes(data->data, data->len)) != 0) {
        sim_fail(c->w, "entry %llu is malformed", (unsigned long long)index);
    } else {
        if (entry.n_transactions > 1) {
            sim_seen(c->w, SIM_SEEN_BATCHED);
        }
        for (size_t i = 0; i < entry.n_transactions; i++) {
            check_transaction(c, index, &entry.transactions[i]);
        }
    }
    dbr_arena_finish(&arena);
}

static const struct sim_record *sorting;

static int by_index(const void *a, const void *b)
{
    const struct sim_record *x = &sorting[*(const int64_t *)a];
    const struct sim_record *y = &sorting[*(const int64_t *)b];
    return x->index < y->index ? -1 : x->index > y->index;
}

static void collect_reads(struct check *c)
{
    c->reads = calloc((size_t)c->w->next_id, sizeof(*c->reads));
    for (int64_t id = 1; id < c->w->next_id; id++) {
        const struct sim_record *r = &c->w->records[id];
        if (r->is_read && r->outcome == SIM_ACKED) {
            c->reads[c->n_reads++] = id;
        }
    }
    sorting = c->w->records;
    qsort(c->reads, c->n_reads, sizeof(*c->reads), by_index);
}

static void check_lost(struct sim_world *w)
{
    for (int64_t id = 1; id < w->next_id; id++) {
        const struct sim_record *r = &w->records[id];
        if (!r->is_read && !r->applied && r->outcome == SIM_ACKED) {
            sim_fail(w, "write %lld was acknowledged and is not in the log",
                     (long long)id);
        } else if (!r->is_read && !r->applied && r->outcome == SIM_UNKNOWN) {
            sim_seen(w, SIM_SEEN_UNKNOWN_LOST);
        }
    }
}

void sim_history_check(struct sim_world *w)
{
    struct check c = {.w = w};
    struct key *item;
    struct key *tmp;
    sim_model_init(&c.model, w->workload);
    collect_reads(&c);
    for (uint64_t index = 1; index < w->n_entries; index++) {
        if (w->entries[index].data.len > 0) {
            check_reads(&c, index);
            check_entry(&c, index);
        }
    }
    check_reads(&c, UINT64_MAX);
    check_lost(w);
    HASH_ITER(hh, c.keys, item, tmp)
    {
        HASH_DEL(c.keys, item);
        free(item);
    }
    free(c.reads);
    sim_model_finish(&c.model);
}
