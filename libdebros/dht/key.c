#include "dht/key.h"

#include "crypto/hash.h"

_Static_assert(DBR_DHT_KEY_SIZE == DBR_SHA256_SIZE, "a key is a SHA-256");

void dbr_dht_key_of(struct dbr_dht_key *out, debros_bytes bytes)
{
    dbr_sha256(out->bytes, bytes);
}

void dbr_dht_key_of_peer(struct dbr_dht_key *out, const struct dbr_peer_id *peer)
{
    dbr_sha256(out->bytes, dbr_bytes(peer->bytes, peer->len));
}

unsigned dbr_dht_key_prefix(const struct dbr_dht_key *a, const struct dbr_dht_key *b)
{
    unsigned bits = 0;
    while (bits < DBR_DHT_KEY_BITS && a->bytes[bits / 8] == b->bytes[bits / 8]) {
        bits += 8;
    }
    while (bits < DBR_DHT_KEY_BITS &&
           dbr_dht_key_bit(a, bits) == dbr_dht_key_bit(b, bits)) {
        bits++;
    }
    return bits;
}

int dbr_dht_key_compare(const struct dbr_dht_key *target, const struct dbr_dht_key *a,
                        const struct dbr_dht_key *b)
{
    for (size_t i = 0; i < DBR_DHT_KEY_SIZE; i++) {
        if (a->bytes[i] != b->bytes[i]) {
            return (a->bytes[i] ^ target->bytes[i]) - (b->bytes[i] ^ target->bytes[i]);
        }
    }
    return 0;
}

bool dbr_dht_key_draw(struct dbr_peer_id *out, const struct dbr_dht_key *own,
                      unsigned prefix, uint32_t draws, struct dbr_rng *rng)
{
    struct dbr_dht_key key;
    *out = (struct dbr_peer_id){.len = 2 + DBR_SHA256_SIZE,
                                .bytes = {0x12, DBR_SHA256_SIZE}}; /* sha2-256 */
    for (uint32_t i = 0; i < draws; i++) {
        dbr_rng_fill(rng, out->bytes + 2, DBR_SHA256_SIZE);
        dbr_dht_key_of_peer(&key, out);
        if (dbr_dht_key_prefix(&key, own) == prefix) {
            return true;
        }
    }
    return false;
}
