#include "transfer/transfer.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/check.h"
#include "transfer/inner.h"

struct item {
    struct dbr_transfer_event event;
    struct dbr_buf data;
};

void dbr_transfer_limits_default(struct dbr_transfer_limits *limits)
{
    *limits = (struct dbr_transfer_limits){.rate = 64u << 20,
                                           .chunk = DBR_TRANSFER_CHUNK,
                                           .window = 4,
                                           .reads = 4,
                                           .fetches = 16,
                                           .streams = 16,
                                           .keep_ms = 60000,
                                           .retry_ms = 500,
                                           .stall_ms = 10000,
                                           .give_up_ms = 60000};
}

int dbr_transfer_create(struct dbr_transfer **out,
                        const struct dbr_transfer_config *config, dbr_time now)
{
    const struct dbr_transfer_limits *limits = &config->limits;
    dbr_assert(limits->rate > 0 && limits->chunk > 0 &&
               limits->chunk <= DBR_TRANSFER_CHUNK && limits->window > 0 &&
               limits->reads > 0 && limits->streams <= DBR_TRANSFER_STREAMS_MAX);
    struct dbr_transfer *t = dbr_calloc(1, sizeof(*t));
    *out = t;
    if (t == NULL) {
        return DEBROS_ENOMEM;
    }
    t->config = *config;
    t->now = now;
    dbr_ring_init(&t->events, sizeof(struct item), DBR_TRANSFER_EVENTS_MAX);
    dbr_ring_init(&t->sender.fetches, sizeof(struct dbr_fetch), DBR_TRANSFER_FETCHES_MAX);
    t->sender.next_number = 1;
    t->sender.refilled = now;
    t->sender.credit = DBR_TRANSFER_CREDIT_LEAST;
    t->receiver.open_at = t->receiver.stage_at = DBR_TIME_NEVER;
    return 0;
}

void dbr_transfer_destroy(struct dbr_transfer *t)
{
    struct item item;
    if (t == NULL) {
        return;
    }
    while (dbr_ring_pop(&t->events, &item)) {
        dbr_bulk_job_destroy(item.event.job);
        dbr_buf_finish(&item.data);
    }
    dbr_ring_finish(&t->events);
    dbr_buf_finish(&t->shown);
    dbr_sender_finish(t);
    dbr_receiver_finish(t);
    dbr_free(t);
}

void dbr_transfer_push(struct dbr_transfer *t, const struct dbr_transfer_event *event,
                       struct dbr_buf *data)
{
    struct item item = {.event = *event};
    if (data != NULL) {
        item.data = dbr_buf_take(data);
    }
    if (!dbr_ring_push(&t->events, &item)) {
        dbr_bulk_job_destroy(item.event.job);
        dbr_buf_finish(&item.data);
    }
}

void dbr_transfer_push_job(struct dbr_transfer *t, struct dbr_bulk_job *job)
{
    struct dbr_transfer_event event = {.type = DBR_TRANSFER_JOB, .job = job};
    dbr_transfer_push(t, &event, NULL);
}

void dbr_transfer_push_message(struct dbr_transfer *t, uint64_t stream,
                               const struct dbr_transfer_message *message)
{
    struct dbr_transfer_event event = {.type = DBR_TRANSFER_SEND, .stream = stream};
    struct dbr_buf data = {0};
    if (dbr_transfer_encode(&data, message) == 0) {
        dbr_transfer_push(t, &event, &data);
    }
    dbr_buf_finish(&data);
}

const char *dbr_transfer_size_text(char out[32], uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    size_t unit = 0;
    double value = (double)bytes;
    while (value >= 1024 && unit < 6) {
        value /= 1024;
        unit++;
    }
    (void)snprintf(out, 32, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return out;
}

static void begin(struct dbr_transfer *t, dbr_time now)
{
    t->now = now > t->now ? now : t->now;
}

int dbr_transfer_recv(struct dbr_transfer *t, uint64_t stream,
                      const struct dbr_peer_id *peer, debros_bytes message, dbr_time now)
{
    struct dbr_transfer_message decoded;
    begin(t, now);
    if (dbr_transfer_decode(&decoded, message) != 0) {
        return DEBROS_EPROTO;
    }
    return stream == t->receiver.stream ? dbr_receiver_recv(t, &decoded)
                                        : dbr_sender_recv(t, stream, peer, &decoded);
}

void dbr_transfer_stream_closed(struct dbr_transfer *t, uint64_t stream, dbr_time now)
{
    begin(t, now);
    if (stream == t->receiver.stream) {
        dbr_receiver_stream_closed(t);
    } else {
        dbr_sender_stream_closed(t, stream);
    }
}

void dbr_transfer_job_done(struct dbr_transfer *t, struct dbr_bulk_job *job, dbr_time now)
{
    begin(t, now);
    switch (job->type) {
    case DBR_BULK_COPY:
    case DBR_BULK_READ:
    case DBR_BULK_DROP:
        dbr_sender_job_done(t, job);
        break;
    case DBR_BULK_STAGE:
    case DBR_BULK_WRITE:
    case DBR_BULK_VERIFY:
        dbr_receiver_job_done(t, job);
        break;
    }
}

bool dbr_transfer_poll(struct dbr_transfer *t, struct dbr_transfer_event *event)
{
    struct item item;
    dbr_buf_finish(&t->shown);
    if (!dbr_ring_pop(&t->events, &item)) {
        return false;
    }
    t->shown = item.data;
    *event = item.event;
    event->data = dbr_bytes(t->shown.data, t->shown.len);
    return true;
}

dbr_time dbr_transfer_deadline(const struct dbr_transfer *t)
{
    return dbr_time_min(dbr_sender_deadline(t), dbr_receiver_deadline(t));
}

void dbr_transfer_expire(struct dbr_transfer *t, dbr_time now)
{
    begin(t, now);
    dbr_sender_expire(t);
    dbr_receiver_expire(t);
}
