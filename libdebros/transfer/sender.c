/* The half that gives: copies, fetches, the rate. */
#include "base/alloc.h"
#include "base/check.h"
#include "base/failpoint.h"
#include "transfer/inner.h"

#define CREDIT_MS 100 /* of the rate: what may be sent at once after a pause */

/* ---- Copies ------------------------------------------------------------------------ */

static struct dbr_copy *copy_by_number(struct dbr_transfer *t, uint64_t number)
{
    for (size_t i = 0; i < DBR_TRANSFER_COPIES_MAX; i++) {
        struct dbr_copy *copy = &t->sender.copies[i];
        if (copy->state != DBR_COPY_NONE && copy->number == number) {
            return copy;
        }
    }
    return NULL;
}

static struct dbr_copy *copy_by_id(struct dbr_transfer *t, const uint8_t *id)
{
    for (size_t i = 0; i < DBR_TRANSFER_COPIES_MAX; i++) {
        struct dbr_copy *copy = &t->sender.copies[i];
        if (copy->state == DBR_COPY_READY &&
            memcmp(copy->id, id, sizeof(copy->id)) == 0) {
            return copy;
        }
    }
    return NULL;
}

static void offer(struct dbr_transfer *t, int status, const struct dbr_copy *copy)
{
    struct dbr_transfer_event event = {.type = DBR_TRANSFER_OFFER, .status = status};
    struct dbr_buf data = {0};
    if (!t->sender.asked) {
        return;
    }
    t->sender.asked = false;
    if (copy != NULL) {
        event.index = copy->index;
        dbr_buf_add(&data, copy->descriptor.data, copy->descriptor.len);
        event.status = data.failed ? DEBROS_ENOMEM : status;
    }
    dbr_transfer_push(t, &event, &data);
}

/* Its files go; a receiver that asks for more is told. */
static void drop(struct dbr_transfer *t, struct dbr_copy *copy)
{
    struct dbr_bulk_job *job = dbr_bulk_job_create(DBR_BULK_DROP);
    if (job != NULL) {
        job->freeze = copy->number;
        dbr_transfer_push_job(t, job);
    }
    dbr_buf_finish(&copy->descriptor);
    *copy = (struct dbr_copy){.state = DBR_COPY_NONE};
}

/* A free place, or that of the copy that nobody has used for the longest time. */
static struct dbr_copy *take_place(struct dbr_transfer *t)
{
    struct dbr_copy *oldest = NULL;
    for (size_t i = 0; i < DBR_TRANSFER_COPIES_MAX; i++) {
        struct dbr_copy *copy = &t->sender.copies[i];
        if (copy->state == DBR_COPY_NONE) {
            return copy;
        }
        if (oldest == NULL || copy->used < oldest->used) {
            oldest = copy;
        }
    }
    dbr_assert(oldest->state == DBR_COPY_READY); /* one at most is being made */
    drop(t, oldest);
    return oldest;
}

static void freeze(struct dbr_transfer *t)
{
    DBR_FAILPOINT("transfer.sender.freeze");
    struct dbr_copy *copy = take_place(t);
    *copy = (struct dbr_copy){.state = DBR_COPY_FREEZING,
                              .number = t->sender.next_number++,
                              .asked = t->sender.asked_index,
                              .used = t->now};
    struct dbr_transfer_event event = {.type = DBR_TRANSFER_FREEZE,
                                       .freeze = copy->number,
                                       .index = t->sender.asked_index};
    dbr_transfer_push(t, &event, NULL);
}

static struct dbr_copy *copy_in_the_making(struct dbr_transfer *t)
{
    for (size_t i = 0; i < DBR_TRANSFER_COPIES_MAX; i++) {
        struct dbr_copy *copy = &t->sender.copies[i];
        if (copy->state == DBR_COPY_FREEZING || copy->state == DBR_COPY_COPYING) {
            return copy;
        }
    }
    return NULL;
}

