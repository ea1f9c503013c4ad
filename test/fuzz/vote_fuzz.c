/* The file log/vote: a slot is chosen only if writing it again gives the same bytes. Runs
 * with the input as it is and with right checksums in both slots. */
#include <string.h>

#include "crypto/hash.h"
#include "fuzz.h"
#include "store/vote.h"

static void choose(const uint8_t *data, size_t size)
{
    struct dbr_vote vote;
    uint8_t slot[DBR_VOTE_SLOT];
    size_t damaged = 0;
    bool empty = false;
    if (dbr_vote_choose(&vote, dbr_bytes(data, size), &damaged, &empty) != 0) {
        return;
    }
    dbr_vote_encode(slot, &vote);
    size_t at = (size_t)(vote.seq % 2) * DBR_VOTE_BLOCK;
    dbr_assert(!empty && damaged <= 1 && at + sizeof(slot) <= size);
    dbr_assert(memcmp(data + at, slot, sizeof(slot)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t file[2 * DBR_VOTE_BLOCK];
    choose(data, size);
    memset(file, 0, sizeof(file));
    memcpy(file, data, size < sizeof(file) ? size : sizeof(file));
    for (size_t i = 0; i < 2; i++) {
        uint8_t *slot = file + i * DBR_VOTE_BLOCK;
        uint32_t crc = dbr_crc32c(0, slot, DBR_VOTE_SLOT - 4);
        for (size_t byte = 0; byte < 4; byte++) {
            slot[DBR_VOTE_SLOT - 4 + byte] = (uint8_t)(crc >> (8 * byte));
        }
    }
    choose(file, sizeof(file));
    return 0;
}
