#include "book_fixture.h"
#include "vectors.h"

#include "fault.h"
#include "swarm/mdns.h"

#define A "/ip4/192.168.1.7/tcp/4001"
#define B "/ip6/fd00::7/tcp/4001"

struct rig {
    struct dbr_rng rng;
    struct dbr_mdns_limits limits;
    struct dbr_mdns mdns;
    dbr_time now;
};

static void rig_init(struct rig *rig, uint32_t self)
{
    struct dbr_peer_id id = id_of(self);
    dbr_rng_seed(&rig->rng, self);
    dbr_mdns_limits_default(&rig->limits);
    rig->now = 1000;
    assert_int_equal(
        dbr_mdns_init(&rig->mdns, &id, NULL, &rig->limits, &rig->rng, rig->now), 0);
}

static void listen_at(struct rig *rig, const char *first, const char *second)
{
    struct dbr_multiaddr addrs[2] = {addr_of(first)};
    if (second != NULL) {
        addrs[1] = addr_of(second);
    }
    dbr_mdns_set_addrs(&rig->mdns, addrs, second == NULL ? 1 : 2, rig->now);
}

/* To the next deadline. */
static void step(struct rig *rig)
{
    rig->now = dbr_mdns_deadline(&rig->mdns);
    dbr_mdns_expire(&rig->mdns, rig->now);
}

/* The next packet; one of no length when there is none. */
static struct test_bytes sent(struct rig *rig)
{
    struct dbr_mdns_event event;
    struct test_bytes bytes = {0};
    if (dbr_mdns_poll(&rig->mdns, &event)) {
        assert_int_equal(event.type, DBR_MDNS_SEND);
        assert_in_range(event.packet.len, 1, DBR_MDNS_SEND_MAX);
        bytes.len = event.packet.len;
        memcpy(bytes.data, event.packet.data, event.packet.len);
    }
    return bytes;
}

static bool is_query(const struct test_bytes *bytes)
{
    return bytes->len > 2 && bytes->data[2] == 0;
}

/* The next answer, whenever it is due. */
static struct test_bytes next_answer(struct rig *rig)
{
    struct test_bytes bytes = sent(rig);
    while (bytes.len == 0 || is_query(&bytes)) {
        if (bytes.len == 0) {
            step(rig);
        }
        bytes = sent(rig);
    }
    return bytes;
}

static void assert_found(struct rig *rig, const struct dbr_peer_id *peer,
                         const char *addr)
{
    struct dbr_mdns_event event;
    assert_true(dbr_mdns_poll(&rig->mdns, &event));
    assert_int_equal(event.type, DBR_MDNS_FOUND);
    assert_true(dbr_peer_id_equal(&event.peer, peer));
    assert_text(&event.addr, addr);
}

static void it_asks_ever_more_seldom(void **state)
{
    (void)state;
    struct rig rig;
    dbr_time last = 0;
    dbr_time pause = 1000;
    rig_init(&rig, 1);
    assert_in_range(dbr_mdns_deadline(&rig.mdns), 1020, 1120);
    for (int i = 0; i < 14; i++) {
        step(&rig);
        struct test_bytes packet = sent(&rig);
        assert_hex(packet.data, packet.len,
                   "0000 0000 0001 0000 0000 0000"
                   "045f703270 045f756470 056c6f63616c 00 000c 0001");
        if (last != 0) {
            assert_in_range(rig.now - last, pause + 20, pause + 120);
            pause = 2 * pause < 300000 ? 2 * pause : 300000;
        }
        last = rig.now;
    }
    assert_int_equal(pause, 300000);
    dbr_mdns_restart(&rig.mdns, rig.now); /* another network */
    assert_in_range(dbr_mdns_deadline(&rig.mdns), last + 20, last + 120);
    dbr_mdns_finish(&rig.mdns);
}

static void two_nodes_find_each_other(void **state)
{
    (void)state;
    struct rig a;
    struct rig b;
    struct dbr_mdns_event event;
    struct dbr_peer_id id_a = id_of(1);
    rig_init(&a, 1);
    rig_init(&b, 2);
    listen_at(&a, A, B);
    step(&a); /* it tells where it is; nobody listened, say */
    (void)sent(&a);
    step(&b);
    struct test_bytes query = sent(&b);
    assert_true(is_query(&query));
    a.now = b.now + 2000;
    dbr_mdns_expire(&a.mdns, a.now);
    while (sent(&a).len > 0) {
    }
    dbr_mdns_recv(&a.mdns, test_view(query), false, a.now);
    struct test_bytes answer = next_answer(&a);
    dbr_mdns_recv(&b.mdns, test_view(answer), false, b.now);
    assert_found(&b, &id_a, A);
    assert_found(&b, &id_a, B);
    assert_false(dbr_mdns_poll(&b.mdns, &event));
    assert_int_equal(b.mdns.stats.found, 2);
    dbr_mdns_recv(&a.mdns, test_view(answer), false, a.now); /* its own */
    assert_int_equal(a.mdns.stats.found, 0);
    assert_int_equal(a.mdns.stats.malformed, 0);
    dbr_mdns_finish(&a.mdns);
    dbr_mdns_finish(&b.mdns);
}

