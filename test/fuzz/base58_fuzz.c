/* The input as a text: what decodes encodes to the same text. As bytes: what encodes
 * decodes to the same bytes, as far as the text is not too long for it. */
#include "fuzz.h"

#include "multi/base58.h"

#define ENCODE_MAX 96

static void as_text(const char *text, size_t len)
{
    uint8_t bytes[DBR_BASE58_MAX_TEXT];
    char back[DBR_BASE58_MAX_TEXT + 8];
    int n = dbr_base58_decode(bytes, sizeof(bytes), text, len);
    if (n >= 0 && n <= ENCODE_MAX) {
        int back_len = dbr_base58_encode(back, sizeof(back), dbr_bytes(bytes, (size_t)n));
        dbr_assert(back_len == (int)len && memcmp(back, text, len) == 0);
    }
    dbr_assert(n >= 0 || n == DEBROS_EINVAL || n == DEBROS_ELIMIT);
    dbr_assert(n < 0 || len <= DBR_BASE58_MAX_TEXT);
}

static void as_bytes(debros_bytes data)
{
    char text[DBR_BASE58_MAX_TEXT + 8];
    uint8_t back[ENCODE_MAX];
    int len = dbr_base58_encode(text, sizeof(text), data);
    dbr_assert((len == DEBROS_ELIMIT) == (data.len > ENCODE_MAX));
    if (len >= 0 && len <= DBR_BASE58_MAX_TEXT) {
        int n = dbr_base58_decode(back, sizeof(back), text, (size_t)len);
        dbr_assert(n == (int)data.len);
        dbr_assert(dbr_bytes_equal(dbr_bytes(back, (size_t)n), data));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    as_text((const char *)data, size);
    as_bytes(dbr_bytes(data, size));
    return 0;
}
