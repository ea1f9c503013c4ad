/* Images of all databases, as a peer sends them. The checksum is made right, so that
 * what lies behind it is reached. */
#include "fuzz.h"
#include "base/alloc.h"
#include "crypto/hash.h"
#include "store/image.h"

static void check(debros_bytes bytes)
{
    struct dbr_image image;
    struct dbr_image_file file;
    uint32_t count = 0;
    if (dbr_image_decode(&image, bytes) != 0) {
        return;
    }
    while (dbr_image_next(&image, &file)) {
        dbr_assert(file.content.data >= bytes.data &&
                   file.content.len <=
                       bytes.len - (size_t)(file.content.data - bytes.data));
        count++;
    }
    dbr_assert(count == image.n_files);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check(dbr_bytes(data, size));
    if (size >= 4) {
        uint8_t *copy = dbr_memdup(data, size);
        uint32_t crc = dbr_crc32c(0, copy, size - 4);
        for (size_t i = 0; i < 4; i++) {
            copy[size - 4 + i] = (uint8_t)(crc >> (8 * i));
        }
        check(dbr_bytes(copy, size));
        dbr_free(copy);
    }
    return 0;
}
