/* Sets of raft servers, as log entries and snapshots carry them. What was decoded is
 * encoded and decoded once more, to the same bytes. */
#include "consensus/configuration.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct raft_configuration first;
    struct raft_configuration second;
    struct dbr_buf out = {0};
    struct dbr_buf again = {0};
    if (dbr_configuration_decode(&first, dbr_bytes(data, size)) != 0) {
        return 0;
    }
    dbr_assert(dbr_configuration_voters(&first) >= 1);
    dbr_assert(dbr_configuration_encode(&first, &out) == 0);
    dbr_assert(dbr_configuration_decode(&second, dbr_bytes(out.data, out.len)) == 0);
    dbr_assert(second.n == first.n);
    dbr_assert(dbr_configuration_encode(&second, &again) == 0);
    dbr_assert(
        dbr_bytes_equal(dbr_bytes(out.data, out.len), dbr_bytes(again.data, again.len)));
    raft_configuration_close(&first);
    raft_configuration_close(&second);
    dbr_buf_finish(&out);
    dbr_buf_finish(&again);
    return 0;
}
