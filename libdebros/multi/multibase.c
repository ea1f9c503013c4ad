#include "multibase.h"

static const char alphabet32[] = "abcdefghijklmnopqrstuvwxyz234567";
static const char alphabet64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* `bits` of each byte make one letter. */
static int encode(char *out, size_t cap, debros_bytes data, const char *alphabet,
                  uint32_t bits)
{
    uint32_t mask = (1u << bits) - 1;
    uint32_t held = 0; /* bits not written yet, and older ones above them */
    uint32_t n_held = 0;
    size_t len = 0;
    if (data.len >= cap || (data.len * 8 + bits - 1) / bits >= cap) {
        return DEBROS_ELIMIT;
    }
    for (size_t i = 0; i < data.len; i++) {
        held = held << 8 | data.data[i];
        n_held += 8;
        while (n_held >= bits) {
            n_held -= bits;
            out[len++] = alphabet[held >> n_held & mask];
        }
    }
    if (n_held > 0) {
        out[len++] = alphabet[held << (bits - n_held) & mask];
    }
    out[len] = '\0';
    return (int)len;
}

static int decode(uint8_t *out, size_t cap, const char *text, size_t len,
                  const char *alphabet, uint32_t bits)
{
    uint32_t held = 0;
    uint32_t n_held = 0;
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        const char *letter = memchr(alphabet, text[i], (size_t)1 << bits);
        if (letter == NULL) {
            return DEBROS_EINVAL;
        }
        held = held << bits | (uint32_t)(letter - alphabet);
        n_held += bits;
        if (n_held >= 8) {
            if (n == cap) {
                return DEBROS_ELIMIT;
            }
            n_held -= 8;
            out[n++] = (uint8_t)(held >> n_held);
        }
    }
    uint32_t rest = held & ((1u << n_held) - 1);
    return n_held >= bits || rest != 0 ? DEBROS_EINVAL : (int)n;
}

int dbr_base32_encode(char *out, size_t cap, debros_bytes data)
{
    return encode(out, cap, data, alphabet32, 5);
}

int dbr_base32_decode(uint8_t *out, size_t cap, const char *text, size_t len)
{
    return decode(out, cap, text, len, alphabet32, 5);
}

int dbr_base64url_encode(char *out, size_t cap, debros_bytes data)
{
    return encode(out, cap, data, alphabet64, 6);
}

int dbr_base64url_decode(uint8_t *out, size_t cap, const char *text, size_t len)
{
    return decode(out, cap, text, len, alphabet64, 6);
}