void dbr_transfer_ask(struct dbr_transfer *t, uint64_t index, dbr_time now)
{
    t->now = now > t->now ? now : t->now;
    t->sender.asked = true;
    t->sender.asked_index = index;
    for (size_t i = 0; i < DBR_TRANSFER_COPIES_MAX; i++) {
        struct dbr_copy *copy = &t->sender.copies[i];
        /* One that a follower has part of already is as good as a new one. */
        if (copy->state == DBR_COPY_READY && copy->index >= index) {
            copy->used = t->now;
            offer(t, 0, copy);
            return;
        }
    }
    if (copy_in_the_making(t) == NULL) {
        freeze(t);
    }
}

static void give_copy_job(struct dbr_transfer *t, struct dbr_copy *copy)
{
    struct dbr_bulk_job *job = dbr_bulk_job_create(DBR_BULK_COPY);
    if (job == NULL) {
        drop(t, copy);
        offer(t, DEBROS_ENOMEM, NULL);
        return;
    }
    job->freeze = copy->number;
    dbr_transfer_push_job(t, job);
}

void dbr_transfer_frozen(struct dbr_transfer *t, uint64_t number, int status,
                         dbr_time now)
{
    DBR_FAILPOINT("transfer.sender.frozen");
    t->now = now > t->now ? now : t->now;
    struct dbr_copy *copy = copy_by_number(t, number);
    if (copy == NULL) {
        return;
    }
    if (status != 0) {
        *copy = (struct dbr_copy){.state = DBR_COPY_NONE};
        offer(t, status, NULL);
        return;
    }
    copy->state = DBR_COPY_COPYING;
    give_copy_job(t, copy);
}

static void copy_ready(struct dbr_transfer *t, struct dbr_copy *copy,
                       struct dbr_bulk_job *job)
{
    DBR_FAILPOINT("transfer.sender.copy_ready");
    struct dbr_descriptor descriptor;
    char size[32];
    int err =
        dbr_descriptor_decode(&descriptor, dbr_bytes(job->data.data, job->data.len));
    if (err != 0) {
        drop(t, copy);
        offer(t, err, NULL);
        return;
    }
    copy->state = DBR_COPY_READY;
    copy->index = descriptor.index;
    copy->total = descriptor.total;
    memcpy(copy->id, descriptor.id, sizeof(copy->id));
    copy->descriptor = dbr_buf_take(&job->data);
    copy->used = t->now;
    dbr_descriptor_finish(&descriptor);
    dbr_log(t->config.logger, DEBROS_LOG_INFO, DBR_TRANSFER_MODULE,
            "made a snapshot of %s at entry %llu for a member that is far behind",
            dbr_transfer_size_text(size, copy->total), (unsigned long long)copy->index);
    if (t->sender.asked && copy->asked < t->sender.asked_index &&
        copy->index < t->sender.asked_index) {
        freeze(t); /* more was asked for meanwhile */
        return;
    }
    offer(t, 0, copy);
}

static void copy_done(struct dbr_transfer *t, struct dbr_bulk_job *job)
{
    struct dbr_copy *copy = copy_by_number(t, job->freeze);
    if (copy == NULL || copy->state != DBR_COPY_COPYING) {
        return;
    }
    if (job->status != 0) {
        dbr_log(t->config.logger, DEBROS_LOG_WARN, DBR_TRANSFER_MODULE,
                "no snapshot can be made: %s", job->detail.text);
        drop(t, copy);
        offer(t, job->status, NULL);
    } else if (job->done) {
        copy_ready(t, copy, job);
    } else {
        give_copy_job(t, copy);
    }
}

/* ---- Fetches ------------------------------------------------------------------------
 */

static struct dbr_outgoing *outgoing(struct dbr_transfer *t, uint64_t stream)
{
    for (size_t i = 0; i < t->config.limits.streams; i++) {
        if (t->sender.streams[i].stream == stream) {
            return &t->sender.streams[i];
        }
    }
    return NULL;
}

