/* Messages of /debros/snapshot/1.0.0 to a node that receives one snapshot and offers
 * another: byte 0 of each is the stream, byte 1 its length. */
#include "base/check.h"
#include "base/reader.h"
#include "fuzz.h"
#include "transfer/transfer.h"

#define STREAM 1 /* of the receiver's half */

static void carry_out(struct dbr_transfer *t, struct dbr_bulk_job *job)
{
    struct dbr_descriptor_file file = {.name = "_system", .size = 3000};
    if (job->type == DBR_BULK_COPY) {
        job->done = true;
        dbr_assert(dbr_descriptor_encode(&job->data, 5, &file, 1) == 0);
    } else if (job->type == DBR_BULK_READ) {
        dbr_assert(job->offset < file.size && job->len <= DBR_TRANSFER_CHUNK);
        dbr_buf_extend(&job->data, 1 + job->offset % 100);
    } else if (job->type == DBR_BULK_VERIFY) {
        job->status = DEBROS_EPROTO;
    }
    dbr_transfer_job_done(t, job, 1000);
}

static void drain(struct dbr_transfer *t)
{
    struct dbr_transfer_event e;
    for (int i = 0; i < 1000 && dbr_transfer_poll(t, &e); i++) {
        if (e.type == DBR_TRANSFER_FREEZE) {
            dbr_transfer_frozen(t, e.freeze, 0, 1000);
        } else if (e.type == DBR_TRANSFER_JOB) {
            carry_out(t, e.job);
        } else if (e.type == DBR_TRANSFER_OPEN) {
            dbr_transfer_opened(t, STREAM, 0, 1000);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dbr_transfer *t;
    struct dbr_transfer_config config = {0};
    struct dbr_descriptor_file file = {.name = "_system", .size = 3000};
    struct dbr_peer_id peer = {0};
    struct dbr_buf bytes = {0};
    struct dbr_reader r;
    dbr_transfer_limits_default(&config.limits);
    config.limits.chunk = 1000;
    dbr_assert(dbr_transfer_create(&t, &config, 1000) == 0);
    dbr_assert(dbr_descriptor_encode(&bytes, 5, &file, 1) == 0);
    dbr_transfer_ask(t, 5, 1000);
    dbr_assert(dbr_transfer_fetch(t, &peer, 5, dbr_bytes(bytes.data, bytes.len), 1000) ==
               0);
    drain(t);
    dbr_reader_init(&r, dbr_bytes(data, size));
    while (dbr_reader_left(&r) > 1) {
        uint64_t stream = dbr_reader_u8(&r) % 4;
        size_t len = dbr_reader_u8(&r) * 8u;
        len = len < dbr_reader_left(&r) ? len : dbr_reader_left(&r);
        if (dbr_transfer_recv(t, stream, &peer, dbr_reader_bytes(&r, len), 1000) != 0) {
            dbr_transfer_stream_closed(t, stream, 1000);
        }
        drain(t);
    }
    dbr_transfer_destroy(t);
    dbr_buf_finish(&bytes);
    return 0;
}
