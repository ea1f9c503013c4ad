#include "consensus/snapshot.h"

#include "base/alloc.h"
#include "base/check.h"
#include "consensus/machine.h"


/* ---- Own snapshots ---------------------------------------------------------- */

/* Does a follower need the entries that a snapshot of ours would cut off? */
static bool is_held(struct dbr_consensus *c)
{
    struct dbr_snapshots *s = &c->snapshots;
    if (c->raft.state != RAFT_LEADER || c->now >= s->hold_until) {
        return false;
    }
    if (s->appended - s->held_from > c->config.snapshot_hold) {
        s->hold_until = 0;
        dbr_log(c->config.logger, DEBROS_LOG_WARN, "consensus",
                "a server fetches a snapshot more slowly than %zu bytes are written: the "
                "log moves on",
                c->config.snapshot_hold);
        return false;
    }
    return true;
}

static void hold(struct dbr_consensus *c)
{
    struct dbr_snapshots *s = &c->snapshots;
    if (c->now >= s->hold_until) {
        s->held_from = s->appended;
    }
    s->hold_until = dbr_time_add(c->now, DBR_SNAPSHOT_HOLD_MS);
}

/* libraft only carries the bytes around: the databases are the snapshot. */
static int fsm_snapshot(struct raft_fsm *fsm, struct raft_buffer *bufs[],
                        unsigned *n_bufs)
{
    struct dbr_consensus *c = fsm->data;
    struct raft_buffer *buf = raft_calloc(1, sizeof(*buf));
    void *nothing = raft_malloc(8);
    if (c->now < c->snapshots.not_before || is_held(c) || buf == NULL ||
        nothing == NULL) {
        raft_free(buf);
        raft_free(nothing);
        return RAFT_BUSY; /* asked again with the next entry */
    }
    buf->base = nothing;
    *bufs = buf;
    *n_bufs = 1;
    dbr_log_bytes_snapshot(c);
    return 0;
}

/* At the start the databases are there already; later the snapshot of INSTALL is
 * noted and takes their place. */
static int fsm_restore(struct raft_fsm *fsm, struct raft_buffer *buf)
{
    struct dbr_consensus *c = fsm->data;
    raft_free(buf->base);
    if (c->started) {
        c->last_command = c->raft.log.snapshot.last_index;
        dbr_consensus_push(c, &(struct dbr_event_item){.type = DBR_CONSENSUS_RESTORE,
                                                       .index = c->last_command});
    }
    return 0;
}

void dbr_snapshot_init(struct dbr_consensus *c)
{
    c->fsm.snapshot = fsm_snapshot;
    c->fsm.restore = fsm_restore;
}

static void answer_put(struct dbr_consensus *c, int status)
{
    struct dbr_snapshots *s = &c->snapshots;
    s->checkpointing = false;
    s->put_cb(s->put, status);
    s->put = NULL;
}

static int put_own(struct dbr_consensus *c, unsigned trailing,
                   struct raft_io_snapshot_put *req, const struct raft_snapshot *snapshot,
                   raft_io_snapshot_put_cb cb)
{
    struct dbr_snapshots *s = &c->snapshots;
    dbr_assert(!s->checkpointing);
    s->checkpointing = true;
    s->put = req;
    s->put_cb = cb;
    s->index = snapshot->index;
    s->term = snapshot->term;
    s->trailing = trailing;
    dbr_consensus_push(c, &(struct dbr_event_item){.type = DBR_CONSENSUS_CHECKPOINT,
                                                   .index = snapshot->index});
    return 0;
}

/* Repair 5: libraft hands over its newest configuration, which may never commit. What is
 * stored is the one that was committed at the snapshot's index. */
static int set_configuration(struct dbr_consensus *c, struct dbr_log_item *item)
{
    const struct raft_snapshot *pending = &c->raft.snapshot.pending;
    const struct raft_configuration *configuration = &pending->configuration;
    item->op.configuration_index = pending->configuration_index;
    if (!c->config.bare) {
        const struct dbr_configuration_at *at =
            dbr_history_at(&c->committed, item->op.index);
        dbr_assert(at != NULL);
        configuration = &at->configuration;
        item->op.configuration_index = at->index;
    }
    int rv = dbr_configuration_encode(configuration, &item->configuration);
    item->op.configuration = dbr_bytes(item->configuration.data, item->configuration.len);
    return rv;
}

static void queue_snapshot(struct dbr_consensus *c)
{
    struct dbr_snapshots *s = &c->snapshots;
    struct dbr_log_item *item = dbr_log_queue_add(&c->log, DBR_LOG_SNAPSHOT);
    if (item == NULL) {
        dbr_consensus_fail(c, DEBROS_ENOMEM);
        return;
    }
    s->checkpointing = false;
    item->put = s->put;
    item->put_cb = s->put_cb;
    s->put = NULL;
    item->begun_term = c->raft.current_term;
    item->op.index = s->index;
    item->op.term = s->term;
    /* The entries that libraft keeps: see its logSnapshot(). */
    item->op.keep_from = s->index > s->trailing ? s->index - s->trailing + 1 : 1;
    if (set_configuration(c, item) != 0) {
        dbr_consensus_fail(c, DEBROS_ENOMEM);
        return;
    }
    dbr_raft_io_tell(c, item);
}