static void js_is_understood(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_mdns_event event;
    json_t *root = vectors_load("js-mdns.json");
    struct test_bytes query = vectors_hex(root, "query");
    struct test_bytes answer = vectors_hex(root, "answer");
    struct dbr_peer_id peer;
    const char *text = vectors_text(root, "peer");
    rig_init(&rig, 1);
    assert_int_equal(dbr_peer_id_parse(&peer, text, strlen(text)), 0);
    dbr_mdns_recv(&rig.mdns, test_view(answer), true, rig.now);
    assert_found(&rig, &peer, A);
    assert_found(&rig, &peer, "/ip4/127.0.0.1/tcp/4001");
    assert_false(dbr_mdns_poll(&rig.mdns, &event));
    assert_int_equal(rig.mdns.stats.unfit, 1); /* its UDP address */
    listen_at(&rig, A, NULL);
    rig.mdns.answer_at = DBR_TIME_NEVER;
    dbr_mdns_recv(&rig.mdns, test_view(query), false, rig.now);
    assert_in_range(rig.mdns.answer_at, rig.now + 20, rig.now + 120);
    for (size_t len = 0; len < answer.len; len++) { /* a part is no harm */
        rig.now += 1000;
        dbr_mdns_recv(&rig.mdns, dbr_bytes(answer.data, len), false, rig.now);
        while (dbr_mdns_poll(&rig.mdns, &event)) {
        }
        assert_int_equal(rig.mdns.stats.malformed, len + 1);
    }
    dbr_mdns_finish(&rig.mdns);
    json_decref(root);
}

/* As go writes: compressed, a TXT record with several strings, an SRV and an A record. */
static void compressed_answers_are_understood(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_buf out = {0};
    struct dbr_buf txt = {0};
    struct dbr_peer_id peer = id_of(2);
    struct dbr_multiaddr addr = addr_of(A);
    char text[DBR_MULTIADDR_TEXT_SIZE];
    rig_init(&rig, 1);
    assert_int_equal(dbr_multiaddr_set_peer(&addr, &peer), 0);
    dbr_multiaddr_text(&addr, text);
    dbr_buf_add(&txt, "\5other", 6);
    dbr_buf_u8(&txt, (uint8_t)(8 + strlen(text)));
    dbr_buf_str(&txt, "dnsaddr=");
    dbr_buf_str(&txt, text);
    dbr_dns_add_head(&out, DBR_DNS_RESPONSE, 0, 1, 2);
    dbr_buf_add(&out, "\4_p2p\4_udp\5local\0", 17);               /* at 12 */
    dbr_buf_add(&out, "\0\x0c\0\1\0\0\0\x78\0\4\1n\xc0\x0c", 14); /* n at 39 */
    dbr_buf_add(&out, "\xc0\x27\0\x10\x80\1\0\0\0\x78", 10);
    dbr_buf_be16(&out, (uint16_t)txt.len);
    dbr_buf_add(&out, txt.data, txt.len);
    dbr_buf_add(&out, "\xc0\x27\0\1\0\1\0\0\0\x78\0\4\1\2\3\4", 16);
    dbr_mdns_recv(&rig.mdns, view(&out), false, rig.now);
    assert_found(&rig, &peer, A);
    assert_int_equal(rig.mdns.stats.malformed, 0);
    /* Not of our service, somebody's goodbye, or no answer at all. */
    out.data[13] = 'q';
    out.data[14] = 'q';
    dbr_mdns_recv(&rig.mdns, view(&out), false, rig.now);
    out.data[13] = '_';
    out.data[14] = 'p';
    static const size_t ttls[] = {36, 52}; /* of PTR and of TXT */
    for (size_t i = 0; i < DBR_COUNT(ttls); i++) {
        out.data[ttls[i]] = 0;
        dbr_mdns_recv(&rig.mdns, view(&out), false, rig.now);
        out.data[ttls[i]] = 0x78;
    }
    out.data[3] = 3; /* NXDOMAIN */
    dbr_mdns_recv(&rig.mdns, view(&out), false, rig.now);
    assert_int_equal(rig.mdns.stats.found, 1);
    dbr_buf_finish(&out);
    dbr_buf_finish(&txt);
    dbr_mdns_finish(&rig.mdns);
}

