#include "test.h"

#include "dht/message.h"
#include "values.h"

static bool split(const char *key)
{
    debros_bytes kind;
    debros_bytes name;
    return dbr_dht_key_split(dbr_bytes_str(key), &kind, &name);
}

static void a_key_has_a_kind_and_a_name(void **state)
{
    (void)state;
    debros_bytes kind;
    debros_bytes name;
    assert_true(dbr_dht_key_split(dbr_bytes_str("/debros/a-1/x/y\n"), &kind, &name));
    assert_true(dbr_bytes_equal(kind, dbr_bytes_str("a-1")));
    assert_true(dbr_bytes_equal(name, dbr_bytes_str("x/y\n")));
    assert_true(split("/debros/abcdefghijklmnopqrstuvwxyz012345/x"));
    static const char *const bad[] = {"",
                                      "/debros/",
                                      "/debros//x",
                                      "/debros/app",
                                      "/debros/app/",
                                      "/debros/A/x",
                                      "debros/a/x",
                                      "/ipns/app/x",
                                      "/debros/a b/x",
                                      "/debros/abcdefghijklmnopqrstuvwxyz0123456/x"};
    for (size_t i = 0; i < DBR_COUNT(bad); i++) {
        assert_false(split(bad[i]));
    }
}

static void a_key_has_a_limit(void **state)
{
    (void)state;
    uint8_t key[DBR_DHT_RECORD_KEY_MAX + 1] = "/debros/app/";
    debros_bytes kind;
    debros_bytes name;
    assert_true(dbr_dht_key_split(dbr_bytes(key, sizeof(key) - 1), &kind, &name));
    assert_false(dbr_dht_key_split(dbr_bytes(key, sizeof(key)), &kind, &name));
}

static bool may_write(const struct dbr_keypair *writer, debros_bytes key)
{
    struct dbr_peer_id id;
    debros_bytes kind_name;
    debros_bytes name;
    dbr_peer_id_from_key(&id, writer->public_key);
    assert_true(dbr_dht_key_split(key, &kind_name, &name));
    const struct dbr_dht_kind *kind =
        dbr_dht_kind_find(dbr_dht_kinds, DBR_DHT_KINDS, kind_name);
    return kind != NULL && kind->may_write(name, &id);
}

static void only_the_peer_in_the_key_may_write_it(void **state)
{
    (void)state;
    char text[256];
    struct dbr_keypair own = writer_of(1);
    struct dbr_keypair other = writer_of(2);
    static const char *const prefixes[] = {"/debros/peer/", "/debros/app/"};
    static const char *const suffixes[] = {"", "/", "/x", "x", "//"};
    static const bool peer[] = {true, false, false, false, false};
    static const bool app[] = {false, false, true, false, true};
    for (size_t i = 0; i < DBR_COUNT(suffixes); i++) {
        for (size_t k = 0; k < DBR_COUNT(prefixes); k++) {
            debros_bytes key = key_with(text, prefixes[k], &own, suffixes[i]);
            assert_int_equal(may_write(&own, key), k == 0 ? peer[i] : app[i]);
            assert_false(may_write(&other, key));
        }
        assert_false(may_write(&own, key_with(text, "/debros/pk/", &own, suffixes[i])));
        assert_false(may_write(&own, key_with(text, "/debros/app/x", &own, suffixes[i])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_has_a_kind_and_a_name),
        cmocka_unit_test(a_key_has_a_limit),
        cmocka_unit_test(only_the_peer_in_the_key_may_write_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
