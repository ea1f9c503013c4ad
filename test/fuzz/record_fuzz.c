/* Records of a log segment: reads from the front until nothing valid stands there. */
#include "fuzz.h"
#include "store/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    debros_bytes segment = dbr_bytes(data, size);
    struct dbr_record record;
    size_t at = 0;
    while (at < size && dbr_record_read(&record, segment, 1, at) == DBR_RECORD_VALID) {
        dbr_assert(record.size <= size - at && record.payload.len <= record.size);
        at += record.size;
    }
    return 0;
}
