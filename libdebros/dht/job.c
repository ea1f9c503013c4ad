#include "dht/job.h"

#include "base/alloc.h"

void dbr_network_batch_finish(struct dbr_network_batch *batch)
{
    dbr_arena_finish(&batch->arena);
    dbr_buf_finish(&batch->book);
    *batch = (struct dbr_network_batch){.n = 0};
}

/* False: out of memory. Nothing stays nothing. */
static bool copy(struct dbr_arena *arena, debros_bytes *out, debros_bytes from)
{
    *out = dbr_bytes(NULL, 0);
    if (from.len > 0) {
        *out = dbr_bytes(dbr_arena_memdup(arena, from.data, from.len), from.len);
    }
    return from.len == 0 || out->data != NULL;
}

int dbr_network_batch_add(struct dbr_network_batch *batch, enum dbr_network_table table,
                          const struct dbr_dht_row *row)
{
    struct dbr_network_row *item = dbr_arena_alloc(&batch->arena, sizeof(*item));
    if (item == NULL) {
        return DEBROS_ENOMEM;
    }
    *item = (struct dbr_network_row){.table = table, .row = *row};
    if (!copy(&batch->arena, &item->row.key, row->key) ||
        !copy(&batch->arena, &item->row.value, row->value)) {
        return DEBROS_ENOMEM;
    }
    if (batch->last == NULL) {
        batch->first = item;
    } else {
        batch->last->next = item;
    }
    batch->last = item;
    batch->n++;
    batch->bytes += row->key.len + row->value.len;
    return 0;
}

struct dbr_network_job *dbr_network_job_create(void)
{
    return dbr_calloc(1, sizeof(struct dbr_network_job));
}

void dbr_network_job_destroy(struct dbr_network_job *job)
{
    if (job != NULL) {
        dbr_network_batch_finish(&job->changes);
        dbr_free(job);
    }
}
