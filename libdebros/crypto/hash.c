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

static crypto_generichash_state *blake2b_state(struct dbr_blake2b *b)
{
    size_t past = (uintptr_t)b->memory % 64;
    return (crypto_generichash_state *)(void *)(b->memory + (past == 0 ? 0 : 64 - past));
}

void dbr_blake2b_begin(struct dbr_blake2b *b)
{
    _Static_assert(sizeof(crypto_generichash_state) + 64 <= sizeof(b->memory), "room");
    (void)crypto_generichash_init(blake2b_state(b), NULL, 0, DBR_BLAKE2B_SIZE);
}

void dbr_blake2b_add(struct dbr_blake2b *b, debros_bytes data)
{
    (void)crypto_generichash_update(blake2b_state(b), data.data, data.len);
}

void dbr_blake2b_end(struct dbr_blake2b *b, uint8_t out[DBR_BLAKE2B_SIZE])
{
    (void)crypto_generichash_final(blake2b_state(b), out, DBR_BLAKE2B_SIZE);
}

void dbr_wipe(void *data, size_t len)
{
    sodium_memzero(data, len);
}
