/* Two transfer machines over one stream, with bulk workers whose disks are arrays: file
 * "a" of A_SIZE bytes and file "b" of B_SIZE. Nothing happens but by rig_run() steps. */
#ifndef DBR_TEST_TRANSFER_RIG_H
#define DBR_TEST_TRANSFER_RIG_H

#include <stdbool.h>

#include "test.h"

#include "base/alloc.h"
#include "transfer/transfer.h"

#define A_SIZE 5000
#define B_SIZE 12345
#define TOTAL  (A_SIZE + B_SIZE)

struct side {
    struct dbr_transfer *t;
    struct dbr_peer_id id;
    uint64_t stream; /* 0: closed */
    struct dbr_bulk_job *jobs[256];
    size_t n_jobs;
    size_t counts[DBR_TRANSFER_BROKEN + 1]; /* events */
    size_t n_bulk[DBR_BULK_VERIFY + 1];     /* jobs */
    int status;                             /* of the last OFFER or FETCHED */
    uint64_t index;
    struct dbr_buf descriptor; /* of OFFER */
    uint8_t disk[TOTAL];
    uint64_t staged; /* bytes in `disk` that count */
    int fail_write;  /* what the next WRITE fails with */
};

struct rig {
    dbr_time now;
    struct side from, to;
    uint64_t next_stream;
    bool unreachable;
    bool busy; /* the sender's disk does not answer */
    uint64_t bytes;
};

static inline debros_bytes rig_descriptor(const struct rig *rig)
{
    return dbr_bytes(rig->from.descriptor.data, rig->from.descriptor.len);
}

static inline void rig_init_side(struct side *side, uint8_t key,
                                 const struct dbr_transfer_limits *limits)
{
    struct dbr_transfer_config config = {.limits = *limits};
    uint8_t bytes[DBR_PUBLIC_KEY_SIZE] = {key};
    dbr_peer_id_from_key(&side->id, bytes);
    assert_int_equal(dbr_transfer_create(&side->t, &config, 1000), 0);
}

static inline void rig_init(struct rig *rig, struct dbr_transfer_limits *limits)
{
    struct dbr_transfer_limits standard;
    memset(rig, 0, sizeof(*rig));
    if (limits == NULL) {
        limits = &standard;
        dbr_transfer_limits_default(limits);
        limits->chunk = 1000;
    }
    rig->now = 1000;
    rig->next_stream = 1;
    rig_init_side(&rig->from, 1, limits);
    rig_init_side(&rig->to, 2, limits);
    for (size_t i = 0; i < TOTAL; i++) {
        rig->from.disk[i] = (uint8_t)(i * 7 + i / 256);
    }
}

static inline void rig_finish_side(struct side *side)
{
    for (size_t i = 0; i < side->n_jobs; i++) {
        dbr_bulk_job_destroy(side->jobs[i]);
    }
    dbr_transfer_destroy(side->t);
    dbr_buf_finish(&side->descriptor);
}

static inline void rig_finish(struct rig *rig)
{
    rig_finish_side(&rig->from);
    rig_finish_side(&rig->to);
}

static inline void rig_hang_up(struct rig *rig)
{
    uint64_t stream = rig->to.stream;
    rig->to.stream = rig->from.stream = 0;
    if (stream != 0) {
        dbr_transfer_stream_closed(rig->from.t, stream, rig->now);
        dbr_transfer_stream_closed(rig->to.t, stream, rig->now);
    }
}

static inline struct side *rig_other(struct rig *rig, struct side *side)
{
    return side == &rig->from ? &rig->to : &rig->from;
}

static inline void rig_send(struct rig *rig, struct side *side,
                            const struct dbr_transfer_event *event)
{
    struct side *other = rig_other(rig, side);
    if (other->stream == 0 || event->stream != other->stream) {
        return;
    }
    rig->bytes += event->data.len;
    if (dbr_transfer_recv(other->t, event->stream, &side->id, event->data, rig->now) !=
        0) {
        rig_hang_up(rig);
    }
}

static inline void rig_open(struct rig *rig, struct side *side)
{
    if (rig->unreachable) {
        dbr_transfer_opened(side->t, 0, DEBROS_EUNREACHABLE, rig->now);
        return;
    }
    side->stream = rig_other(rig, side)->stream = rig->next_stream++;
    dbr_transfer_opened(side->t, side->stream, 0, rig->now);
}

static inline void rig_event(struct rig *rig, struct side *side,
                             const struct dbr_transfer_event *event)
{
    side->counts[event->type]++;
    switch (event->type) {
    case DBR_TRANSFER_FREEZE:
        dbr_transfer_frozen(side->t, event->freeze, 0, rig->now);
        break;
    case DBR_TRANSFER_JOB:
        assert_true(side->n_jobs < DBR_COUNT(side->jobs));
        side->n_bulk[event->job->type]++;
        side->jobs[side->n_jobs++] = event->job;
        break;
    case DBR_TRANSFER_OFFER:
        side->status = event->status;
        side->index = event->index;
        dbr_buf_clear(&side->descriptor);
        dbr_buf_add(&side->descriptor, event->data.data, event->data.len);
        break;
    case DBR_TRANSFER_OPEN:
        rig_open(rig, side);
        break;
    case DBR_TRANSFER_SEND:
        rig_send(rig, side, event);
        break;
    case DBR_TRANSFER_RESET:
        rig_hang_up(rig);
        break;
    case DBR_TRANSFER_FETCHED:
        side->status = event->status;
        break;
    case DBR_TRANSFER_FINISH:
    case DBR_TRANSFER_SERVED:
    case DBR_TRANSFER_LOST:
    case DBR_TRANSFER_BROKEN:
        break;
    }
}

