#include "hash.h"

#include <sodium.h>

void dbr_sha256(uint8_t out[DBR_SHA256_SIZE], debros_bytes data)
{
    crypto_hash_sha256(out, data.data, data.len);
}

void dbr_sha256_two(uint8_t out[DBR_SHA256_SIZE], debros_bytes a, debros_bytes b)
{
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, a.data, a.len);
    crypto_hash_sha256_update(&state, b.data, b.len);
    crypto_hash_sha256_final(&state, out);
}

void dbr_hmac_sha256(uint8_t out[DBR_SHA256_SIZE], debros_bytes data,
                     const uint8_t key[DBR_SHA256_SIZE])
{
    crypto_auth_hmacsha256(out, data.data, data.len, key);
}

void dbr_hkdf2(uint8_t out1[DBR_SHA256_SIZE], uint8_t out2[DBR_SHA256_SIZE],
               const uint8_t chaining_key[DBR_SHA256_SIZE], debros_bytes input)
{
    uint8_t temp_key[DBR_SHA256_SIZE];
    uint8_t block[DBR_SHA256_SIZE + 1];
    dbr_hmac_sha256(temp_key, input, chaining_key);
    block[DBR_SHA256_SIZE] = 0x01;
    dbr_hmac_sha256(block, dbr_bytes(block + DBR_SHA256_SIZE, 1), temp_key);
    memcpy(out1, block, DBR_SHA256_SIZE);
    block[DBR_SHA256_SIZE] = 0x02;
    dbr_hmac_sha256(out2, dbr_bytes(block, sizeof(block)), temp_key);
    dbr_wipe(temp_key, sizeof(temp_key));
    dbr_wipe(block, sizeof(block));
}

void dbr_wipe(void *data, size_t len)
{
    sodium_memzero(data, len);
}
