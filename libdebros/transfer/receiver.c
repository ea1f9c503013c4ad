/* The half that takes: stage, fetch, write, verify. */
#include "base/alloc.h"
#include "base/check.h"
#include "base/failpoint.h"
#include "transfer/inner.h"

#define TELL_MS 5000 /* between two lines in the log */

static void ended(struct dbr_transfer *t, int status);

/* ---- Jobs ----------------------------------------------------------------------------
 */

static void give_job(struct dbr_transfer *t, enum dbr_bulk_job_type type, uint64_t offset,
                     debros_bytes data)
{
    struct dbr_bulk_job *job = dbr_bulk_job_create(type);
    if (job == NULL) {
        ended(t, DEBROS_ENOMEM);
        return;
    }
    job->offset = offset;
    dbr_buf_add(&job->data, data.data, data.len);
    if (job->data.failed) {
        dbr_bulk_job_destroy(job);
        ended(t, DEBROS_ENOMEM);
        return;
    }
    t->receiver.jobs++;
    dbr_transfer_push_job(t, job);
}

/* Nothing else is at the disk: the stage changes. */
static void stage(struct dbr_transfer *t)
{
    struct dbr_receiver *r = &t->receiver;
    if (r->jobs > 0 || r->stage_at > t->now) {
        return;
    }
    r->stage_at = DBR_TIME_NEVER;
    if (r->state == DBR_RECEIVER_WAITING) {
        r->sweep = false;
        r->state = DBR_RECEIVER_STAGING;
        give_job(t, DBR_BULK_STAGE, 0, dbr_bytes(r->bytes.data, r->bytes.len));
    } else if (r->state == DBR_RECEIVER_IDLE && r->sweep) {
        r->sweep = false;
        give_job(t, DBR_BULK_STAGE, 0, dbr_bytes(NULL, 0));
    }
}

/* ---- The stream ----------------------------------------------------------------------
 */

static void hang_up(struct dbr_transfer *t, enum dbr_transfer_event_type how)
{
    struct dbr_receiver *r = &t->receiver;
    if (r->stream != 0) {
        struct dbr_transfer_event event = {.type = how, .stream = r->stream};
        dbr_transfer_push(t, &event, NULL);
    }
    r->stream = 0;
    r->open_at = DBR_TIME_NEVER;
}

static void open_stream(struct dbr_transfer *t)
{
    struct dbr_receiver *r = &t->receiver;
    if (r->stream != 0 || r->opening) {
        return;
    }
    struct dbr_transfer_event event = {.type = DBR_TRANSFER_OPEN, .peer = r->peer};
    r->open_at = DBR_TIME_NEVER;
    r->opening = true;
    r->opening_peer = r->peer;
    dbr_transfer_push(t, &event, NULL);
}

/* Up to the end of the file at most: every chunk has a length that is known before. */
static uint32_t chunk_at(const struct dbr_transfer *t, uint64_t offset)
{
    const struct dbr_descriptor *d = &t->receiver.descriptor;
    uint64_t inside;
    size_t file = dbr_descriptor_at(d, offset, &inside);
    uint64_t left = file < d->n_files ? d->files[file].size - inside : 0;
    return left < t->config.limits.chunk ? (uint32_t)left : t->config.limits.chunk;
}

static void ask_for_more(struct dbr_transfer *t)
{
    struct dbr_receiver *r = &t->receiver;
    uint64_t window = (uint64_t)t->config.limits.window * t->config.limits.chunk;
    while (r->stream != 0 && r->state == DBR_RECEIVER_FETCHING &&
           r->asked < r->descriptor.total && r->asked - r->written < window) {
        struct dbr_transfer_message message = {.type = DBR_TRANSFER_FETCH,
                                               .offset = r->asked,
                                               .length = chunk_at(t, r->asked)};
        memcpy(message.id, r->descriptor.id, sizeof(message.id));
        r->asked += message.length;
        dbr_transfer_push_message(t, r->stream, &message);
    }
}

void dbr_transfer_opened(struct dbr_transfer *t, uint64_t stream, int status,
                         dbr_time now)
{
    struct dbr_receiver *r = &t->receiver;
    t->now = now > t->now ? now : t->now;
    bool fetches = r->state == DBR_RECEIVER_FETCHING;
    r->opening = false;
    r->open_at =
        fetches ? dbr_time_add(t->now, t->config.limits.retry_ms) : DBR_TIME_NEVER;
    if (status != 0) {
        return;
    }
    if (!fetches || !dbr_peer_id_equal(&r->peer, &r->opening_peer)) {
        struct dbr_transfer_event reset = {.type = DBR_TRANSFER_RESET, .stream = stream};
        dbr_transfer_push(t, &reset, NULL);
        return;
    }
    r->stream = stream;
    r->open_at = DBR_TIME_NEVER;
    r->talked = t->now;
    r->asked = r->received;
    ask_for_more(t);
}