static inline void rig_copy(struct side *side, struct dbr_bulk_job *job)
{
    struct dbr_descriptor_file files[2] = {{.name = "a", .size = A_SIZE},
                                           {.name = "b", .size = B_SIZE}};
    struct dbr_blake2b b;
    job->done = side->n_bulk[DBR_BULK_COPY] % 3 == 0; /* it takes three steps */
    dbr_blake2b_begin(&b);
    dbr_blake2b_add(&b, dbr_bytes(side->disk, A_SIZE));
    dbr_blake2b_end(&b, files[0].hash);
    dbr_blake2b_begin(&b);
    dbr_blake2b_add(&b, dbr_bytes(side->disk + A_SIZE, B_SIZE));
    dbr_blake2b_end(&b, files[1].hash);
    job->index = 10;
    if (job->done) {
        assert_int_equal(dbr_descriptor_encode(&job->data, 10, files, 2), 0);
    }
}

static inline void rig_verify(struct rig *rig, struct side *side,
                              struct dbr_bulk_job *job)
{
    job->done = memcmp(side->disk, rig->from.disk, TOTAL) == 0;
    job->offset = side->staged;
    if (!job->done) {
        job->status = DEBROS_EPROTO;
        job->offset = side->staged = A_SIZE; /* the second file comes again */
    }
}

static inline void rig_job(struct rig *rig, struct side *side, struct dbr_bulk_job *job)
{
    switch (job->type) {
    case DBR_BULK_COPY:
        rig_copy(side, job);
        break;
    case DBR_BULK_READ:
        dbr_buf_add(&job->data, side->disk + job->offset, job->len);
        break;
    case DBR_BULK_DROP:
        break;
    case DBR_BULK_STAGE:
        side->staged = job->data.len == 0 ? 0 : side->staged;
        job->offset = side->staged;
        break;
    case DBR_BULK_WRITE:
        job->status = job->offset == side->staged ? side->fail_write : DEBROS_ECANCELED;
        if (job->status == 0) {
            memcpy(side->disk + job->offset, job->data.data, job->data.len);
            side->staged += job->data.len;
        }
        side->fail_write = 0;
        break;
    case DBR_BULK_VERIFY:
        rig_verify(rig, side, job);
        break;
    }
}

static inline bool rig_step(struct rig *rig, struct side *side)
{
    struct dbr_transfer_event event;
    if (dbr_transfer_poll(side->t, &event)) {
        rig_event(rig, side, &event);
        return true;
    }
    if (side->n_jobs == 0 || (rig->busy && side == &rig->from)) {
        return false;
    }
    struct dbr_bulk_job *job = side->jobs[0];
    memmove(side->jobs, side->jobs + 1, --side->n_jobs * sizeof(side->jobs[0]));
    rig_job(rig, side, job);
    dbr_transfer_job_done(side->t, job, rig->now);
    return true;
}

/* Until all is quiet, or after `steps`. */
static inline void rig_run(struct rig *rig, size_t steps)
{
    bool more = true;
    for (size_t i = 0; more && i < steps; i++) {
        more = rig_step(rig, &rig->from);
        more = rig_step(rig, &rig->to) || more;
    }
}

static inline void rig_wait(struct rig *rig, uint32_t ms)
{
    dbr_time end = rig->now + ms;
    rig_run(rig, 100000);
    for (int i = 0; i < 10000; i++) {
        dbr_time from = dbr_transfer_deadline(rig->from.t);
        dbr_time to = dbr_transfer_deadline(rig->to.t);
        if (dbr_time_min(from, to) > end) {
            break;
        }
        rig->now = dbr_time_min(from, to) > rig->now ? dbr_time_min(from, to) : rig->now;
        dbr_transfer_expire(rig->from.t, rig->now);
        dbr_transfer_expire(rig->to.t, rig->now);
        rig_run(rig, 100000);
    }
    rig->now = end;
}

static inline void rig_offer(struct rig *rig)
{
    dbr_transfer_ask(rig->from.t, 10, rig->now);
    rig_run(rig, 100000);
    assert_int_equal(rig->from.counts[DBR_TRANSFER_OFFER], 1);
    assert_int_equal(rig->from.status, 0);
    assert_int_equal(rig->from.index, 10);
}

static inline void rig_fetch(struct rig *rig)
{
    rig->to.status = 1;
    assert_int_equal(
        dbr_transfer_fetch(rig->to.t, &rig->from.id, 10, rig_descriptor(rig), rig->now),
        0);
}

static inline void assert_received(const struct rig *rig)
{
    assert_int_equal(rig->to.counts[DBR_TRANSFER_FETCHED], 1);
    assert_int_equal(rig->to.status, 0);
    assert_memory_equal(rig->to.disk, rig->from.disk, TOTAL);
}

#endif
