#include "aead.h"

#include <sodium.h>

#define NONCE_SIZE 12

/* Noise section 12: 32 zero bits, then the counter in little-endian. */
static void noise_nonce(uint8_t nonce[NONCE_SIZE], uint64_t n)
{
    memset(nonce, 0, NONCE_SIZE);
    for (size_t i = 4; i < NONCE_SIZE; i++) {
        nonce[i] = (uint8_t)n;
        n >>= 8;
    }
}

void dbr_aead_encrypt(uint8_t *out, debros_bytes text, debros_bytes ad, uint64_t n,
                      const uint8_t key[DBR_AEAD_KEY_SIZE])
{
    uint8_t nonce[NONCE_SIZE];
    noise_nonce(nonce, n);
    crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, text.data, text.len, ad.data,
                                              ad.len, NULL, nonce, key);
}

bool dbr_aead_decrypt(uint8_t *out, debros_bytes cipher, debros_bytes ad, uint64_t n,
                      const uint8_t key[DBR_AEAD_KEY_SIZE])
{
    if (cipher.len < DBR_AEAD_TAG_SIZE) {
        return false;
    }
    uint8_t nonce[NONCE_SIZE];
    noise_nonce(nonce, n);
    return crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, cipher.data,
                                                     cipher.len, ad.data, ad.len, nonce,
                                                     key) == 0;
}