void dbr_receiver_stream_closed(struct dbr_transfer *t)
{
    struct dbr_receiver *r = &t->receiver;
    r->stream = 0;
    r->asked = r->received; /* what has been handed to the disk still counts */
    if (r->state == DBR_RECEIVER_FETCHING) {
        r->open_at = dbr_time_add(t->now, t->config.limits.retry_ms);
    }
}

/* ---- Begin and end -------------------------------------------------------------------
 */

static void forget(struct dbr_transfer *t)
{
    struct dbr_receiver *r = &t->receiver;
    hang_up(t, DBR_TRANSFER_RESET);
    dbr_descriptor_finish(&r->descriptor);
    dbr_buf_finish(&r->bytes);
    r->state = DBR_RECEIVER_IDLE;
    r->stage_at = DBR_TIME_NEVER;
    r->written = r->received = r->asked = 0;
    r->damages = 0;
}

static void ended(struct dbr_transfer *t, int status)
{
    struct dbr_receiver *r = &t->receiver;
    struct dbr_transfer_event event = {.type = DBR_TRANSFER_FETCHED, .status = status};
    char peer[DBR_PEER_ID_TEXT_SIZE];
    char size[32];
    if (r->state == DBR_RECEIVER_IDLE) {
        return;
    }
    if (status == 0) {
        dbr_log(t->config.logger, DEBROS_LOG_INFO, DBR_TRANSFER_MODULE,
                "received a snapshot of %s from %s in %.1f s",
                dbr_transfer_size_text(size, r->descriptor.total),
                dbr_peer_id_text(&r->peer, peer), (double)(t->now - r->begun) / 1000);
    } else {
        dbr_log(t->config.logger, DEBROS_LOG_WARN, DBR_TRANSFER_MODULE,
                "the snapshot of %s cannot be had from %s: %s; the leader will offer "
                "another",
                dbr_transfer_size_text(size, r->descriptor.total),
                dbr_peer_id_text(&r->peer, peer),
                status == DEBROS_ENOTFOUND ? "it is not there any more"
                                           : debros_strerror(status));
    }
    DBR_FAILPOINT("transfer.receiver.ended");
    dbr_transfer_push(t, &event, &r->bytes);
    forget(t);
}

static void begin(struct dbr_transfer *t, const struct dbr_peer_id *peer,
                  struct dbr_descriptor *descriptor, struct dbr_buf *bytes)
{
    struct dbr_receiver *r = &t->receiver;
    char id[DBR_PEER_ID_TEXT_SIZE];
    char size[32];
    DBR_FAILPOINT("transfer.receiver.begin");
    forget(t);
    r->peer = *peer;
    r->descriptor = *descriptor;
    r->bytes = dbr_buf_take(bytes);
    r->state = DBR_RECEIVER_WAITING;
    r->begun = r->heard = r->told = r->stage_at = t->now;
    dbr_log(t->config.logger, DEBROS_LOG_INFO, DBR_TRANSFER_MODULE,
            "receiving a snapshot of %s at entry %llu from %s",
            dbr_transfer_size_text(size, descriptor->total),
            (unsigned long long)descriptor->index, dbr_peer_id_text(peer, id));
    stage(t);
}

int dbr_transfer_fetch(struct dbr_transfer *t, const struct dbr_peer_id *peer,
                       uint64_t index, debros_bytes bytes, dbr_time now)
{
    struct dbr_receiver *r = &t->receiver;
    struct dbr_descriptor descriptor;
    struct dbr_buf copy = {0};
    t->now = now > t->now ? now : t->now;
    if (r->state != DBR_RECEIVER_IDLE && dbr_peer_id_equal(&r->peer, peer) &&
        dbr_bytes_equal(bytes, dbr_bytes(r->bytes.data, r->bytes.len))) {
        return 0;
    }
    int err = dbr_descriptor_decode(&descriptor, bytes);
    if (err != 0) {
        return err;
    }
    dbr_buf_add(&copy, bytes.data, bytes.len);
    if (copy.failed || descriptor.index < index) {
        dbr_descriptor_finish(&descriptor);
        err = copy.failed ? DEBROS_ENOMEM : DEBROS_EPROTO;
        dbr_buf_finish(&copy);
        return err;
    }
    begin(t, peer, &descriptor, &copy);
    return 0;
}

void dbr_transfer_abandon(struct dbr_transfer *t, dbr_time now)
{
    t->now = now > t->now ? now : t->now;
    if (t->receiver.state == DBR_RECEIVER_IDLE) {
        return;
    }
    forget(t);
    t->receiver.sweep = true;
    t->receiver.stage_at = t->now;
    stage(t);
}