static struct test_bytes ask(const char *name, uint16_t type)
{
    struct test_bytes bytes = {0};
    struct dbr_dns_name n;
    struct dbr_buf out = {0};
    assert_true(dbr_dns_name_from_text(&n, name));
    dbr_dns_add_head(&out, 0, 1, 0, 0);
    dbr_dns_add_question(&out, &n, type);
    bytes.len = out.len;
    memcpy(bytes.data, out.data, out.len);
    dbr_buf_finish(&out);
    return bytes;
}

static bool answers(struct rig *rig, const char *name, uint16_t type)
{
    struct test_bytes query = ask(name, type);
    rig->mdns.answer_at = DBR_TIME_NEVER;
    dbr_mdns_recv(&rig->mdns, test_view(query), false, rig->now);
    return rig->mdns.answer_at != DBR_TIME_NEVER;
}

static void it_answers_for_its_own_names_only(void **state)
{
    (void)state;
    struct rig rig;
    char label[64] = {0};
    char name[128];
    rig_init(&rig, 1);
    memcpy(label, rig.mdns.instance.bytes + 1, rig.mdns.instance.bytes[0]);
    assert_int_equal(strlen(label), DBR_MDNS_NAME_SIZE - 1);
    assert_false(answers(&rig, "_p2p._udp.local", DBR_DNS_PTR)); /* it is nowhere */
    listen_at(&rig, A, NULL);
    assert_true(answers(&rig, "_p2p._udp.local", DBR_DNS_PTR));
    assert_true(answers(&rig, "_P2P._udp.LOCAL", DBR_DNS_ANY));
    assert_false(answers(&rig, "_p2p._udp.local", DBR_DNS_TXT));
    assert_false(answers(&rig, "_ipp._tcp.local", DBR_DNS_PTR));
    snprintf(name, sizeof(name), "%s._p2p._udp.local", label);
    assert_true(answers(&rig, name, DBR_DNS_TXT));
    snprintf(name, sizeof(name), "%s.local", label);
    assert_true(answers(&rig, name, DBR_DNS_A));
    assert_true(answers(&rig, "_services._dns-sd._udp.local", DBR_DNS_PTR));
    struct test_bytes packet = next_answer(&rig);
    assert_int_equal(packet.data[7],
                     2); /* two answers: what services there are, and us */
    assert_true(answers(&rig, "_p2p._udp.local", DBR_DNS_PTR));
    packet = next_answer(&rig);
    assert_int_equal(packet.data[7], 1);
    dbr_mdns_finish(&rig.mdns);
}

static void whoever_knows_us_is_not_told_again(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, 1);
    listen_at(&rig, A, NULL);
    for (uint32_t ttl = 59; ttl < 61; ttl++) {
        struct dbr_buf out = {0};
        dbr_dns_add_head(&out, 0, 1, 1, 0);
        dbr_dns_add_question(&out, &rig.mdns.service, DBR_DNS_PTR);
        dbr_dns_add_record(&out, &rig.mdns.service, DBR_DNS_PTR, DBR_DNS_IN, ttl,
                           rig.mdns.instance.len);
        dbr_dns_add_name(&out, &rig.mdns.instance);
        rig.mdns.answer_at = DBR_TIME_NEVER;
        dbr_mdns_recv(&rig.mdns, view(&out), false, rig.now);
        assert_int_equal(rig.mdns.answer_at != DBR_TIME_NEVER, ttl < 60);
        dbr_buf_finish(&out);
    }
    dbr_mdns_finish(&rig.mdns);
}

static void it_answers_once_a_second_at_most(void **state)
{
    (void)state;
    struct rig rig;
    size_t n = 0;
    rig_init(&rig, 1);
    rig.limits.packets_per_s = 100000;
    rig.mdns.limits = rig.limits;
    listen_at(&rig, A, NULL);
    struct test_bytes query = ask("_p2p._udp.local", DBR_DNS_PTR);
    for (int i = 0; i < 10000; i++) { /* ten seconds */
        rig.now++;
        dbr_mdns_recv(&rig.mdns, test_view(query), false, rig.now);
        dbr_mdns_expire(&rig.mdns, rig.now);
        for (struct test_bytes packet = sent(&rig); packet.len > 0; packet = sent(&rig)) {
            n += !is_query(&packet);
        }
    }
    assert_in_range(n, 9, 10);
    dbr_mdns_finish(&rig.mdns);
}

