#include "test.h"

#include "base/rng.h"
#include "multi/maddr_proto.h"

static const struct dbr_maddr_proto *proto(const char *name)
{
    const struct dbr_maddr_proto *found = dbr_maddr_by_name(name, strlen(name));
    assert_non_null(found);
    return found;
}

/* Codes and names of libp2p-wire 1.5. */
static void names_and_codes_are_the_tables(void **state)
{
    (void)state;
    static const struct {
        uint64_t code;
        const char *name;
    } table[] = {
        {4, "ip4"},
        {6, "tcp"},
        {41, "ip6"},
        {42, "ip6zone"},
        {43, "ipcidr"},
        {53, "dns"},
        {54, "dns4"},
        {55, "dns6"},
        {56, "dnsaddr"},
        {273, "udp"},
        {290, "p2p-circuit"},
        {400, "unix"},
        {421, "p2p"},
        {448, "tls"},
        {449, "sni"},
        {454, "noise"},
        {460, "quic"},
        {461, "quic-v1"},
        {465, "webtransport"},
        {466, "certhash"},
        {477, "ws"},
        {478, "wss"},
        {480, "http"},
        {481, "http-path"},
        {280, "webrtc-direct"},
        {281, "webrtc"},
    };
    for (size_t i = 0; i < DBR_COUNT(table); i++) {
        const struct dbr_maddr_proto *found = dbr_maddr_by_code(table[i].code);
        assert_non_null(found);
        assert_string_equal(found->name, table[i].name);
        assert_ptr_equal(proto(table[i].name), found);
    }
    assert_ptr_equal(proto("ipfs"), proto("p2p"));
    assert_null(dbr_maddr_by_code(0));
    assert_null(dbr_maddr_by_code(UINT64_MAX));
    assert_null(dbr_maddr_by_code((1ull << 32) + 4));
    assert_null(dbr_maddr_by_name("", 0));
    assert_null(dbr_maddr_by_name("ip", 2));
    assert_null(dbr_maddr_by_name("ip4x", 4));
    assert_non_null(dbr_maddr_by_name("ip4x", 3));
}

static void values_have_one_text(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *text;
        const char *bytes;
    } values[] = {
        {"ip4", "1.2.3.4", "01020304"},
        {"ip6", "::", "00000000000000000000000000000000"},
        {"ip6", "2001:db8::1", "20010db8000000000000000000000001"},
        {"ip6", "::ffff:1.2.3.4", "00000000000000000000ffff01020304"},
        {"tcp", "0", "0000"},
        {"udp", "65535", "ffff"},
        {"ipcidr", "24", "18"},
        {"dns", "example.com", "6578616d706c652e636f6d"},
        {"dns4", "b\xc3\xbc.de", "62c3bc2e6465"},
        {"unix", "/a/b", "2f612f62"},
        {"http-path", "tmp%2Fa%20b", "746d702f612062"},
        {"certhash", "uEgNmb28", "1203666f6f"},
        {"tls", "", ""},
    };
    for (size_t i = 0; i < DBR_COUNT(values); i++) {
        uint8_t bytes[64];
        char text[64];
        int n = dbr_maddr_value_parse(proto(values[i].name), bytes, sizeof(bytes),
                                      values[i].text, strlen(values[i].text));
        assert_true(n >= 0);
        assert_hex(bytes, (size_t)n, values[i].bytes);
        int len = dbr_maddr_value_text(proto(values[i].name), text, sizeof(text),
                                       dbr_bytes(bytes, (size_t)n));
        assert_int_equal(len, strlen(values[i].text));
        assert_string_equal(text, values[i].text);
    }
}