static void refill(struct dbr_transfer *t)
{
    struct dbr_sender *s = &t->sender;
    uint64_t rate = t->config.limits.rate;
    uint64_t most = rate / 1000 * CREDIT_MS;
    most = most < DBR_TRANSFER_CREDIT_LEAST ? DBR_TRANSFER_CREDIT_LEAST : most;
    uint64_t passed = t->now - s->refilled;
    uint64_t more = passed >= 1000 ? rate : rate * passed / 1000;
    if (more == 0 && passed < 1000) {
        return; /* a slow rate gathers */
    }
    s->refilled = t->now;
    s->credit += (int64_t)more;
    s->credit = s->credit > (int64_t)most ? (int64_t)most : s->credit;
}

static void tell_gone(struct dbr_transfer *t, struct dbr_outgoing *out, const uint8_t *id)
{
    struct dbr_transfer_message message = {.type = DBR_TRANSFER_GONE};
    memcpy(message.id, id, sizeof(message.id));
    dbr_transfer_push_message(t, out->stream, &message);
    if (out->is_lost) {
        return; /* its window of fetches */
    }
    out->is_lost = true;
    struct dbr_transfer_event lost = {.type = DBR_TRANSFER_LOST, .peer = out->peer};
    dbr_transfer_push(t, &lost, NULL);
}

static void serve_one(struct dbr_transfer *t, const struct dbr_fetch *fetch)
{
    struct dbr_outgoing *out = outgoing(t, fetch->stream);
    struct dbr_copy *copy = copy_by_number(t, fetch->copy);
    if (out == NULL || copy == NULL) {
        return; /* the next fetch of the stream is told that the copy is gone */
    }
    struct dbr_bulk_job *job = dbr_bulk_job_create(DBR_BULK_READ);
    if (job == NULL) {
        return; /* the receiver asks again */
    }
    job->freeze = fetch->copy;
    job->offset = fetch->offset;
    job->len = fetch->length;
    job->stream = fetch->stream;
    copy->used = t->now;
    t->sender.reading++;
    t->sender.credit -= fetch->length;
    dbr_transfer_push_job(t, job);
}

static void serve(struct dbr_transfer *t)
{
    struct dbr_sender *s = &t->sender;
    struct dbr_fetch fetch;
    refill(t);
    while (s->reading < t->config.limits.reads && s->credit > 0 &&
           dbr_ring_pop(&s->fetches, &fetch)) {
        serve_one(t, &fetch);
    }
}

static void damaged(struct dbr_transfer *t, struct dbr_copy *copy, const char *who)
{
    dbr_log(t->config.logger, DEBROS_LOG_ERROR, DBR_TRANSFER_MODULE,
            "%s: the copy for entry %llu is damaged on this node's disk: dropped", who,
            (unsigned long long)copy->index);
    drop(t, copy);
}

static void read_done(struct dbr_transfer *t, struct dbr_bulk_job *job)
{
    DBR_FAILPOINT("transfer.sender.read_done");
    struct dbr_copy *copy = copy_by_number(t, job->freeze);
    struct dbr_outgoing *out = outgoing(t, job->stream);
    dbr_assert(t->sender.reading > 0);
    t->sender.reading--;
    if (out != NULL) {
        out->waiting -= out->waiting > 0;
    }
    if (copy != NULL && job->status == 0 && out != NULL) {
        struct dbr_transfer_message message = {
            .type = DBR_TRANSFER_CHUNK_OF,
            .offset = job->offset,
            .data = dbr_bytes(job->data.data, job->data.len)};
        memcpy(message.id, copy->id, sizeof(message.id));
        dbr_transfer_push_message(t, out->stream, &message);
        struct dbr_transfer_event event = {.type = DBR_TRANSFER_SERVED,
                                           .peer = out->peer};
        dbr_transfer_push(t, &event, NULL);
        out->sent = job->offset + job->data.len;
        out->used = t->now;
    } else if (copy != NULL && job->status != 0 && job->status != DEBROS_ENOMEM) {
        if (out != NULL) {
            tell_gone(t, out, copy->id);
        }
        damaged(t, copy, job->detail.text);
    }
    serve(t);
}

