/* A yamux machine against a hostile peer. Byte 0: bit 0 the role, bits 1.. the pieces'
 * size. The owner drains, consumes, answers and finishes as owners do. */
#include "base/check.h"
#include "conn/yamux.h"

#define INPUT_MAX 1024 /* longer ones only run slower */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void drain(struct dbr_yamux *y)
{
    struct dbr_yamux_event event;
    while (dbr_yamux_poll(y, &event)) {
        struct dbr_yamux_stream *s = dbr_yamux_event_stream(y, &event);
        if (event.type == DBR_YAMUX_GOAWAY) {
            continue;
        }
        dbr_assert(s != NULL);
        switch (event.type) {
        case DBR_YAMUX_OPENED:
            (void)dbr_yamux_send(y, s, dbr_bytes_str("welcome"));
            break;
        case DBR_YAMUX_DATA:
            dbr_assert(event.data.len > 0);
            dbr_yamux_consume(y, s, event.data.len);
            if (event.data.data[0] == 'r') {
                dbr_yamux_reset(y, s);
            } else {
                (void)dbr_yamux_send(y, s, event.data);
            }
            break;
        case DBR_YAMUX_FINISHED:
            dbr_yamux_finish(y, s);
            break;
        case DBR_YAMUX_RESET:
        case DBR_YAMUX_CLOSED:
            dbr_yamux_forget(y, s);
            break;
        default:
            break;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[4096];
    struct dbr_stack_limits limits;
    struct dbr_yamux *y;
    if (size == 0 || size > INPUT_MAX) {
        return 0;
    }
    dbr_stack_limits_default(&limits);
    limits.streams_in = 8;
    limits.control_backlog = 1024;
    limits.linger_ms = 20;
    bool client = (data[0] & 1) != 0;
    size_t piece = (size_t)(data[0] >> 1) + 1;
    dbr_time now = 1;
    dbr_assert(dbr_yamux_create(&y, client, &limits, now) == 0);
    if (client) {
        struct dbr_yamux_stream *s;
        dbr_assert(dbr_yamux_open(y, &s, now) == 0);
        (void)dbr_yamux_send(y, s, dbr_bytes_str("hello"));
    }
    uint64_t written = 0;
    int err = 0;
    for (size_t at = 1; at < size && err == 0; at += piece, now++) {
        size_t n = size - at < piece ? size - at : piece;
        err = dbr_yamux_recv(y, dbr_bytes(data + at, n), now);
        drain(y);
        dbr_assert(dbr_yamux_is_drained(y));
        if (now % 3 == 0) {
            size_t len = dbr_yamux_fill(y, out, sizeof(out), err == 0);
            dbr_assert(len <= sizeof(out));
            written += len;
            dbr_yamux_sent(y, written, written - len / 2);
        }
        if (err == 0 && dbr_yamux_deadline(y) <= now) {
            err = dbr_yamux_expire(y, now);
            drain(y);
        }
    }
    (void)dbr_yamux_fill(y, out, sizeof(out), false);
    dbr_yamux_destroy(y);
    return 0;
}
