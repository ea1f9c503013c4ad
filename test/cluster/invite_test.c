#include "fixture.h"

#include "cluster/invite.h"

static struct dbr_invite sample(void)
{
    struct dbr_invite invite = {.expires = 1790000000, .n_members = 2};
    memset(invite.cluster_id, 7, sizeof(invite.cluster_id));
    memset(invite.seed, 9, sizeof(invite.seed));
    invite.members[0] = fixture_addr(1);
    invite.members[1] = fixture_addr(2);
    return invite;
}

static void text_carries_all(void **state)
{
    struct dbr_invite in = sample();
    struct dbr_invite out;
    struct dbr_buf text = {0};
    (void)state;
    assert_int_equal(dbr_invite_encode(&text, &in), 0);
    assert_int_equal(dbr_invite_decode(&out, (char *)text.data, NULL), 0);
    assert_memory_equal(out.cluster_id, in.cluster_id, 16);
    assert_memory_equal(out.seed, in.seed, 32);
    assert_true(out.expires == in.expires);
    assert_int_equal(out.n_members, 2);
    assert_true(dbr_multiaddr_equal(&out.members[1], &in.members[1]));
    dbr_buf_finish(&text);
}

/* Cut anywhere, the text is refused or means less, and never reads beyond its end. */
static void cut_text_is_refused(void **state)
{
    struct dbr_invite in = sample();
    struct dbr_invite out;
    struct dbr_buf text = {0};
    debros_detail detail;
    (void)state;
    dbr_invite_encode(&text, &in);
    for (size_t len = 0; len + 1 < text.len; len++) {
        char copy[2048];
        memcpy(copy, text.data, len);
        copy[len] = '\0';
        int err = dbr_invite_decode(&out, copy, &detail);
        assert_true(err == DEBROS_EINVAL || out.n_members < in.n_members);
    }
    dbr_buf_finish(&text);
}

static void other_text_says_what_an_invite_is(void **state)
{
    struct dbr_invite out;
    debros_detail detail;
    (void)state;
    assert_int_equal(dbr_invite_decode(&out, "hello", &detail), DEBROS_EINVAL);
    assert_non_null(strstr(detail.text, "debros-invite-"));
    assert_int_equal(dbr_invite_decode(&out, "debros-invite-%%%", &detail),
                     DEBROS_EINVAL);
    assert_int_equal(dbr_invite_decode(&out, "debros-invite-", &detail), DEBROS_EINVAL);
}

static void signature_binds_cluster_joiner_and_operator(void **state)
{
    struct dbr_keypair key = fixture_key(3);
    struct dbr_keypair operator_key = fixture_key(4);
    struct dbr_peer_id joiner = fixture_peer(5);
    struct dbr_peer_id other = fixture_peer(6);
    uint8_t cluster[16] = {1};
    uint8_t elsewhere[16] = {2};
    uint8_t signature[DBR_SIGNATURE_SIZE];
    debros_bytes op = dbr_bytes(operator_key.public_key, DBR_PUBLIC_KEY_SIZE);
    debros_bytes sig = dbr_bytes(signature, sizeof(signature));
    (void)state;
    dbr_invite_sign(signature, &key, cluster, &joiner, op);
    assert_true(dbr_invite_verify(sig, key.public_key, cluster, &joiner, op));
    assert_false(dbr_invite_verify(sig, key.public_key, elsewhere, &joiner, op));
    assert_false(dbr_invite_verify(sig, key.public_key, cluster, &other, op));
    assert_false(
        dbr_invite_verify(sig, key.public_key, cluster, &joiner, dbr_bytes("", 0)));
    assert_false(dbr_invite_verify(dbr_bytes(signature, 10), key.public_key, cluster,
                                   &joiner, op));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_carries_all),
        cmocka_unit_test(cut_text_is_refused),
        cmocka_unit_test(other_text_says_what_an_invite_is),
        cmocka_unit_test(signature_binds_cluster_joiner_and_operator),
    };
    dbr_crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
