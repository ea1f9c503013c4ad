/* base32 and base64url, both ways: one value, one text. */
#include "fuzz.h"

#include "multi/multibase.h"

#define SIZE_LIMIT 256

static void as_text(const char *text, size_t len)
{
    uint8_t bytes[SIZE_LIMIT];
    char back[SIZE_LIMIT + 1];
    int n = dbr_base32_decode(bytes, sizeof(bytes), text, len);
    if (n >= 0) {
        int back_len = dbr_base32_encode(back, sizeof(back), dbr_bytes(bytes, (size_t)n));
        dbr_assert(back_len == (int)len && memcmp(back, text, len) == 0);
    }
    n = dbr_base64url_decode(bytes, sizeof(bytes), text, len);
    if (n >= 0) {
        int back_len =
            dbr_base64url_encode(back, sizeof(back), dbr_bytes(bytes, (size_t)n));
        dbr_assert(back_len == (int)len && memcmp(back, text, len) == 0);
    }
}

static void as_bytes(debros_bytes data)
{
    char text[2 * SIZE_LIMIT];
    uint8_t back[SIZE_LIMIT];
    int len = dbr_base32_encode(text, sizeof(text), data);
    int n = dbr_base32_decode(back, sizeof(back), text, (size_t)len);
    dbr_assert(n >= 0 && dbr_bytes_equal(dbr_bytes(back, (size_t)n), data));
    len = dbr_base64url_encode(text, sizeof(text), data);
    n = dbr_base64url_decode(back, sizeof(back), text, (size_t)len);
    dbr_assert(n >= 0 && dbr_bytes_equal(dbr_bytes(back, (size_t)n), data));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size <= SIZE_LIMIT) {
        as_text((const char *)data, size);
        as_bytes(dbr_bytes(data, size));
    }
    return 0;
}
