#include "consensus/raft_io.h"

#include <string.h>

#include "base/alloc.h"
#include "base/check.h"
#include "base/failpoint.h"
#include "consensus/machine.h"
#include "consensus/message.h"

#define SENT_MAX 65536 /* sends of one turn */

struct sent {
    struct raft_io_send *req;
    raft_io_send_cb cb;
};

static struct dbr_consensus *machine(struct raft_io *io)
{
    return io->impl;
}

static int io_init(struct raft_io *io, raft_id id, const char *address)
{
    (void)io;
    (void)id;
    (void)address;
    return 0;
}

/* ---- Start ------------------------------------------------------------------ */

static int load_snapshot(const struct dbr_log_state *state, struct raft_snapshot **out)
{
    struct raft_configuration configuration;
    if (dbr_configuration_decode(&configuration, state->configuration) != 0) {
        return RAFT_NOMEM;
    }
    return dbr_snapshot_create(out, state->snapshot_index, state->snapshot_term,
                               &configuration, state->configuration_index);
}

static void free_entries(struct raft_entry *entries, size_t n)
{
    while (n > 0) {
        raft_free(entries[--n].buf.base);
    }
    raft_free(entries);
}

static int load_entries(const struct dbr_log_state *state, struct raft_entry **out)
{
    size_t n = state->n_entries;
    *out = n > 0 ? raft_calloc(n, sizeof(**out)) : NULL;
    if (n > 0 && *out == NULL) {
        return RAFT_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        const struct dbr_log_entry *from = &state->entries[i];
        struct raft_entry *to = &(*out)[i];
        to->term = from->term;
        to->type = (unsigned short)from->type;
        to->buf.len = from->data.len;
        to->buf.base = raft_malloc(from->data.len + 8);
        if (to->buf.base == NULL) {
            free_entries(*out, i);
            return RAFT_NOMEM;
        }
        if (from->data.len > 0) {
            memcpy(to->buf.base, from->data.data, from->data.len);
        }
    }
    return 0;
}

/* A raft_start() that fails for want of memory frees the entries that it took into its
 * log, and forgets the others. */
static int note_loaded(struct dbr_raft_io *seam, const struct raft_entry *entries,
                       size_t n)
{
    seam->loaded = n > 0 ? dbr_calloc(n, sizeof(*seam->loaded)) : NULL;
    seam->n_loaded = seam->loaded != NULL ? n : 0;
    for (size_t i = 0; i < seam->n_loaded; i++) {
        seam->loaded[i] = entries[i].buf.base;
    }
    return n > 0 && seam->loaded == NULL ? RAFT_NOMEM : 0;
}

void dbr_raft_io_started(struct dbr_consensus *c, int rv)
{
    struct dbr_raft_io *seam = &c->seam;
    raft_index before = seam->state->first_index - 1;
    size_t taken = c->raft.last_stored > before ? c->raft.last_stored - before : 0;
    for (size_t i = taken; rv != 0 && i < seam->n_loaded; i++) {
        raft_free(seam->loaded[i]);
    }
    dbr_free(seam->loaded);
    seam->loaded = NULL;
    seam->n_loaded = 0;
}

static int io_load(struct raft_io *io, raft_term *term, raft_id *voted_for,
                   struct raft_snapshot **snapshot, raft_index *start_index,
                   struct raft_entry *entries[], size_t *n_entries)
{
    struct dbr_consensus *c = machine(io);
    const struct dbr_log_state *state = c->seam.state;
    *snapshot = NULL;
    int rv = load_entries(state, entries);
    if (rv != 0) {
        return rv;
    }
    rv = note_loaded(&c->seam, *entries, state->n_entries);
    if (rv == 0 && state->snapshot_index > 0) {
        rv = load_snapshot(state, snapshot);
    }
    if (rv != 0) {
        free_entries(*entries, state->n_entries);
        c->seam.n_loaded = 0;
        return rv;
    }
    *n_entries = state->n_entries;
    *start_index = state->first_index;
    c->log.last_index = state->first_index + state->n_entries - 1;
    *term = dbr_repair_6_load(c);
    *voted_for = *term == state->term ? state->vote : 0;
    return 0;
}

static int io_start(struct raft_io *io, unsigned msecs, raft_io_tick_cb tick,
                    raft_io_recv_cb recv)
{
    struct dbr_consensus *c = machine(io);
    (void)msecs;
    c->seam.tick = tick;
    c->seam.recv = recv;
    return 0;
}

