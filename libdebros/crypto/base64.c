#include "base64.h"

#include <sodium.h>

#include "base/check.h"

void dbr_base64_encode(char *out, size_t cap, debros_bytes data)
{
    dbr_assert(cap >= DBR_BASE64_TEXT_SIZE(data.len));
    sodium_bin2base64(out, cap, data.data, data.len,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

int dbr_base64_decode(uint8_t *out, size_t cap, const char *text)
{
    size_t len = 0;
    int err = sodium_base642bin(out, cap, text, strlen(text), NULL, &len, NULL,
                                sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return err != 0 ? DEBROS_EINVAL : (int)len;
}