void dbr_snapshot_checkpointed(struct dbr_consensus *c, int status)
{
    struct dbr_snapshots *s = &c->snapshots;
    if (!s->checkpointing) {
        return;
    }
    if (status != 0) {
        s->not_before = dbr_time_add(c->now, DBR_SNAPSHOT_RETRY_MS);
        dbr_log_bytes_failed(c);
        answer_put(c, RAFT_IOERR);
        return;
    }
    queue_snapshot(c);
}

/* ---- Installing a leader's -------------------------------------------------- */

static int put_install(struct dbr_consensus *c, struct raft_io_snapshot_put *req,
                       const struct raft_snapshot *snapshot, raft_io_snapshot_put_cb cb)
{
    struct dbr_log_item *item = dbr_log_queue_add(&c->log, DBR_LOG_INSTALL);
    if (item == NULL) {
        dbr_consensus_fail(c, DEBROS_ENOMEM);
        return 0;
    }
    item->put = req;
    item->put_cb = cb;
    item->bufs = snapshot->bufs;
    item->begun_term = c->raft.current_term;
    item->op.index = snapshot->index;
    item->op.term = snapshot->term;
    item->op.keep_from = snapshot->index + 1;
    item->op.configuration_index = snapshot->configuration_index;
    item->op.descriptor = dbr_bytes(snapshot->bufs[0].base, snapshot->bufs[0].len);
    if (dbr_configuration_encode(&snapshot->configuration, &item->configuration) != 0) {
        dbr_consensus_fail(c, DEBROS_ENOMEM);
        return 0;
    }
    item->op.configuration = dbr_bytes(item->configuration.data, item->configuration.len);
    c->log.last_index = snapshot->index;
    c->repairs.appended = true;
    dbr_raft_io_tell(c, item);
    return 0;
}

int dbr_snapshot_put(struct dbr_consensus *c, unsigned trailing,
                     struct raft_io_snapshot_put *req,
                     const struct raft_snapshot *snapshot, raft_io_snapshot_put_cb cb)
{
    /* Not told apart by `trailing`, which may be 0 for an own one too. */
    bool own = c->raft.snapshot.pending.term != 0;
    return own ? put_own(c, trailing, req, snapshot, cb)
               : put_install(c, req, snapshot, cb);
}

/* ---- Offering --------------------------------------------------------- */

int dbr_snapshot_get(struct dbr_consensus *c, struct raft_io_snapshot_get *req,
                     raft_io_snapshot_get_cb cb)
{
    struct dbr_snapshots *s = &c->snapshots;
    if (s->n_waits == DBR_SNAPSHOT_WAITS_MAX) {
        return RAFT_BUSY;
    }
    s->waits[s->n_waits++] = (struct dbr_snapshot_wait){
        .get = req, .cb = cb, .needs = c->raft.log.snapshot.last_index};
    return 0;
}

/* Answers the transfers that need no more than `index`, with a snapshot each when
 * `status` is 0. */
static void answer_waits(struct dbr_consensus *c, uint64_t index, int status)
{
    struct dbr_snapshots *s = &c->snapshots;
    size_t kept = 0;
    for (size_t i = 0; i < s->n_waits; i++) {
        struct dbr_snapshot_wait wait = s->waits[i];
        if (wait.needs > index) {
            s->waits[kept++] = wait;
            continue;
        }
        struct raft_snapshot *snapshot = NULL;
        int rv = status;
        if (rv == 0) {
            rv = dbr_snapshot_describe(c, index, &snapshot);
        }
        wait.cb(wait.get, snapshot, rv);
    }
    s->n_waits = kept;
}

/* The configuration in force after entry `index`, as a copy. The databases may be ahead
 * of what this life of the server knows as committed: then the log still has the entry.
 */
static int configuration_at(const struct dbr_consensus *c, uint64_t index,
                            struct raft_configuration *out, uint64_t *out_index)
{
    for (uint64_t i = index; i > c->scanned_index; i--) {
        const struct raft_entry *entry = dbr_consensus_entry(c, i);
        if (entry != NULL && entry->type == RAFT_CHANGE) {
            *out_index = i;
            return dbr_configuration_decode(out,
                                            dbr_bytes(entry->buf.base, entry->buf.len));
        }
    }
    const struct dbr_configuration_at *at = dbr_history_at(&c->committed, index);
    dbr_assert(at != NULL);
    *out_index = at->index;
    return dbr_configuration_copy(out, &at->configuration);
}