static int io_bootstrap(struct raft_io *io,
                        const struct raft_configuration *configuration)
{
    (void)io;
    (void)configuration;
    return RAFT_CANTBOOTSTRAP; /* dbr_consensus_bootstrap_entry() does it */
}

static int io_recover(struct raft_io *io, const struct raft_configuration *configuration)
{
    (void)io;
    (void)configuration;
    return RAFT_INVALID;
}

/* ---- Disk ------------------------------------------------------------------- */

/* An operation that finds no memory, and none in reserve, fails the machine and is told
 * as accepted: libraft frees memory twice when an append fails. */
static struct dbr_log_item *queue_op(struct dbr_consensus *c, enum dbr_log_op_type type)
{
    struct dbr_log_item *item = dbr_log_queue_add(&c->log, type);
    if (item == NULL) {
        dbr_consensus_fail(c, DEBROS_ENOMEM);
        return NULL;
    }
    item->begun_term = c->raft.current_term;
    return item;
}

void dbr_raft_io_tell(struct dbr_consensus *c, struct dbr_log_item *item)
{
    if (c->failed == 0) { /* else one before it may be missing */
        dbr_consensus_push(
            c, &(struct dbr_event_item){.type = DBR_CONSENSUS_LOG, .op = &item->op});
    }
}

static int io_set_term(struct raft_io *io, raft_term term)
{
    DBR_FAILPOINT("consensus.raft_io.io_set_term");
    struct dbr_consensus *c = machine(io);
    struct dbr_log_item *item = queue_op(c, DBR_LOG_TERM);
    if (item != NULL) {
        item->op.value = term;
        dbr_raft_io_tell(c, item);
    }
    return 0;
}

static int io_set_vote(struct raft_io *io, raft_id server_id)
{
    DBR_FAILPOINT("consensus.raft_io.io_set_vote");
    struct dbr_consensus *c = machine(io);
    struct dbr_log_item *item = queue_op(c, DBR_LOG_VOTE);
    if (item != NULL) {
        item->op.value = server_id;
        dbr_raft_io_tell(c, item);
    }
    return 0;
}

static int io_append(struct raft_io *io, struct raft_io_append *req,
                     const struct raft_entry entries[], unsigned n, raft_io_append_cb cb)
{
    DBR_FAILPOINT("consensus.raft_io.io_append");
    struct dbr_consensus *c = machine(io);
    struct dbr_log_item *item = queue_op(c, DBR_LOG_APPEND);
    if (item == NULL) {
        return 0;
    }
    item->append = req;
    item->append_cb = cb;
    item->op.index = c->log.last_index + 1;
    item->op.entries = dbr_calloc(n, sizeof(*item->op.entries));
    if (item->op.entries == NULL) {
        dbr_consensus_fail(c, DEBROS_ENOMEM);
        return 0;
    }
    item->op.n_entries = n;
    for (unsigned i = 0; i < n; i++) {
        struct dbr_log_entry *to = &item->op.entries[i];
        to->term = entries[i].term;
        to->type = (enum dbr_entry_type)entries[i].type;
        if (entries[i].type != RAFT_BARRIER) { /* whose 8 bytes libraft never writes */
            to->data = dbr_bytes(entries[i].buf.base, entries[i].buf.len);
        }
        c->snapshots.appended += entries[i].buf.len;
    }
    item->op.is_next = n == 1 && entries[0].type == RAFT_COMMAND &&
                       c->raft.state == RAFT_LEADER &&
                       c->raft.last_applied == c->log.last_index;
    c->log.last_index += n;
    c->repairs.appended = true;
    dbr_raft_io_tell(c, item);
    return 0;
}

static int io_truncate(struct raft_io *io, raft_index index)
{
    DBR_FAILPOINT("consensus.raft_io.io_truncate");
    struct dbr_consensus *c = machine(io);
    struct dbr_log_item *item = queue_op(c, DBR_LOG_TRUNCATE);
    if (item != NULL) {
        item->op.index = index;
        c->log.last_index = index - 1;
        dbr_raft_io_tell(c, item);
    }
    return 0;
}

static int io_snapshot_put(struct raft_io *io, unsigned trailing,
                           struct raft_io_snapshot_put *req,
                           const struct raft_snapshot *snapshot,
                           raft_io_snapshot_put_cb cb)
{
    return dbr_snapshot_put(machine(io), trailing, req, snapshot, cb);
}

