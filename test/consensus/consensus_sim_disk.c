/* The disks of the simulation: what is durable, and when. */
#include "consensus_sim_inner.h"

/* ---- Disk ------------------------------------------------------------------- */

void sim_copy(struct dbr_buf *to, debros_bytes from)
{
    dbr_buf_clear(to);
    dbr_buf_add(to, from.data, from.len);
    dbr_assert(!to->failed);
}

void sim_disk_append(struct sim *s, struct disk *d, const struct dbr_log_op *op)
{
    if (op->index != d->first + d->n) {
        sim_fail(s, "append at %llu, the log ends before %llu",
                 (unsigned long long)op->index, (unsigned long long)(d->first + d->n));
        return;
    }
    for (size_t i = 0; i < op->n_entries; i++) {
        if (d->n == d->cap) {
            size_t cap = d->cap == 0 ? 256 : d->cap * 2;
            d->entries = dbr_realloc_array(d->entries, cap, sizeof(*d->entries));
            dbr_assert(d->entries != NULL);
            memset(d->entries + d->cap, 0, (cap - d->cap) * sizeof(*d->entries));
            d->cap = cap;
        }
        struct entry *e = &d->entries[d->n++];
        e->term = op->entries[i].term;
        e->type = op->entries[i].type;
        sim_copy(&e->data, op->entries[i].data);
        if (e->term > d->term) {
            sim_fail(s, "an entry of term %llu is durable before its term",
                     (unsigned long long)e->term);
        }
    }
}

static void disk_drop_front(struct disk *d, uint64_t keep_from)
{
    size_t drop = keep_from > d->first ? (size_t)(keep_from - d->first) : 0;
    drop = drop > d->n ? d->n : drop;
    for (size_t i = 0; i < drop; i++) {
        dbr_buf_finish(&d->entries[i].data);
    }
    memmove(d->entries, d->entries + drop, (d->cap - drop) * sizeof(*d->entries));
    memset(d->entries + d->cap - drop, 0, drop * sizeof(*d->entries));
    d->n -= drop;
    d->first += drop;
}

static void disk_snapshot(struct sim *s, struct node *node, const struct dbr_log_op *op)
{
    struct disk *d = &node->disk;
    d->snapshot_index = op->index;
    d->snapshot_term = op->term;
    d->configuration_index = op->configuration_index;
    sim_copy(&d->configuration, op->configuration);
    if (op->type == DBR_LOG_INSTALL) {
        sim_copy(&d->image, op->descriptor);
        d->image_index = op->index;
        d->n = 0;
        d->first = op->index + 1;
        s->counts.installs++;
        return;
    }
    if (op->index > node->durable_index || op->index >= d->first + d->n) {
        sim_fail(s, "snapshot %llu of databases at %llu and a log up to %llu",
                 (unsigned long long)op->index, (unsigned long long)node->durable_index,
                 (unsigned long long)(d->first + d->n - 1));
        return;
    }
    disk_drop_front(d, op->keep_from);
    s->counts.snapshots++;
}

void sim_disk_apply(struct sim *s, struct node *node, const struct dbr_log_op *op)
{
    struct disk *d = &node->disk;
    switch (op->type) {
    case DBR_LOG_TERM:
        if (op->value <= d->term) {
            sim_fail(s, "the durable term goes back");
        }
        d->term = op->value;
        d->vote = 0;
        break;
    case DBR_LOG_VOTE:
        d->vote = op->value;
        break;
    case DBR_LOG_APPEND:
        sim_disk_append(s, d, op);
        break;
    case DBR_LOG_TRUNCATE:
        if (op->index < d->first + d->n) {
            d->n = op->index > d->first ? (size_t)(op->index - d->first) : 0;
        }
        break;
    case DBR_LOG_SNAPSHOT:
    case DBR_LOG_INSTALL:
        disk_snapshot(s, node, op);
        break;
    }
}

static uint32_t latency(struct sim *s)
{
    if (s->config.quiet_disk) {
        return 2;
    }
    if (s->config.slow_disk && !s->healed && sim_below(s, 40) == 0) {
        return (uint32_t)(500 + sim_below(s, 4000));
    }
    return (uint32_t)(!s->healed && sim_below(s, 30) == 0 ? sim_below(s, 400)
                                                          : sim_below(s, 12));
}

static void disk_start(struct sim *s, int i)
{
    struct node *node = &s->nodes[i];
    if (node->first == NULL || node->writing || node->stopped) {
        return;
    }
    node->writing = true;
    struct event *e = sim_schedule(s, s->now + latency(s), A_DISK, i);
    e->value = sim_below(s, 2) == 0 ? 1 : node->queued; /* ops that share the flush */
}

void sim_disk_queue(struct sim *s, int i, struct dbr_log_op *op)
{
    struct node *node = &s->nodes[i];
    op->next = NULL;
    if (node->first == NULL) {
        node->first = op;
    } else {
        node->last->next = op;
    }
    node->last = op;
    node->queued++;
    bool meta = op->type == DBR_LOG_TERM || op->type == DBR_LOG_VOTE;
    if (meta && s->config.aim && !s->healed && s->now > 3000 && sim_below(s, 100) < 20) {
        sim_schedule(s, s->now + sim_below(s, 15), A_CRASH, i);
    }
    disk_start(s, i);
}

struct dbr_log_op *sim_disk_take(struct node *node)
{
    struct dbr_log_op *op = node->first;
    node->first = op->next;
    node->queued--;
    return op;
}

void sim_disk_done(struct sim *s, int i, uint64_t n)
{
    struct node *node = &s->nodes[i];
    uint64_t seq = 0;
    node->writing = false;
    for (; n > 0 && node->first != NULL; n--) {
        struct dbr_log_op *op = sim_disk_take(node);
        sim_disk_apply(s, node, op);
        seq = op->seq;
    }
    sim_mix(s, seq);
    sim_short(s);
    dbr_consensus_log_done(node->c, seq, s->now);
    sim_enough(s);
    sim_drain(s, i);
    disk_start(s, i);
}

void sim_disk_finish(struct disk *d)
{
    for (size_t i = 0; i < d->cap; i++) {
        dbr_buf_finish(&d->entries[i].data);
    }
    dbr_free(d->entries);
    dbr_buf_finish(&d->configuration);
    dbr_buf_finish(&d->image);
}

void sim_stop_disk(struct sim *s, int i, bool stopped)
{
    s->nodes[i].stopped = stopped;
    disk_start(s, i);
}
