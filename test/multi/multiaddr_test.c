#include "vectors.h"

#include "base/rng.h"
#include "crypto/system.h"
#include "multi/multiaddr.h"

#define ID_A "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp"
#define ID_B "12D3KooWHdiAxVd8uMQR1hGWXccidmfCwLqcMpGwR6QcTP6QRMuD"

static struct dbr_multiaddr parse(const char *text)
{
    struct dbr_multiaddr addr;
    debros_detail detail = {""};
    if (dbr_multiaddr_parse(&addr, text, &detail) < 0) {
        fail_msg("%s: %s", text, detail.text);
    }
    return addr;
}

static void assert_text(const struct dbr_multiaddr *addr, const char *want)
{
    char text[DBR_MULTIADDR_TEXT_SIZE];
    assert_string_equal(dbr_multiaddr_text(addr, text), want);
}

static void addresses_are_those_of_js(void **state)
{
    (void)state;
    json_t *root = vectors_load("js-vectors.json");
    const json_t *list = vectors_get(root, "multiaddrs");
    assert_true(json_array_size(list) >= 9);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *vector = json_array_get(list, i);
        const char *text = vectors_text(vector, "text");
        struct test_bytes bytes = vectors_hex(vector, "bytes");
        struct dbr_multiaddr from_text = parse(text);
        struct dbr_multiaddr from_bytes;
        assert_hex(from_text.bytes, from_text.len, vectors_text(vector, "bytes"));
        assert_int_equal(dbr_multiaddr_from_bytes(&from_bytes, test_view(bytes)), 0);
        assert_true(dbr_multiaddr_equal(&from_text, &from_bytes));
        assert_memory_equal(&from_text, &from_bytes, sizeof(from_text));
        assert_text(&from_bytes, text);
    }
    json_decref(root);
}

static void valid_texts_come_back(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "/ip4/0.0.0.0",
        "/ip6/fe80::1/udp/1234/quic",
        "/ip6zone/en0/ip6/fe80::1/tcp/5",
        "/ip4/192.168.0.0/ipcidr/16",
        "/dns/example.com/tcp/443/tls/sni/example.com/http/http-path/tmp%2Fbar",
        "/dns6/xn--bcher-kva.example/tcp/0",
        "/ip4/127.0.0.1/udp/9090/webrtc-direct/certhash/"
        "uEiDDq4_xNyDorZBH3TlGazyJdOWSwvo4PUo5YHFMrvDE8g/p2p/" ID_A,
        "/ip4/127.0.0.1/udp/1234/quic-v1/webtransport/certhash/uEgNmb28",
        "/unix/a/b/c/d/e",
        "/ip4/127.0.0.1/tcp/9/noise",
        "/p2p/" ID_A,
        "/p2p/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC",
        "/ip4/1.2.3.4/tcp/4001/p2p/" ID_A "/p2p-circuit/webrtc/p2p/" ID_B,
    };
    for (size_t i = 0; i < DBR_COUNT(texts); i++) {
        struct dbr_multiaddr addr = parse(texts[i]);
        struct dbr_multiaddr same;
        assert_text(&addr, texts[i]);
        assert_int_equal(dbr_multiaddr_from_bytes(&same, dbr_bytes(addr.bytes, addr.len)),
                         0);
        assert_true(dbr_multiaddr_equal(&addr, &same));
    }
}

static void other_spellings_mean_the_same(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"/ip4/127.0.0.1/tcp/4001/", "/ip4/127.0.0.1/tcp/4001"},
        {"/ip4/127.0.0.1/tcp/4001//", "/ip4/127.0.0.1/tcp/4001"},
        {"/ip4/127.0.0.1/tcp/04001", "/ip4/127.0.0.1/tcp/4001"},
        {"/ip6/2001:DB8:0:0::0001/tcp/1", "/ip6/2001:db8::1/tcp/1"},
        {"/ipfs/" ID_A, "/p2p/" ID_A},
        {"/p2p/bafzaajaiaejcatfvvp3k26p36wv3zsx4yju5qxgsmupnjoefwwdj6ja25xyklorj",
         "/p2p/" ID_A},
    };
    for (size_t i = 0; i < DBR_COUNT(pairs); i++) {
        struct dbr_multiaddr addr = parse(pairs[i][0]);
        assert_text(&addr, pairs[i][1]);
    }
}