static int io_snapshot_get(struct raft_io *io, struct raft_io_snapshot_get *req,
                           raft_io_snapshot_get_cb cb)
{
    return dbr_snapshot_get(machine(io), req, cb);
}

/* Fires what waits for the op. A machine that ends takes all its ops back so: libraft
 * must not see a failed append, which makes it truncate a log that is being freed. */
static void complete(struct dbr_consensus *c, struct dbr_log_item *item, bool ending)
{
    switch (item->op.type) {
    case DBR_LOG_APPEND:
        item->append_cb(item->append, 0);
        break;
    case DBR_LOG_SNAPSHOT:
        item->put_cb(item->put, ending ? RAFT_CANCELED : 0);
        break;
    case DBR_LOG_INSTALL:
        item->put_cb(item->put, 0);
        if (c->raft.state == RAFT_UNAVAILABLE) {
            raft_free(item->bufs); /* which libraft forgets */
        }
        break;
    case DBR_LOG_TERM:
    case DBR_LOG_VOTE:
    case DBR_LOG_TRUNCATE:
        break;
    }
}

void dbr_raft_io_durable(struct dbr_consensus *c, struct dbr_log_item *item)
{
    DBR_FAILPOINT("consensus.raft_io.durable");
    dbr_repair_1_stored(c, item);
    c->repairs.completing = true;
    c->repairs.completing_begun = item->begun_term;
    complete(c, item, false);
    c->repairs.completing = false;
    if (item->op.type == DBR_LOG_INSTALL && c->raft.state != RAFT_UNAVAILABLE) {
        dbr_repair_5_installed(c);
    }
    dbr_raft_io_mend_cuts(c);
    dbr_log_item_free(item);
}

/* ---- Network ---------------------------------------------------------------- */

/* libraft's own pointer is garbage when an append completes after a change of role. */
static const char *address_of(const struct dbr_consensus *c, uint64_t id)
{
    const struct raft *r = &c->raft;
    const struct raft_server *server = dbr_configuration_find(&r->configuration, id);
    if (server != NULL) {
        return server->address;
    }
    if (id != 0 && id == c->inbox.from) {
        return c->inbox.from_address;
    }
    if (id != 0 && r->state == RAFT_FOLLOWER &&
        r->follower_state.current_leader.id == id) {
        return r->follower_state.current_leader.address;
    }
    return NULL;
}

/* libraft puts everything up to the end of the log into one message. What is cut off goes
 * later: see dbr_raft_io_mend_cuts(). The commit index must not point past what is there,
 * libraft would take old entries of the receiver for committed. So the receiver must not
 * take it for all that is committed, either: see says_commit() of inbox.c. */
static void cut_entries(struct dbr_consensus *c, uint64_t to,
                        struct raft_append_entries *a)
{
    size_t bytes = 0;
    unsigned n = 0;
    while (n < a->n_entries && n < DBR_MESSAGE_ENTRIES_MAX) {
        bytes += a->entries[n].buf.len;
        if (n > 0 && bytes > c->config.max_message) {
            break;
        }
        n++;
    }
    if (n == a->n_entries) {
        return;
    }
    uint64_t first = a->prev_log_index + 1;
    if (c->seam.n_cuts < DBR_RAFT_IO_CUTS_MAX) {
        c->seam.cuts[c->seam.n_cuts++] = (struct dbr_raft_io_cut){
            .server = to, .believed_next = first + a->n_entries, .real_next = first + n};
    }
    a->n_entries = n;
    if (a->leader_commit > first + n - 1) {
        a->leader_commit = first + n - 1;
    }
}

/* libraft counts a cut message as sent in full when it sends ahead of the answers. Left
 * so, the next message would be refused and the server probed at the heartbeat's pace. */
void dbr_raft_io_mend_cuts(struct dbr_consensus *c)
{
    for (size_t i = 0; i < c->seam.n_cuts; i++) {
        const struct dbr_raft_io_cut *cut = &c->seam.cuts[i];
        struct raft_progress *p = dbr_consensus_progress(c, cut->server);
        if (p != NULL && p->state == DBR_PROGRESS_PIPELINE &&
            p->next_index == cut->believed_next) {
            p->next_index = cut->real_next;
        }
    }
    c->seam.n_cuts = 0;
}

