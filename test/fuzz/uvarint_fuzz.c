/* What decodes encodes to the same bytes; what does not decode yet has no end in it. */
#include "fuzz.h"

#include "base/buf.h"
#include "base/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t value;
    int n = dbr_uvarint_decode(data, size, &value);
    if (n > 0) {
        struct dbr_buf buf = {0};
        dbr_buf_uvarint(&buf, value);
        dbr_assert(buf.len == (size_t)n && buf.len == dbr_uvarint_size(value));
        dbr_assert(memcmp(buf.data, data, buf.len) == 0);
        dbr_assert(value <= UINT64_MAX >> 1);
        dbr_buf_finish(&buf);
    } else if (n == DEBROS_EAGAIN) {
        dbr_assert(size < 9);
        for (size_t i = 0; i < size; i++) {
            dbr_assert(data[i] >= 0x80);
        }
    } else {
        dbr_assert(n == DEBROS_EPROTO);
    }
    return 0;
}