static void invalid_texts_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "/",
        "//",
        "ip4/127.0.0.1",
        "127.0.0.1:4001",
        "/ip4",
        "/ip4/",
        "/ip4/::1",
        "/ip4/fdpsofodsajfdoisa",
        "/ip6",
        "/ip4/127.0.0.1/tcp",
        "/ip4/127.0.0.1/tcp/jfodsajfidosajfoidsa",
        "/ip4/127.0.0.1/tcp/65536",
        "/ip4//127.0.0.1/tcp/1",
        "//ip4/127.0.0.1/tcp/1",
        "/ip4/127.0.0.1/tcp/4001/p2p",
        "/ip4/127.0.0.1/p2p/tcp",
        "/ip4/127.0.0.1/tcp/4001 ",
        "/ip4/127.0.0.1\n/tcp/4001",
        "/tls/x",
        "/unix",
        "/dns4//tcp/1",
        "/bogus/1",
    };
    for (size_t i = 0; i < DBR_COUNT(texts); i++) {
        struct dbr_multiaddr addr;
        debros_detail detail = {""};
        assert_int_equal(dbr_multiaddr_parse(&addr, texts[i], &detail), DEBROS_EINVAL);
        assert_true(strlen(detail.text) > 10);
        assert_int_equal(addr.len, 0);
        assert_int_equal(dbr_multiaddr_parse(&addr, texts[i], NULL), DEBROS_EINVAL);
    }
}

static void the_reason_names_the_value(void **state)
{
    (void)state;
    struct dbr_multiaddr addr;
    debros_detail detail;
    dbr_multiaddr_parse(&addr, "/ip4/1.2.3.4/tcp/70000/p2p/x", &detail);
    assert_string_equal(detail.text, "\"70000\" is no value for /tcp");
    dbr_multiaddr_parse(&addr, "/ipv4/1.2.3.4", &detail);
    assert_non_null(strstr(detail.text, "\"ipv4\""));
    dbr_multiaddr_parse(&addr, "localhost:4001", &detail);
    assert_non_null(strstr(detail.text, "\"localhost:4001\""));
}

static void invalid_bytes_are_refused(void **state)
{
    (void)state;
    static const char *const all[] = {
        "",
        "00",              /* unknown code */
        "04",              /* no value */
        "047f0000",        /* cut */
        "047f000001 06",   /* the second component cut */
        "047f000001 060f", /* the same */
        "84007f000001",    /* code not minimal */
        "047f000001 8a7e", /* unknown code behind a known one */
        "3600",            /* an empty name */
        "3605 6578",       /* a name cut */
        "3603 612f62",     /* a '/' inside a name */
        "a503 00",         /* an empty peer id */
        "a503 03 110161",  /* no peer id */
        "a503 ffffffffffffffff7f",
        "9003 022f61 060001",   /* behind a path */
        "ffffffffffffffffff01", /* no uvarint */
    };
    for (size_t i = 0; i < DBR_COUNT(all); i++) {
        struct test_bytes bytes = test_hex(all[i]);
        struct dbr_multiaddr addr;
        assert_int_equal(dbr_multiaddr_from_bytes(&addr, test_view(bytes)),
                         DEBROS_EPROTO);
        assert_int_equal(addr.len, 0);
    }
}

