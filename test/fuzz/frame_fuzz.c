/* A stream of frames: what is cut off the front is what a writer would have written, and
 * no beginning of a frame is taken for a frame. The first byte is the limit. */
#include "fuzz.h"

#include "base/buf.h"
#include "base/reader.h"

static void check_frame(debros_bytes in, size_t max, debros_bytes body, size_t used)
{
    struct dbr_buf buf = {0};
    dbr_assert(body.len <= max && used <= in.len);
    dbr_buf_uvarint(&buf, body.len);
    dbr_buf_add(&buf, body.data, body.len);
    dbr_assert(dbr_bytes_equal(dbr_bytes(buf.data, buf.len), dbr_bytes(in.data, used)));
    dbr_buf_finish(&buf);
    for (size_t len = 0; len < used; len++) {
        debros_bytes part;
        size_t part_used;
        dbr_assert(dbr_frame_decode(dbr_bytes(in.data, len), max, &part, &part_used) ==
                   0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    size_t max = data[0];
    debros_bytes in = dbr_bytes(data + 1, size - 1);
    debros_bytes body;
    size_t used;
    int got = dbr_frame_decode(in, max, &body, &used);
    while (got > 0) {
        check_frame(in, max, body, used);
        in = dbr_bytes(in.data + used, in.len - used);
        got = dbr_frame_decode(in, max, &body, &used);
    }
    dbr_assert(got == 0 || got == DEBROS_ELIMIT || got == DEBROS_EPROTO);
    dbr_assert(used == 0 && body.len == 0);
    return 0;
}
