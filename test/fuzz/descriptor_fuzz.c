/* What describes a snapshot, as a leader sends it. */
#include "base/check.h"
#include "fuzz.h"
#include "transfer/descriptor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dbr_descriptor d;
    struct dbr_descriptor again;
    struct dbr_buf out = {0};
    if (dbr_descriptor_decode(&d, dbr_bytes(data, size)) != 0) {
        return 0;
    }
    uint64_t inside;
    dbr_assert(dbr_descriptor_at(&d, d.total, &inside) == d.n_files);
    dbr_assert(dbr_descriptor_at(&d, d.total - 1, &inside) == d.n_files - 1);
    dbr_assert(dbr_descriptor_encode(&out, d.index, d.files, d.n_files) == 0);
    dbr_assert(dbr_descriptor_decode(&again, dbr_bytes(out.data, out.len)) == 0);
    dbr_assert(again.total == d.total && again.n_files == d.n_files);
    dbr_descriptor_finish(&again);
    dbr_descriptor_finish(&d);
    dbr_buf_finish(&out);
    return 0;
}
