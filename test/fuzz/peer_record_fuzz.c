/* Signed peer records. In fuzz builds 64 times 'F' is a signature of every key: see
 * crypto/keypair.c. */
#include "fuzz.h"

#include "crypto/system.h"
#include "swarm/peer_record.h"

static void reseal(const struct dbr_peer_record *record)
{
    struct dbr_keypair key;
    struct dbr_peer_record again;
    struct dbr_arena arena;
    struct dbr_buf out = {0};
    uint8_t seed[32] = {7};
    dbr_keypair_from_seed(&key, seed);
    dbr_assert(dbr_peer_record_seal(&out, &key, record->seq, record->addrs,
                                    record->n_addrs) == 0);
    dbr_arena_init(&arena, 1u << 20);
    if (out.len <= DBR_PEER_RECORD_MAX) {
        dbr_assert(dbr_peer_record_open(&again, &arena, dbr_bytes(out.data, out.len)) ==
                   0);
        dbr_assert(again.seq == record->seq && again.n_addrs == record->n_addrs);
        for (size_t i = 0; i < again.n_addrs; i++) {
            dbr_assert(dbr_multiaddr_equal(&again.addrs[i], &record->addrs[i]));
        }
    }
    dbr_arena_finish(&arena);
    dbr_buf_finish(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dbr_peer_record record;
    struct dbr_arena arena;
    dbr_assert(dbr_crypto_init() == 0);
    dbr_arena_init(&arena, 1u << 20);
    if (dbr_peer_record_open(&record, &arena, dbr_bytes(data, size)) == 0) {
        dbr_assert(record.n_addrs <= DBR_PEER_RECORD_ADDRS_MAX);
        dbr_assert(!dbr_peer_id_is_none(&record.peer));
        reseal(&record);
    }
    dbr_arena_finish(&arena);
    return 0;
}