/* ---- Messages ------------------------------------------------------------------------
 */

static int take_chunk(struct dbr_transfer *t, const struct dbr_transfer_message *message)
{
    struct dbr_receiver *r = &t->receiver;
    if (r->state != DBR_RECEIVER_FETCHING) {
        return 0; /* of the time before */
    }
    if (message->offset != r->received || r->received >= r->asked ||
        message->data.len != chunk_at(t, r->received)) {
        return DEBROS_EPROTO;
    }
    DBR_FAILPOINT("transfer.receiver.take_chunk");
    r->heard = r->talked = t->now;
    r->received += message->data.len;
    give_job(t, DBR_BULK_WRITE, message->offset, message->data);
    return 0;
}

int dbr_receiver_recv(struct dbr_transfer *t, const struct dbr_transfer_message *message)
{
    struct dbr_receiver *r = &t->receiver;
    if (memcmp(message->id, r->descriptor.id, sizeof(message->id)) != 0) {
        return DEBROS_EPROTO;
    }
    switch (message->type) {
    case DBR_TRANSFER_CHUNK_OF:
        return take_chunk(t, message);
    case DBR_TRANSFER_GONE:
        ended(t, DEBROS_ENOTFOUND);
        return 0;
    case DBR_TRANSFER_FETCH:
    case DBR_TRANSFER_DAMAGED:
        break;
    }
    return DEBROS_EPROTO;
}

/* ---- Done jobs ------------------------------------------------------------------------
 */

static void tell_progress(struct dbr_transfer *t)
{
    struct dbr_receiver *r = &t->receiver;
    char peer[DBR_PEER_ID_TEXT_SIZE];
    char size[32];
    if (t->now - r->told < TELL_MS) {
        return;
    }
    r->told = t->now;
    dbr_log(t->config.logger, DEBROS_LOG_INFO, DBR_TRANSFER_MODULE,
            "receiving snapshot: %u %% of %s from %s",
            (unsigned)(r->written / (r->descriptor.total / 100 + 1)),
            dbr_transfer_size_text(size, r->descriptor.total),
            dbr_peer_id_text(&r->peer, peer));
}

/* All is here, or more must come. */
static void go_on(struct dbr_transfer *t)
{
    struct dbr_receiver *r = &t->receiver;
    if (r->written < r->descriptor.total) {
        r->state = DBR_RECEIVER_FETCHING;
        if (r->stream == 0 && r->open_at == DBR_TIME_NEVER) {
            open_stream(t);
        }
        ask_for_more(t);
    } else if (r->jobs == 0) {
        r->state = DBR_RECEIVER_VERIFYING;
        give_job(t, DBR_BULK_VERIFY, 0, dbr_bytes(NULL, 0));
    }
}

static void begin_at(struct dbr_transfer *t, uint64_t offset)
{
    struct dbr_receiver *r = &t->receiver;
    r->written = r->received = r->asked = offset;
    r->heard = t->now;
    go_on(t);
}

/* The files that are damaged are gone from the disk: once more, from there on. */
static void damaged(struct dbr_transfer *t, const struct dbr_bulk_job *job)
{
    struct dbr_receiver *r = &t->receiver;
    dbr_log(t->config.logger, DEBROS_LOG_WARN, DBR_TRANSFER_MODULE, "%s",
            job->detail.text);
    if (++r->damages < DBR_TRANSFER_DAMAGES_MAX) {
        begin_at(t, job->offset);
        return;
    }
    /* Not this disk, then: the sender makes another copy. */
    struct dbr_transfer_message message = {.type = DBR_TRANSFER_DAMAGED};
    memcpy(message.id, r->descriptor.id, sizeof(message.id));
    if (r->stream != 0) {
        dbr_transfer_push_message(t, r->stream, &message);
        hang_up(t, DBR_TRANSFER_FINISH);
    }
    ended(t, DEBROS_EPROTO);
    r->sweep = true;
    r->stage_at = t->now;
}

static void broken(struct dbr_transfer *t, const struct dbr_bulk_job *job)
{
    struct dbr_transfer_event event = {.type = DBR_TRANSFER_BROKEN,
                                       .status = job->status};
    struct dbr_buf text = {0};
    dbr_buf_add(&text, job->detail.text, strlen(job->detail.text));
    dbr_transfer_push(t, &event, &text);
    ended(t, job->status);
}