int dbr_snapshot_create(struct raft_snapshot **out, uint64_t index, uint64_t term,
                        struct raft_configuration *configuration,
                        uint64_t configuration_index)
{
    struct raft_snapshot *s = raft_calloc(1, sizeof(*s));
    struct raft_buffer *buf = raft_calloc(1, sizeof(*buf));
    void *nothing = raft_malloc(8); /* libraft's restore wants one buffer to free */
    if (s == NULL || buf == NULL || nothing == NULL) {
        raft_configuration_close(configuration);
        raft_free(s);
        raft_free(buf);
        raft_free(nothing);
        return RAFT_NOMEM;
    }
    buf->base = nothing;
    *s = (struct raft_snapshot){.index = index,
                                .term = term,
                                .configuration = *configuration,
                                .configuration_index = configuration_index,
                                .bufs = buf,
                                .n_bufs = 1};
    *out = s;
    return 0;
}

/* What libraft sends along; what describes the snapshot is added by send(). */
int dbr_snapshot_describe(struct dbr_consensus *c, uint64_t index,
                          struct raft_snapshot **out)
{
    struct raft_configuration configuration;
    uint64_t configuration_index = 0;
    if (configuration_at(c, index, &configuration, &configuration_index) != 0) {
        return RAFT_NOMEM;
    }
    return dbr_snapshot_create(out, index, dbr_consensus_term_of(c, index),
                               &configuration, configuration_index);
}

/* After a failure libraft would wait for the whole install timeout. */
static void retry_soon(struct dbr_consensus *c)
{
    struct raft *r = &c->raft;
    if (r->state != RAFT_LEADER || r->install_snapshot_timeout <= DBR_SNAPSHOT_RETRY_MS) {
        return;
    }
    for (unsigned i = 0; i < r->configuration.n; i++) {
        struct raft_progress *p = &r->leader_state.progress[i];
        if (p->state == DBR_PROGRESS_SNAPSHOT) {
            p->snapshot_last_send =
                c->now - r->install_snapshot_timeout + DBR_SNAPSHOT_RETRY_MS;
        }
    }
}

void dbr_snapshot_lost(struct dbr_consensus *c, uint64_t id)
{
    struct raft_progress *p = dbr_consensus_progress(c, id);
    if (p != NULL && p->state == DBR_PROGRESS_SNAPSHOT) {
        /* As libraft's progressAbortSnapshot(). */
        p->state = DBR_PROGRESS_PROBE;
        p->snapshot_index = 0;
    }
}

void dbr_snapshot_fetching(struct dbr_consensus *c, uint64_t id)
{
    struct raft_progress *p = dbr_consensus_progress(c, id);
    if (p != NULL && p->state == DBR_PROGRESS_SNAPSHOT) {
        p->snapshot_last_send = c->now; /* its install timer begins anew */
        if (c->now < c->snapshots.hold_until) {
            hold(c);
        }
    }
}

void dbr_snapshot_offer(struct dbr_consensus *c, int status, uint64_t index,
                        struct dbr_buf *descriptor)
{
    struct dbr_snapshots *s = &c->snapshots;
    s->descriptor = dbr_buf_take(descriptor);
    if (s->asked) {
        s->asked = false;
        /* The databases count commands; what follows the last one up to the asked index
         * is none, or its APPLY would have come before OFFER. */
        index = index < s->asked_index ? s->asked_index : index;
        if (status == 0 && s->descriptor.len > c->config.max_descriptor) {
            dbr_log(c->config.logger, DEBROS_LOG_ERROR, "consensus",
                    "what describes a snapshot has %zu bytes, the limit is %zu: too many "
                    "namespaces, a server that is far behind cannot catch up",
                    s->descriptor.len, c->config.max_descriptor);
            status = DEBROS_ELIMIT;
        }
        if (status != 0 || index > raft_last_index(&c->raft)) {
            answer_waits(c, UINT64_MAX, RAFT_IOERR);
            retry_soon(c);
        } else if (dbr_consensus_term_of(c, index) != 0 &&
                   dbr_history_at(&c->committed, index) != NULL) {
            answer_waits(c, index, 0);
            hold(c);
        } /* else the log has moved on past it: asked again */
    }
    dbr_buf_finish(&s->descriptor);
}

void dbr_snapshot_ask(struct dbr_consensus *c)
{
    struct dbr_snapshots *s = &c->snapshots;
    if (s->n_waits == 0 || s->asked) {
        return;
    }
    if (c->raft.state != RAFT_LEADER) {
        answer_waits(c, UINT64_MAX, RAFT_CANCELED);
        return;
    }
    s->asked = true;
    s->asked_index = c->raft.log.snapshot.last_index;
    dbr_consensus_push(c, &(struct dbr_event_item){.type = DBR_CONSENSUS_OFFER,
                                                   .index = s->asked_index});
}

void dbr_snapshot_cancel(struct dbr_consensus *c)
{
    if (c->snapshots.put != NULL) {
        answer_put(c, RAFT_CANCELED);
    }
    answer_waits(c, UINT64_MAX, RAFT_CANCELED);
}
