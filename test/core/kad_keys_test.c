/* Keys as people write them, and as the network sees them. */
#include "core/kad_keys.h"

#include <stdio.h>

#include "crypto/keypair.h"
#include "test.h"

static struct dbr_peer_id peer(uint8_t n)
{
    uint8_t seed[32] = {n};
    struct dbr_keypair key;
    struct dbr_peer_id id;
    dbr_keypair_from_seed(&key, seed);
    dbr_peer_id_from_key(&id, key.public_key);
    return id;
}

/* The full key of `text` for peer 1, or its error's words. */
static const char *full(const char *text, int expected)
{
    static char out[2 * DBR_KAD_TEXT_MAX];
    struct dbr_arena arena;
    struct dbr_peer_id owner = peer(1);
    const char *key = NULL;
    debros_detail detail = {{0}};
    dbr_arena_init(&arena, 0);
    assert_int_equal(dbr_kad_value_key(&key, &arena, &owner, text, &detail), expected);
    snprintf(out, sizeof(out), "%s", expected == 0 ? key : detail.text);
    dbr_arena_finish(&arena);
    return out;
}

static void a_name_stands_for_the_own_space(void **state)
{
    char id[DBR_PEER_ID_TEXT_SIZE];
    char expected[200];
    struct dbr_peer_id one = peer(1);
    (void)state;
    snprintf(expected, sizeof(expected), "/debros/app/%s/a/b",
             dbr_peer_id_text(&one, id));
    assert_string_equal(full("a/b", 0), expected);
    assert_string_equal(full(expected, 0), expected);
    snprintf(expected, sizeof(expected), "/debros/peer/%s", id);
    assert_string_equal(full(expected, 0), expected);
}

static void what_is_no_key_is_refused_with_a_hint(void **state)
{
    char text[DBR_KAD_TEXT_MAX + 2];
    (void)state;
    assert_non_null(strstr(full("", DEBROS_EINVAL), "1 to 1024 bytes"));
    assert_non_null(strstr(full("/ipns/x", DEBROS_EINVAL), "/debros/app/PEER/NAME"));
    assert_non_null(strstr(full("/debros/", DEBROS_EINVAL), "is no key of a value"));
    assert_non_null(strstr(full("/debros/pk/x", DEBROS_EINVAL), "kind that is not"));
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_non_null(strstr(full(text, DEBROS_EINVAL), "this one has 1025"));
    text[DBR_KAD_TEXT_MAX] = '\0'; /* it fits alone, but not behind the peer's id */
    full(text, DEBROS_EINVAL);
}

static void a_key_is_for_the_peer_that_it_names(void **state)
{
    char id[DBR_PEER_ID_TEXT_SIZE];
    char key[200];
    struct dbr_peer_id one = peer(1);
    struct dbr_peer_id two = peer(2);
    (void)state;
    snprintf(key, sizeof(key), "/debros/app/%s/x", dbr_peer_id_text(&one, id));
    assert_true(dbr_kad_may_write(key, &one));
    assert_false(dbr_kad_may_write(key, &two));
    assert_false(dbr_kad_may_write("/debros/app/x", &one));
    assert_false(dbr_kad_may_write("nothing", &one));
    assert_false(dbr_kad_may_write("/debros/pk/x", &one));
}

/* sha2-256 of "abc", FIPS 180-2 B.1, behind the multihash's code and length. */
static void a_provider_key_is_a_multihash(void **state)
{
    uint8_t out[DBR_KAD_MULTIHASH_SIZE];
    debros_detail detail;
    (void)state;
    assert_int_equal(dbr_kad_provider_key(out, "abc", NULL), 0);
    struct dbr_buf bytes = {.data = out, .len = sizeof(out)};
    assert_bytes_hex(bytes, "1220 ba7816bf8f01cfea414140de5dae2223"
                            "b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(dbr_kad_provider_key(out, "", &detail), DEBROS_EINVAL);
}

static void the_librarys_own_keys_are_known(void **state)
{
    (void)state;
    assert_true(dbr_kad_is_reserved("/debros/service/00/database"));
    assert_false(dbr_kad_is_reserved("/debros/services"));
    assert_false(dbr_kad_is_reserved("x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_stands_for_the_own_space),
        cmocka_unit_test(what_is_no_key_is_refused_with_a_hint),
        cmocka_unit_test(a_key_is_for_the_peer_that_it_names),
        cmocka_unit_test(a_provider_key_is_a_multihash),
        cmocka_unit_test(the_librarys_own_keys_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
