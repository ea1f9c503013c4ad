/* db/checkpoint: whatever passes the check can be read to its end. Runs with the input as
 * it is and with the right checksum behind it, or nothing would ever pass. */
#include <string.h>

#include "crypto/hash.h"
#include "fuzz.h"
#include "store/checkpoint.h"

#define MAX_FILE 65536

static void read_all(debros_bytes bytes)
{
    struct dbr_checkpoint checkpoint;
    struct dbr_checkpoint_item item;
    size_t n = 0;
    if (dbr_checkpoint_decode(&checkpoint, bytes) != 0) {
        return;
    }
    uint32_t announced = checkpoint.n_left;
    while (dbr_checkpoint_next(&checkpoint, &item)) {
        dbr_assert(memchr(item.name, '\0', sizeof(item.name)) != NULL);
        n++;
    }
    dbr_assert(n == announced);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t file[MAX_FILE];
    read_all(dbr_bytes(data, size));
    if (size + 4 <= sizeof(file)) {
        memcpy(file, data, size);
        uint32_t crc = dbr_crc32c(0, data, size);
        for (size_t i = 0; i < 4; i++) {
            file[size + i] = (uint8_t)(crc >> (8 * i));
        }
        read_all(dbr_bytes(file, size + 4));
    }
    return 0;
}
