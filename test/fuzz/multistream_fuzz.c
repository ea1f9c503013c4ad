/* multistream-select in both roles. Byte 0: bit 0 the role, bits 1.. the pieces' size. */
#include "base/check.h"
#include "conn/multistream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dbr_multistream ms;
    struct dbr_buf out = {0};
    if (size == 0) {
        return 0;
    }
    size_t piece = (size_t)(data[0] >> 1) + 1;
    if ((data[0] & 1) != 0) {
        dbr_multistream_dial(&ms, dbr_bytes_str("/noise"), &out);
    } else {
        dbr_multistream_listen(&ms);
    }
    int step = DBR_MULTISTREAM_MORE;
    for (size_t at = 1; at < size && step >= 0;) {
        size_t n = size - at < piece ? size - at : piece;
        size_t used = 0;
        debros_bytes protocol = {NULL, 0};
        step = dbr_multistream_recv(&ms, dbr_bytes(data + at, n), &used, &protocol, &out);
        dbr_assert(used <= n);
        dbr_assert(step != DBR_MULTISTREAM_MORE || used == n);
        dbr_assert(protocol.len < DBR_MULTISTREAM_MAX);
        at += used;
        if (step == DBR_MULTISTREAM_AGREED || step == DBR_MULTISTREAM_REFUSED) {
            break;
        }
        if (step == DBR_MULTISTREAM_PROPOSED && protocol.len % 2 == 0) {
            dbr_multistream_accept(&ms, &out);
        } else if (step == DBR_MULTISTREAM_PROPOSED) {
            dbr_multistream_refuse(&ms, &out);
        }
    }
    dbr_buf_finish(&out);
    return 0;
}