static void texts_are_checked(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"ip4", ""},
        {"ip4", "1.2.3"},
        {"ip4", "1.2.3.256"},
        {"ip4", "1.2.3.4 "},
        {"ip4", "01.2.3.4"},
        {"ip4", "::1"},
        {"ip6", ""},
        {"ip6", "1.2.3.4"},
        {"ip6", "::1::"},
        {"ip6", "fe80::1%en"},
        {"ip6", "12345::"},
        {"tcp", ""},
        {"tcp", "65536"},
        {"tcp", "-1"},
        {"tcp", "+1"},
        {"tcp", "1x"},
        {"tcp", "000001"},
        {"tcp", "99999999999"},
        {"ipcidr", "256"},
        {"dns", ""},
        {"dns", "a b"},
        {"dns", "a/b"},
        {"dns", "a\nb"},
        {"unix", ""},
        {"unix", "/"},
        {"unix", "a"},
        {"unix", "/a/"},
        {"http-path", ""},
        {"http-path", "%"},
        {"http-path", "%2"},
        {"http-path", "%2g"},
        {"http-path", "a/b"},
        {"p2p", ""},
        {"p2p", "Qm"},
        {"certhash", ""},
        {"certhash", "u"},
        {"certhash", "bEgNmb28"},
        {"certhash", "uEgRmb28"},
        {"certhash", "uEgNmb2="},
        {"tls", "x"},
    };
    for (size_t i = 0; i < DBR_COUNT(bad); i++) {
        uint8_t bytes[64];
        assert_int_equal(dbr_maddr_value_parse(proto(bad[i][0]), bytes, sizeof(bytes),
                                               bad[i][1], strlen(bad[i][1])),
                         DEBROS_EINVAL);
    }
    uint8_t bytes[4];
    assert_int_equal(dbr_maddr_value_parse(proto("ip4"), bytes, 4, "1.2.3.4\0x", 9),
                     DEBROS_EINVAL);
}

static void bytes_are_checked(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"dns", ""},        {"dns", "612f62"},      {"dns", "6100"},
        {"sni", "20"},      {"unix", "61"},         {"unix", "2f"},
        {"unix", "2f612f"}, {"unix", "2f610a"},     {"p2p", ""},
        {"p2p", "1220"},    {"certhash", "12"},     {"certhash", "1200"},
        {"http-path", ""},  {"certhash", "120461"}, {"certhash", "120161ff"},
    };
    for (size_t i = 0; i < DBR_COUNT(bad); i++) {
        char text[64];
        struct test_bytes bytes = test_hex(bad[i][1]);
        assert_int_equal(
            dbr_maddr_value_text(proto(bad[i][0]), text, sizeof(text), test_view(bytes)),
            DEBROS_EPROTO);
    }
}

/* Each cap below what is needed is ELIMIT, and nothing is written behind it. */
static void small_room_is_noticed(void **state)
{
    (void)state;
    static const char *const values[][2] = {
        {"ip4", "1.2.3.4"},
        {"ip6", "2001:db8::1"},
        {"tcp", "443"},
        {"ipcidr", "24"},
        {"dns", "example.com"},
        {"unix", "/a/b"},
        {"http-path", "ab"},
        {"certhash", "uEgNmb28"},
        {"p2p", "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"},
    };
    for (size_t i = 0; i < DBR_COUNT(values); i++) {
        const struct dbr_maddr_proto *p = proto(values[i][0]);
        const char *text = values[i][1];
        uint8_t bytes[64];
        char out[64];
        int n = dbr_maddr_value_parse(p, bytes, sizeof(bytes), text, strlen(text));
        assert_true(n > 0);
        for (size_t cap = 0; cap < (size_t)n; cap++) {
            uint8_t small[64];
            memset(small, 0xee, sizeof(small));
            assert_int_equal(dbr_maddr_value_parse(p, small, cap, text, strlen(text)),
                             DEBROS_ELIMIT);
            assert_int_equal(small[cap], 0xee);
        }
        for (size_t cap = 0; cap <= strlen(text); cap++) {
            memset(out, 0x7e, sizeof(out));
            assert_int_equal(
                dbr_maddr_value_text(p, out, cap, dbr_bytes(bytes, (size_t)n)),
                DEBROS_ELIMIT);
            assert_int_equal(out[cap], 0x7e);
        }
    }
}

static void random_paths_come_back(void **state)
{
    (void)state;
    struct dbr_rng rng;
    dbr_rng_seed(&rng, 14);
    for (size_t i = 0; i < 2000; i++) {
        uint8_t data[50];
        uint8_t back[50];
        char text[200];
        size_t len = 1 + (size_t)dbr_rng_below(&rng, sizeof(data));
        dbr_rng_fill(&rng, data, len);
        int n = dbr_maddr_value_text(proto("http-path"), text, sizeof(text),
                                     dbr_bytes(data, len));
        assert_true(n > 0);
        assert_int_equal(
            dbr_maddr_value_parse(proto("http-path"), back, len, text, (size_t)n), len);
        assert_memory_equal(back, data, len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_codes_are_the_tables),
        cmocka_unit_test(values_have_one_text),
        cmocka_unit_test(texts_are_checked),
        cmocka_unit_test(bytes_are_checked),
        cmocka_unit_test(small_room_is_noticed),
        cmocka_unit_test(random_paths_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
