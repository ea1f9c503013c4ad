#include "fixture.h"

#include "cluster/server_id.h"
#include "crypto/hash.h"

static void id_is_the_digests_first_eight_bytes(void **state)
{
    struct dbr_peer_id peer = fixture_peer(1);
    uint8_t digest[DBR_SHA256_SIZE];
    uint64_t expected = 0;
    (void)state;
    dbr_sha256(digest, dbr_bytes(peer.bytes, peer.len));
    for (int i = 7; i >= 0; i--) {
        expected = expected << 8 | digest[i];
    }
    assert_true(dbr_server_id(&peer) == expected);
}

static void peers_have_different_ids_that_are_not_zero(void **state)
{
    (void)state;
    for (uint8_t n = 1; n < 50; n++) {
        struct dbr_peer_id a = fixture_peer(n);
        struct dbr_peer_id b = fixture_peer((uint8_t)(n + 1));
        assert_true(dbr_server_id(&a) != 0);
        assert_true(dbr_server_id(&a) != dbr_server_id(&b));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(id_is_the_digests_first_eight_bytes),
        cmocka_unit_test(peers_have_different_ids_that_are_not_zero),
    };
    dbr_crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