static void the_limits_hold(void **state)
{
    (void)state;
    struct dbr_multiaddr addr;
    debros_detail detail = {""};
    uint8_t bytes[DBR_MULTIADDR_MAX + 1] = {0x36, 0xfd, 0x01}; /* a name of 253 */
    char text[600] = "/dns4/";
    memset(bytes + 3, 'n', sizeof(bytes) - 3);
    memset(text + 6, 'n', sizeof(text) - 7);
    assert_int_equal(dbr_multiaddr_from_bytes(&addr, dbr_bytes(bytes, 256)), 0);
    assert_int_equal(dbr_multiaddr_from_bytes(&addr, dbr_bytes(bytes, 257)),
                     DEBROS_ELIMIT);
    assert_int_equal(dbr_multiaddr_parse(&addr, text, &detail), DEBROS_ELIMIT);
    assert_string_equal(detail.text, "the address is too long: at most 256 bytes, or "
                                     "511 characters");
    for (size_t len = 300; len > 253; len--) {
        text[6 + len] = '\0';
        assert_int_equal(dbr_multiaddr_parse(&addr, text, NULL), DEBROS_ELIMIT);
    }
    text[6 + 253] = '\0';
    assert_int_equal(dbr_multiaddr_parse(&addr, text, NULL), 0);
    assert_int_equal(addr.len, 256);
    assert_memory_equal(addr.bytes, bytes, 256);
}

static void the_text_is_bounded_too(void **state)
{
    (void)state;
    struct dbr_multiaddr addr;
    uint8_t bytes[DBR_MULTIADDR_MAX];
    for (size_t i = 0; i < sizeof(bytes); i += 2) {
        memcpy(bytes + i, "\xd1\x03", 2); /* /webtransport */
    }
    for (size_t n = 1; n <= 128; n++) {
        int err = dbr_multiaddr_from_bytes(&addr, dbr_bytes(bytes, 2 * n));
        assert_int_equal(err, 13 * n < DBR_MULTIADDR_TEXT_SIZE ? 0 : DEBROS_ELIMIT);
    }
}

static void the_peer_is_the_last_component(void **state)
{
    (void)state;
    struct dbr_peer_id peer;
    char text[DBR_PEER_ID_TEXT_SIZE];
    struct dbr_multiaddr addr = parse("/ip4/1.2.3.4/tcp/1/p2p/" ID_A);
    assert_true(dbr_multiaddr_peer(&addr, &peer));
    assert_string_equal(dbr_peer_id_text(&peer, text), ID_A);
    addr = parse("/p2p/" ID_A "/p2p-circuit/p2p/" ID_B);
    assert_true(dbr_multiaddr_peer(&addr, &peer));
    assert_string_equal(dbr_peer_id_text(&peer, text), ID_B);
    addr = parse("/ip4/1.2.3.4/tcp/1/p2p/" ID_A "/p2p-circuit");
    assert_false(dbr_multiaddr_peer(&addr, &peer));
    addr = parse("/ip4/1.2.3.4/tcp/1");
    assert_false(dbr_multiaddr_peer(&addr, &peer));
    addr = (struct dbr_multiaddr){0};
    assert_false(dbr_multiaddr_peer(&addr, &peer));
}

static void the_peer_is_cut_and_set(void **state)
{
    (void)state;
    struct dbr_peer_id b;
    struct dbr_multiaddr plain = parse("/ip4/1.2.3.4/tcp/1");
    struct dbr_multiaddr addr = parse("/ip4/1.2.3.4/tcp/1/p2p/" ID_A);
    assert_int_equal(dbr_peer_id_parse(&b, ID_B, strlen(ID_B)), 0);
    assert_int_equal(dbr_multiaddr_set_peer(&addr, &b), 0);
    assert_text(&addr, "/ip4/1.2.3.4/tcp/1/p2p/" ID_B);
    dbr_multiaddr_cut_peer(&addr);
    assert_memory_equal(&addr, &plain, sizeof(addr));
    dbr_multiaddr_cut_peer(&addr);
    assert_memory_equal(&addr, &plain, sizeof(addr));
    assert_int_equal(dbr_multiaddr_set_peer(&addr, &b), 0);
    assert_text(&addr, "/ip4/1.2.3.4/tcp/1/p2p/" ID_B);
    addr = parse("/p2p/" ID_A);
    dbr_multiaddr_cut_peer(&addr);
    assert_int_equal(addr.len, 0);
    addr = parse("/p2p/" ID_A "/p2p/" ID_A);
    dbr_multiaddr_cut_peer(&addr);
    assert_text(&addr, "/p2p/" ID_A);
}