static struct dbr_outgoing *outgoing_add(struct dbr_transfer *t, uint64_t stream,
                                         const struct dbr_peer_id *peer)
{
    struct dbr_outgoing *out = outgoing(t, stream);
    if (out == NULL && (out = outgoing(t, 0)) != NULL) {
        *out = (struct dbr_outgoing){.stream = stream, .peer = *peer, .used = t->now};
    }
    return out;
}

static int fetch(struct dbr_transfer *t, struct dbr_outgoing *out,
                 const struct dbr_transfer_message *message)
{
    struct dbr_copy *copy = copy_by_id(t, message->id);
    if (copy == NULL) {
        tell_gone(t, out, message->id);
        return 0;
    }
    struct dbr_fetch fetch = {.stream = out->stream,
                              .copy = copy->number,
                              .offset = message->offset,
                              .length = message->length};
    if (message->offset >= copy->total || out->waiting >= t->config.limits.fetches ||
        !dbr_ring_push(&t->sender.fetches, &fetch)) {
        return DEBROS_EPROTO;
    }
    out->waiting++;
    out->copy = copy->number;
    serve(t);
    return 0;
}

int dbr_sender_recv(struct dbr_transfer *t, uint64_t stream,
                    const struct dbr_peer_id *peer,
                    const struct dbr_transfer_message *message)
{
    bool asks = message->type == DBR_TRANSFER_FETCH;
    struct dbr_outgoing *out = NULL;
    struct dbr_copy *copy = copy_by_id(t, message->id);
    char text[DBR_PEER_ID_TEXT_SIZE];
    if (asks || message->type == DBR_TRANSFER_DAMAGED) {
        out = outgoing_add(t, stream, peer);
    }
    if (out == NULL) {
        return DEBROS_EPROTO;
    }
    if (asks) {
        return fetch(t, out, message);
    }
    if (copy != NULL) {
        damaged(t, copy, dbr_peer_id_text(peer, text));
    }
    tell_gone(t, out, message->id);
    return 0;
}

void dbr_sender_stream_closed(struct dbr_transfer *t, uint64_t stream)
{
    struct dbr_outgoing *out = outgoing(t, stream);
    if (out != NULL) {
        *out = (struct dbr_outgoing){.stream = 0};
    }
}

void dbr_sender_job_done(struct dbr_transfer *t, struct dbr_bulk_job *job)
{
    if (job->type == DBR_BULK_COPY) {
        copy_done(t, job);
    } else if (job->type == DBR_BULK_READ) {
        read_done(t, job);
    }
    dbr_bulk_job_destroy(job);
}

/* ---- Time ---------------------------------------------------------------------------
 */

dbr_time dbr_sender_deadline(const struct dbr_transfer *t)
{
    const struct dbr_sender *s = &t->sender;
    dbr_time at = DBR_TIME_NEVER;
    for (size_t i = 0; i < DBR_TRANSFER_COPIES_MAX; i++) {
        if (s->copies[i].state == DBR_COPY_READY) {
            at = dbr_time_min(at,
                              dbr_time_add(s->copies[i].used, t->config.limits.keep_ms));
        }
    }
    if (s->fetches.len > 0 && s->reading < t->config.limits.reads) {
        uint64_t missing = s->credit > 0 ? 0 : (uint64_t)(1 - s->credit);
        uint64_t wait = missing * 1000 / t->config.limits.rate + 1;
        at = dbr_time_min(at, dbr_time_add(s->refilled, wait));
    }
    return at;
}

void dbr_sender_expire(struct dbr_transfer *t)
{
    for (size_t i = 0; i < DBR_TRANSFER_COPIES_MAX; i++) {
        struct dbr_copy *copy = &t->sender.copies[i];
        if (copy->state == DBR_COPY_READY &&
            dbr_time_add(copy->used, t->config.limits.keep_ms) <= t->now) {
            drop(t, copy);
        }
    }
    serve(t);
}

void dbr_sender_finish(struct dbr_transfer *t)
{
    for (size_t i = 0; i < DBR_TRANSFER_COPIES_MAX; i++) {
        dbr_buf_finish(&t->sender.copies[i].descriptor);
    }
    dbr_ring_finish(&t->sender.fetches);
}
