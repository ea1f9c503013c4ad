/* Identify: messages of a peer, merged. Input: two bytes of length and a message, again
 * and again. */
#include "fuzz.h"
#include "base/reader.h"
#include "swarm/identify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dbr_identify_info info;
    struct dbr_reader reader;
    int err = 0;
    dbr_identify_info_init(&info);
    dbr_reader_init(&reader, dbr_bytes(data, size));
    while (err == 0 && dbr_reader_left(&reader) >= 2) {
        size_t len = dbr_reader_be16(&reader);
        size_t left = dbr_reader_left(&reader);
        err =
            dbr_identify_merge(&info, dbr_reader_bytes(&reader, len < left ? len : left));
    }
    dbr_assert(info.agent != NULL && strlen(info.agent) <= DBR_IDENTIFY_TEXT_MAX);
    dbr_assert(info.n_protocols <= DBR_IDENTIFY_PROTOCOLS_MAX);
    dbr_assert(info.n_addrs <= DBR_IDENTIFY_ADDRS_MAX);
    dbr_identify_info_finish(&info);
    return 0;
}