static void a_peer_that_does_not_fit_changes_nothing(void **state)
{
    (void)state;
    struct dbr_peer_id b;
    struct dbr_multiaddr addr = {0};
    char name[230];
    uint8_t bytes[DBR_MULTIADDR_MAX] = {0x36, 0xdc, 0x01}; /* a name of 220 bytes */
    memset(name, 'n', sizeof(name));
    memcpy(bytes + 3, name, 220);
    assert_int_equal(dbr_multiaddr_from_bytes(&addr, dbr_bytes(bytes, 223)), 0);
    struct dbr_multiaddr before = addr;
    assert_int_equal(dbr_peer_id_parse(&b, ID_B, strlen(ID_B)), 0);
    assert_int_equal(dbr_multiaddr_set_peer(&addr, &b), DEBROS_ELIMIT);
    assert_memory_equal(&addr, &before, sizeof(addr));
}

static void endpoints_are_ip_and_tcp(void **state)
{
    (void)state;
    struct dbr_endpoint endpoint;
    struct dbr_multiaddr addr = parse("/ip4/1.2.3.4/tcp/4001/p2p/" ID_A);
    assert_true(dbr_multiaddr_endpoint(&addr, &endpoint));
    assert_false(endpoint.is_ip6);
    assert_int_equal(endpoint.port, 4001);
    assert_hex(endpoint.ip, 16, "01020304000000000000000000000000");
    addr = parse("/ip6/2001:db8::1/tcp/65535");
    assert_true(dbr_multiaddr_endpoint(&addr, &endpoint));
    assert_true(endpoint.is_ip6);
    assert_int_equal(endpoint.port, 65535);
    static const char *const others[] = {
        "/ip4/1.2.3.4",
        "/tcp/1",
        "/ip4/1.2.3.4/udp/1",
        "/ip4/1.2.3.4/tcp/1/ws",
        "/ip4/1.2.3.4/tcp/1/p2p/" ID_A "/p2p-circuit",
        "/dns4/a/tcp/1",
        ("/p2p/" ID_A),
    };
    for (size_t i = 0; i < DBR_COUNT(others); i++) {
        addr = parse(others[i]);
        assert_false(dbr_multiaddr_endpoint(&addr, &endpoint));
    }
    addr = (struct dbr_multiaddr){0};
    assert_false(dbr_multiaddr_endpoint(&addr, &endpoint));
}

static void names_are_dns_and_tcp(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint8_t ip_version;
    } good[] = {{"/dns/example.org/tcp/4001", 0},
                {"/dns4/example.org/tcp/4001", 4},
                {"/dns6/example.org/tcp/4001/p2p/" ID_A, 6}};
    static const char *const others[] = {
        "/ip4/1.2.3.4/tcp/1",        "/dnsaddr/example.org", "/dnsaddr/example.org/tcp/1",
        "/dns4/example.org/udp/1",   "/dns4/example.org",    "/tcp/1",
        "/dns4/example.org/tcp/1/ws"};
    struct dbr_name name;
    for (size_t i = 0; i < DBR_COUNT(good); i++) {
        struct dbr_multiaddr addr = parse(good[i].text);
        assert_true(dbr_multiaddr_name(&addr, &name));
        assert_true(dbr_multiaddr_is_dialable(&addr));
        assert_string_equal(name.text, "example.org");
        assert_int_equal(name.ip_version, good[i].ip_version);
        assert_int_equal(name.port, 4001);
    }
    for (size_t i = 0; i < DBR_COUNT(others); i++) {
        struct dbr_multiaddr addr = parse(others[i]);
        assert_false(dbr_multiaddr_name(&addr, &name));
        assert_int_equal(dbr_multiaddr_is_dialable(&addr), i == 0);
    }
}