/* True: the job's answer counts. */
static bool check_job(struct dbr_transfer *t, const struct dbr_bulk_job *job)
{
    struct dbr_receiver *r = &t->receiver;
    bool counts = (r->state == DBR_RECEIVER_STAGING && job->type == DBR_BULK_STAGE) ||
                  (r->state == DBR_RECEIVER_FETCHING && job->type == DBR_BULK_WRITE) ||
                  (r->state == DBR_RECEIVER_VERIFYING && job->type == DBR_BULK_VERIFY);
    if (job->status == 0 || (job->status == DEBROS_EPROTO && counts)) {
        return counts;
    }
    if (job->status == DEBROS_ENOSPC || job->status == DEBROS_ENOMEM) {
        if (counts) { /* again, once the jobs behind it are back */
            dbr_log(t->config.logger, DEBROS_LOG_WARN, DBR_TRANSFER_MODULE,
                    "the snapshot waits: %s", job->detail.text);
            hang_up(t, DBR_TRANSFER_RESET);
            r->state = DBR_RECEIVER_WAITING;
            r->stage_at = dbr_time_add(t->now, t->config.limits.retry_ms);
        }
        return false;
    }
    if (job->status != DEBROS_ECANCELED) { /* a write behind one that failed */
        broken(t, job);
    }
    return false;
}

void dbr_receiver_job_done(struct dbr_transfer *t, struct dbr_bulk_job *job)
{
    DBR_FAILPOINT("transfer.receiver.job_done");
    struct dbr_receiver *r = &t->receiver;
    dbr_assert(r->jobs > 0);
    r->jobs--;
    if (!check_job(t, job)) {
        stage(t);
    } else if (job->status == DEBROS_EPROTO) {
        if (job->type == DBR_BULK_VERIFY) {
            damaged(t, job);
        } else {
            ended(t, DEBROS_EPROTO);
        }
        stage(t);
    } else if (job->type == DBR_BULK_STAGE) {
        begin_at(t, job->offset);
    } else if (job->type == DBR_BULK_WRITE) {
        r->written = job->offset + job->data.len;
        tell_progress(t);
        go_on(t);
    } else if (job->done) {
        hang_up(t, DBR_TRANSFER_FINISH);
        ended(t, 0);
    } else {
        r->heard = t->now;
        give_job(t, DBR_BULK_VERIFY, 0, dbr_bytes(NULL, 0));
    }
    dbr_bulk_job_destroy(job);
}

/* ---- Time, progress -------------------------------------------------------------------
 */

static dbr_time stall_at(const struct dbr_transfer *t)
{
    const struct dbr_receiver *r = &t->receiver;
    bool waits = r->state == DBR_RECEIVER_FETCHING && r->jobs == 0;
    if (!waits) {
        return DBR_TIME_NEVER;
    }
    dbr_time give_up = dbr_time_add(r->heard, t->config.limits.give_up_ms);
    return r->stream == 0
               ? give_up
               : dbr_time_min(give_up,
                              dbr_time_add(r->talked, t->config.limits.stall_ms));
}

dbr_time dbr_receiver_deadline(const struct dbr_transfer *t)
{
    const struct dbr_receiver *r = &t->receiver;
    dbr_time at = dbr_time_min(r->open_at, stall_at(t));
    return r->jobs == 0 ? dbr_time_min(at, r->stage_at) : at;
}

void dbr_receiver_expire(struct dbr_transfer *t)
{
    struct dbr_receiver *r = &t->receiver;
    stage(t);
    if (r->open_at <= t->now) {
        r->open_at = DBR_TIME_NEVER;
        if (r->state == DBR_RECEIVER_FETCHING) {
            open_stream(t);
        }
    }
    if (stall_at(t) > t->now) {
        return;
    }
    if (dbr_time_add(r->heard, t->config.limits.give_up_ms) <= t->now) {
        ended(t, DEBROS_ETIMEDOUT);
    } else {
        hang_up(t, DBR_TRANSFER_RESET);
        dbr_receiver_stream_closed(t);
    }
}

void dbr_receiver_finish(struct dbr_transfer *t)
{
    dbr_descriptor_finish(&t->receiver.descriptor);
    dbr_buf_finish(&t->receiver.bytes);
}

void dbr_transfer_progress(const struct dbr_transfer *t,
                           struct dbr_transfer_progress *out)
{
    const struct dbr_receiver *r = &t->receiver;
    *out = (struct dbr_transfer_progress){.in_done = r->written,
                                          .in_total = r->descriptor.total};
    for (size_t i = 0; i < t->config.limits.streams; i++) {
        const struct dbr_outgoing *o = &t->sender.streams[i];
        for (size_t k = 0; o->stream != 0 && k < DBR_TRANSFER_COPIES_MAX; k++) {
            const struct dbr_copy *copy = &t->sender.copies[k];
            if (copy->state == DBR_COPY_READY && copy->number == o->copy &&
                (out->out_total == 0 || o->sent < out->out_done)) {
                out->out_done = o->sent;
                out->out_total = copy->total;
            }
        }
    }
}