void dbr_raft_io_post(struct dbr_consensus *c, const struct raft_message *message)
{
    DBR_FAILPOINT("consensus.raft_io.post");
    struct raft_message m = *message;
    const char *address = address_of(c, m.server_id);
    if (address == NULL || m.server_id == c->config.id) {
        return;
    }
    if (m.type == RAFT_IO_APPEND_ENTRIES) {
        cut_entries(c, m.server_id, &m.append_entries);
    }
    if (m.type == RAFT_IO_APPEND_ENTRIES_RESULT &&
        dbr_repair_2_is_false(c, &m.append_entries_result)) {
        return;
    }
    if (m.type == RAFT_IO_REQUEST_VOTE_RESULT) {
        dbr_repair_10_tell_term(c, &m.request_vote_result);
    }
    struct dbr_buf data = {0};
    const struct dbr_buf *offer = &c->snapshots.descriptor;
    if (dbr_message_encode(&data, &m, c->address, dbr_bytes(offer->data, offer->len)) !=
        0) {
        dbr_buf_finish(&data); /* as good as lost on the way */
        return;
    }
    uint64_t after = c->config.bare ? 0 : c->log.last_meta_seq;
    dbr_outbox_add(&c->outbox, m.server_id, address, after, &data);
}

/* Encoded at once, so that the callback need not wait for the message to leave; but not
 * from in here: libraft touches the request after send() returns. TimeoutNow has none. */
static int io_send(struct raft_io *io, struct raft_io_send *req,
                   const struct raft_message *message, raft_io_send_cb cb)
{
    struct dbr_consensus *c = machine(io);
    struct sent sent = {req, cb};
    if (cb != NULL && !dbr_ring_push(&c->seam.sent, &sent)) {
        if (message->type != RAFT_IO_APPEND_ENTRIES_RESULT) {
            return RAFT_NOMEM;
        }
        cb(req, 0); /* lost on the way: told of an error, libraft frees entries twice */
        return 0;
    }
    dbr_raft_io_post(c, message);
    return 0;
}

bool dbr_raft_io_fire(struct dbr_consensus *c)
{
    struct sent sent;
    bool any = false;
    while (dbr_ring_pop(&c->seam.sent, &sent)) {
        sent.cb(sent.req, 0);
        any = true;
    }
    return any;
}

/* ---- The rest --------------------------------------------------------------- */

static raft_time io_time(struct raft_io *io)
{
    dbr_repair_12_time(machine(io));
    return machine(io)->now;
}

static int io_random(struct raft_io *io, int min, int max)
{
    dbr_assert(min <= max);
    return min + (int)dbr_rng_below(machine(io)->rng, (uint64_t)(max - min) + 1);
}

static int io_async_work(struct raft_io *io, struct raft_io_async_work *req,
                         raft_io_async_work_cb cb)
{
    (void)io;
    (void)req;
    (void)cb;
    return RAFT_INVALID; /* only for snapshots of version 3, which fsm does not offer */
}

/* The machine ends: every request that libraft still waits for comes back at once. */
static void io_close(struct raft_io *io, raft_io_close_cb cb)
{
    struct dbr_consensus *c = machine(io);
    struct dbr_log_item *item;
    dbr_raft_io_fire(c);
    while ((item = dbr_log_queue_take(&c->log, UINT64_MAX)) != NULL) {
        complete(c, item, true);
        dbr_log_item_free(item);
    }
    dbr_log_queue_finish(&c->log);
    dbr_snapshot_cancel(c);
    dbr_raft_io_fire(c);
    cb(io);
}

void dbr_raft_io_init(struct dbr_consensus *c)
{
    dbr_ring_init(&c->seam.sent, sizeof(struct sent), SENT_MAX);
    c->io = (struct raft_io){.version = 2,
                             .impl = c,
                             .init = io_init,
                             .close = io_close,
                             .load = io_load,
                             .start = io_start,
                             .bootstrap = io_bootstrap,
                             .recover = io_recover,
                             .set_term = io_set_term,
                             .set_vote = io_set_vote,
                             .send = io_send,
                             .append = io_append,
                             .truncate = io_truncate,
                             .snapshot_put = io_snapshot_put,
                             .snapshot_get = io_snapshot_get,
                             .time = io_time,
                             .random = io_random,
                             .async_work = io_async_work};
}