static void endpoints_come_back(void **state)
{
    (void)state;
    struct dbr_rng rng;
    dbr_rng_seed(&rng, 15);
    for (size_t i = 0; i < 2000; i++) {
        struct dbr_endpoint endpoint = {.is_ip6 = i % 2 == 0};
        struct dbr_endpoint back;
        struct dbr_multiaddr addr;
        struct dbr_multiaddr parsed;
        char text[DBR_MULTIADDR_TEXT_SIZE];
        dbr_rng_fill(&rng, endpoint.ip, endpoint.is_ip6 ? 16 : 4);
        memset(endpoint.ip, 0, i % 3 * 5);
        endpoint.port = (uint16_t)dbr_rng_u64(&rng);
        dbr_multiaddr_from_endpoint(&addr, &endpoint);
        assert_true(dbr_multiaddr_endpoint(&addr, &back));
        assert_int_equal(back.is_ip6, endpoint.is_ip6);
        assert_int_equal(back.port, endpoint.port);
        assert_memory_equal(back.ip, endpoint.ip, endpoint.is_ip6 ? 16 : 4);
        parsed = parse(dbr_multiaddr_text(&addr, text));
        assert_true(dbr_multiaddr_equal(&addr, &parsed));
    }
}

static void loopback_and_wildcard_are_known(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_loopback;
        bool is_wildcard;
    } cases[] = {
        {"/ip4/127.0.0.1/tcp/1", true, false},
        {"/ip4/127.255.0.9/tcp/1", true, false},
        {"/ip4/128.0.0.1/tcp/1", false, false},
        {"/ip4/0.0.0.0/tcp/1", false, true},
        {"/ip6/::1/tcp/1", true, false},
        {"/ip6/::/tcp/1", false, true},
        {"/ip6/::2/tcp/1", false, false},
        {"/ip6/::ffff:127.0.0.1/tcp/1", true, false},
        {"/ip6/::ffff:0.0.0.0/tcp/1", false, true},
        {"/ip6/::ffff:1.2.3.4/tcp/1", false, false},
    };
    for (size_t i = 0; i < DBR_COUNT(cases); i++) {
        struct dbr_endpoint endpoint;
        struct dbr_multiaddr addr = parse(cases[i].text);
        assert_true(dbr_multiaddr_endpoint(&addr, &endpoint));
        assert_int_equal(dbr_endpoint_is_loopback(&endpoint), cases[i].is_loopback);
        assert_int_equal(dbr_endpoint_is_wildcard(&endpoint), cases[i].is_wildcard);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_those_of_js),
        cmocka_unit_test(valid_texts_come_back),
        cmocka_unit_test(other_spellings_mean_the_same),
        cmocka_unit_test(invalid_texts_are_refused),
        cmocka_unit_test(the_reason_names_the_value),
        cmocka_unit_test(invalid_bytes_are_refused),
        cmocka_unit_test(the_limits_hold),
        cmocka_unit_test(the_text_is_bounded_too),
        cmocka_unit_test(the_peer_is_the_last_component),
        cmocka_unit_test(the_peer_is_cut_and_set),
        cmocka_unit_test(a_peer_that_does_not_fit_changes_nothing),
        cmocka_unit_test(endpoints_are_ip_and_tcp),
        cmocka_unit_test(names_are_dns_and_tcp),
        cmocka_unit_test(endpoints_come_back),
        cmocka_unit_test(loopback_and_wildcard_are_known),
    };
    return dbr_crypto_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