static void floods_are_bounded(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_mdns_event event;
    json_t *root = vectors_load("js-mdns.json");
    struct test_bytes answer = vectors_hex(root, "answer");
    rig_init(&rig, 1);
    for (int i = 0; i < 1000; i++) {
        dbr_mdns_recv(&rig.mdns, test_view(answer), true, rig.now);
    }
    assert_int_equal(rig.mdns.stats.packets, 100);
    assert_int_equal(rig.mdns.stats.too_often, 900);
    rig.now += 60000;
    for (int i = 0; i < 100; i++) {
        dbr_mdns_recv(&rig.mdns, test_view(answer), true, rig.now);
    }
    assert_int_equal(rig.mdns.stats.found, 256);
    assert_int_equal(rig.mdns.stats.dropped, 144);
    size_t n = 0;
    while (dbr_mdns_poll(&rig.mdns, &event)) {
        n++;
    }
    assert_int_equal(n, 256);
    static uint8_t large[DBR_MDNS_PACKET_MAX + 1];
    rig.now += 60000;
    dbr_mdns_recv(&rig.mdns, dbr_bytes(large, sizeof(large)), false, rig.now);
    dbr_mdns_recv(&rig.mdns, dbr_bytes(NULL, 0), false, rig.now);
    assert_int_equal(rig.mdns.stats.malformed, 2);
    dbr_mdns_finish(&rig.mdns);
    json_decref(root);
}

static void more_addresses_than_fit_are_left_out(void **state)
{
    (void)state;
    struct rig rig;
    struct rig other;
    struct dbr_mdns_event event;
    struct dbr_multiaddr addrs[20];
    char text[DBR_MULTIADDR_TEXT_SIZE] = "/dns4/";
    rig_init(&rig, 1);
    rig_init(&other, 2);
    memset(text + 6, 'a', 150);
    strcpy(text + 156, "/tcp/1");
    for (size_t i = 0; i < DBR_COUNT(addrs); i++) {
        addrs[i] = addr_of(text);
    }
    memset(text + 156, 'a', 40);
    strcpy(text + 196, "/tcp/1");
    addrs[0] = addr_of(text); /* too long for a string of TXT */
    addrs[1] = addr_of(A);
    dbr_mdns_set_addrs(&rig.mdns, addrs, DBR_COUNT(addrs), rig.now);
    assert_int_equal(rig.mdns.n_addrs, DBR_MDNS_ADDRS_MAX);
    rig.mdns.query_at = DBR_TIME_NEVER;
    step(&rig);
    struct test_bytes packet = sent(&rig);
    dbr_mdns_recv(&other.mdns, test_view(packet), false, other.now);
    assert_int_equal(other.mdns.stats.found, 1);
    assert_in_range(other.mdns.stats.unfit, 2, 5);
    struct dbr_peer_id id = id_of(1);
    assert_found(&other, &id, A);
    while (dbr_mdns_poll(&other.mdns, &event)) {
    }
    dbr_mdns_set_addrs(&rig.mdns, addrs, 1, rig.now); /* none fits */
    step(&rig);
    packet = sent(&rig);
    dbr_mdns_recv(&other.mdns, test_view(packet), false, other.now);
    assert_int_equal(other.mdns.stats.malformed, 0);
    assert_false(dbr_mdns_poll(&other.mdns, &event));
    dbr_mdns_set_addrs(&rig.mdns, NULL, 0, rig.now); /* it listens nowhere */
    assert_int_equal(dbr_mdns_deadline(&rig.mdns), DBR_TIME_NEVER);
    dbr_mdns_finish(&rig.mdns);
    dbr_mdns_finish(&other.mdns);
}

/* What a packet says is dialed: not everything that parses is. */
static void unfit_addresses_are_not_told(void **state)
{
    (void)state;
    static const struct {
        const char *addr;
        bool same_host; /* fit for those */
        bool other_host;
    } cases[] = {
        {A, true, true},
        {B, true, true},
        {"/ip4/127.0.0.1/tcp/22", true, false},
        {"/ip6/::1/tcp/22", true, false},
        {"/ip6/::ffff:127.0.0.1/tcp/22", true, false},
        {"/ip4/0.0.0.0/tcp/22", false, false},
        {"/ip6/::/tcp/22", false, false},
        {"/ip6/fe80::1/tcp/22", false, false},
        {"/ip4/192.168.1.7/tcp/0", false, false},
        {"/dns4/localhost/tcp/22", false, false},
    };
    struct rig a;
    struct rig b;
    rig_init(&a, 1);
    rig_init(&b, 2);
    for (size_t i = 0; i < 2 * DBR_COUNT(cases); i++) {
        bool same_host = i % 2 == 0;
        bool fits = same_host ? cases[i / 2].same_host : cases[i / 2].other_host;
        struct dbr_mdns_event event;
        listen_at(&a, cases[i / 2].addr, NULL);
        struct test_bytes answer = next_answer(&a);
        dbr_mdns_recv(&b.mdns, test_view(answer), same_host, b.now);
        if (fits) {
            struct dbr_peer_id id = id_of(1);
            assert_found(&b, &id, cases[i / 2].addr);
        }
        assert_false(dbr_mdns_poll(&b.mdns, &event));
    }
    dbr_mdns_finish(&a.mdns);
    dbr_mdns_finish(&b.mdns);
}

static void loopback_is_told_to_this_machine_only(void **state)
{
    (void)state;
    static const struct {
        const char *first;
        const char *second;
        bool same_host;
    } cases[] = {
        {A, B, false},
        {"/ip4/127.0.0.1/tcp/1", NULL, true},
        {"/ip4/127.0.0.1/tcp/1", "/ip6/::1/tcp/1", true},
        {"/ip4/127.0.0.1/tcp/1", A, false},
    };
    for (size_t i = 0; i < DBR_COUNT(cases); i++) {
        struct rig rig;
        struct dbr_mdns_event event;
        size_t n = 0;
        rig_init(&rig, 1);
        listen_at(&rig, cases[i].first, cases[i].second);
        while (n < 2) { /* a question and an answer */
            if (!dbr_mdns_poll(&rig.mdns, &event)) {
                step(&rig);
                continue;
            }
            bool is_answer = (event.packet.data[2] & 0x80) != 0;
            assert_int_equal(event.same_host, is_answer && cases[i].same_host);
            n += is_answer || rig.mdns.has_answered;
        }
        dbr_mdns_finish(&rig.mdns);
    }
}

static void another_service_is_another_world(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_peer_id id = id_of(1);
    char name[80];
    rig_init(&rig, 1);
    dbr_mdns_finish(&rig.mdns);
    assert_int_equal(
        dbr_mdns_init(&rig.mdns, &id, "_mine._udp.local", &rig.limits, &rig.rng, 0), 0);
    listen_at(&rig, A, NULL);
    assert_false(answers(&rig, "_p2p._udp.local", DBR_DNS_PTR));
    assert_true(answers(&rig, "_mine._udp.local", DBR_DNS_PTR));
    dbr_mdns_finish(&rig.mdns);
    memset(name, 'a', sizeof(name));
    name[40] = '.';
    name[63] = '\0'; /* 65 bytes as a name */
    assert_int_equal(dbr_mdns_init(&rig.mdns, &id, name, &rig.limits, &rig.rng, 0),
                     DEBROS_EINVAL);
    assert_int_equal(dbr_mdns_init(&rig.mdns, &id, "a..b", &rig.limits, &rig.rng, 0),
                     DEBROS_EINVAL);
}

static void short_memory_costs_a_packet(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_mdns_event event;
    rig_init(&rig, 1);
    step(&rig);
    fault_after(0);
    bool polled = dbr_mdns_poll(&rig.mdns, &event);
    assert_true(fault_off());
    assert_false(polled);
    step(&rig);
    struct test_bytes packet = sent(&rig);
    assert_true(is_query(&packet));
    dbr_mdns_finish(&rig.mdns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_asks_ever_more_seldom),
        cmocka_unit_test(two_nodes_find_each_other),
        cmocka_unit_test(js_is_understood),
        cmocka_unit_test(compressed_answers_are_understood),
        cmocka_unit_test(it_answers_for_its_own_names_only),
        cmocka_unit_test(whoever_knows_us_is_not_told_again),
        cmocka_unit_test(it_answers_once_a_second_at_most),
        cmocka_unit_test(floods_are_bounded),
        cmocka_unit_test(more_addresses_than_fit_are_left_out),
        cmocka_unit_test(unfit_addresses_are_not_told),
        cmocka_unit_test(loopback_is_told_to_this_machine_only),
        cmocka_unit_test(another_service_is_another_world),
        cmocka_unit_test(short_memory_costs_a_packet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
