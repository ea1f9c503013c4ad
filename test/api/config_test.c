#include "api/config.h"

#include <stdio.h>
#include <unistd.h>

#include "test.h"

#define PEER "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"

static debros_config node_config(void)
{
    debros_config config;
    debros_config_default(&config);
    config.data_dir = "data";
    return config;
}

static void assert_refused(const debros_config *config, const char *text)
{
    struct dbr_config out;
    debros_detail detail = {.text = ""};
    assert_int_equal(dbr_config_init(&out, config, &detail), DEBROS_EINVAL);
    assert_string_equal(detail.text, text);
    assert_int_equal(dbr_config_init(&out, config, NULL), DEBROS_EINVAL);
}

static void the_defaults_are_the_documented_ones(void **state)
{
    (void)state;
    debros_config config;
    debros_config_default(&config);
    assert_int_equal(config.size, sizeof(config));
    assert_int_equal(config.max_connections, 256);
    assert_int_equal(config.max_pending, 4096);
    assert_int_equal(config.busy_poll, 100);
    assert_int_equal(config.client_busy_poll, 300);
    assert_int_equal(config.request_timeout, 30000);
    assert_int_equal(config.connect_timeout, 30000);
    assert_int_equal(config.retry_attempts, 3);
    assert_int_equal(config.retry_delay, 5000);
    assert_int_equal(config.election_timeout, 1000);
    assert_int_equal(config.max_memory, 0);
    assert_int_equal(config.snapshot_rate, 67108864);
    assert_int_equal(config.snapshot_chunk, 262144);
    assert_int_equal(config.log_level, DEBROS_LOG_WARN);
    assert_int_equal(config.discovery_interval, 10000);
    assert_int_equal(config.discovery_dials, 3);
    assert_int_equal(config.low_water, 8);
    assert_int_equal(config.high_water, 64);
    assert_int_equal(config.n_advertise, 0);
    assert_null(config.kad_protocol);
    assert_false(config.client || config.open || config.mdns || config.callback_thread);
}

static void numbers_have_bounds(void **state)
{
    (void)state;
    debros_config config = node_config();
    config.max_pending = 0;
    assert_refused(&config, "max_pending 0 is not in 1 to 1048576");
    config = node_config();
    config.busy_poll = 1001;
    assert_refused(&config, "busy_poll 1001 is not in 0 to 1000 us");
    config = node_config();
    config.client_busy_poll = 1001;
    assert_refused(&config, "client_busy_poll 1001 is not in 0 to 1000 us");
    config = node_config();
    config.max_connections = 65537;
    assert_refused(&config, "max_connections 65537 is not in 1 to 65536");
    config = node_config();
    config.election_timeout = 99;
    assert_refused(&config, "election_timeout 99 is not in 100 to 60000 ms");
    config = node_config();
    config.request_timeout = 0;
    assert_refused(&config, "request_timeout is 0");
    config = node_config();
    config.connect_timeout = 0;
    assert_refused(&config, "connect_timeout is 0");
    config.connect_timeout = 1;
    config.retry_attempts = 101;
    assert_refused(&config, "retry_attempts 101 is above 100");
    config.retry_attempts = 0;
    config.client_connections = 0;
    assert_refused(&config, "client_connections 0 is not in 1 to 16");
    config = node_config();
    config.size = 0;
    assert_refused(&config, "config.size is 0: begin with debros_config_default()");
    config = node_config();
    config.n_listen = 17;
    assert_refused(&config, "17 listen addresses, at most 16");
    config = node_config();
    config.n_bootstrap = 65;
    assert_refused(&config, "65 bootstrap addresses, at most 64");
    config = node_config();
    config.n_advertise = 9;
    assert_refused(&config, "9 advertise addresses, at most 8");
}

static void discovery_has_bounds(void **state)
{
    (void)state;
    debros_config config = node_config();
    config.discovery_interval = 999;
    assert_refused(&config, "discovery_interval 999 is not in 1000 to 3600000 ms");
    config.discovery_interval = 3600001;
    assert_refused(&config, "discovery_interval 3600001 is not in 1000 to 3600000 ms");
    config = node_config();
    config.discovery_dials = 0;
    assert_refused(&config, "discovery_dials 0 is not in 1 to 64");
    config.discovery_dials = 65;
    assert_refused(&config, "discovery_dials 65 is not in 1 to 64");
    config = node_config();
    config.low_water = 0;
    assert_refused(&config, "low_water 0 is not in 1 to 65536");
    config = node_config();
    config.high_water = 65537;
    assert_refused(&config, "high_water 65537 is not in 1 to 65536");
    config.high_water = 7;
    assert_refused(&config, "low_water 8 is above high_water 7: a node would let go of "
                            "what it has just dialed");
    config.low_water = 7;
    assert_int_equal(debros_config_check(&config, NULL), 0);
    config.max_connections = 1; /* bounds both, and is no error */
    assert_int_equal(debros_config_check(&config, NULL), 0);
}

static void assert_advertise_refused(const char *addr, const char *why)
{
    const char *addrs[] = {"/ip4/192.0.2.1/tcp/4001", addr};
    char text[400];
    debros_config config = node_config();
    config.advertise = addrs;
    config.n_advertise = 2;
    snprintf(text, sizeof(text), "advertise address '%s': %s", addr, why);
    assert_refused(&config, text);
}

static void what_is_advertised_can_be_dialed(void **state)
{
    (void)state;
    static const char *const good[] = {
        "/ip4/192.0.2.1/tcp/4001",  "/ip6/2001:db8::1/tcp/1", "/dns/a.example/tcp/65535",
        "/dns4/a.example/tcp/4001", "/dns6/a.example/tcp/80", "/ip4/127.0.0.1/tcp/4001",
        "/ip4/10.0.0.1/tcp/4001",   "/ip4/192.0.2.1/tcp/4001"};
    const char *shape = "not of the shape /ip4/ADDRESS/tcp/PORT or /dns4/NAME/tcp/PORT";
    const char *port = "nobody can dial port 0; give the port that leads to the node";
    const char *wildcard =
        "nobody can dial a wildcard; give an address that leads to the node";
    struct dbr_config out;
    debros_config config = node_config();
    config.advertise = good;
    config.n_advertise = DBR_COUNT(good);
    assert_int_equal(dbr_config_init(&out, &config, NULL), 0);
    for (size_t i = 0; i < DBR_COUNT(good); i++) {
        char text[DBR_MULTIADDR_TEXT_SIZE];
        assert_string_equal(dbr_multiaddr_text(&out.advertise[i], text), good[i]);
        assert_string_equal(out.c.advertise[i], good[i]);
        assert_ptr_not_equal(out.c.advertise[i], good[i]);
    }
    dbr_config_finish(&out);
    assert_advertise_refused("/ip4/192.0.2.1/tcp/0", port);
    assert_advertise_refused("/dns4/a.example/tcp/0", port);
    assert_advertise_refused("/ip4/0.0.0.0/tcp/4001", wildcard);
    assert_advertise_refused("/ip6/::/tcp/4001", wildcard);
    assert_advertise_refused("/ip4/192.0.2.1/tcp/4001/p2p/" PEER,
                             "leave out /p2p/ID, which is always the node's own");
    assert_advertise_refused("/ip4/192.0.2.1/udp/4001/quic-v1", shape);
    assert_advertise_refused("/ip4/192.0.2.1", shape);
    assert_advertise_refused("/p2p/" PEER, shape);
    assert_advertise_refused("192.0.2.1:4001",
                             "\"192.0.2.1:4001\" is no multiaddr; write it like "
                             "/ip4/127.0.0.1/tcp/4001");
    config.client = true;
    assert_refused(&config, "a client does not listen: it has no addresses to advertise");
    config.advertise = (const char *const[]){NULL};
    config.n_advertise = 1;
    config.client = false;
    assert_int_equal(debros_config_check(&config, NULL), DEBROS_EINVAL);
}

static void the_kademlia_protocol_has_an_id(void **state)
{
    (void)state;
    static const char *const good[] = {"/x", "/debros/kad/1.0.0", "/ipfs/kad/1.0.0"};
    static const char *const bad[] = {"", "/", "debros/kad", "/a b", "/a\n", "/\xc3\xa4"};
    static const char *const taken[] = {"/debros/raft/1.0.0", "/debros/snapshot/1.0.0",
                                        "/ipfs/id/1.0.0", "/ipfs/ping/1.0.0",
                                        "/multistream/1.0.0"};
    struct dbr_config out;
    char id[82] = "/";
    char text[300];
    debros_config config = node_config();
    for (size_t i = 0; i < DBR_COUNT(good); i++) {
        config.kad_protocol = good[i];
        assert_int_equal(dbr_config_init(&out, &config, NULL), 0);
        assert_string_equal(out.c.kad_protocol, good[i]);
        assert_ptr_not_equal(out.c.kad_protocol, good[i]);
        dbr_config_finish(&out);
    }
    for (size_t i = 0; i < DBR_COUNT(bad); i++) {
        config.kad_protocol = bad[i];
        snprintf(text, sizeof(text),
                 "kad_protocol '%s': a protocol's id is a / and up to 79 printable "
                 "characters without spaces, such as /debros/kad/1.0.0",
                 bad[i]);
        assert_refused(&config, text);
    }
    for (size_t i = 0; i < DBR_COUNT(taken); i++) {
        config.kad_protocol = taken[i];
        snprintf(text, sizeof(text),
                 "kad_protocol '%s': a node has that protocol for something else; choose "
                 "another id",
                 taken[i]);
        assert_refused(&config, text);
    }
    memset(id + 1, 'x', 79); /* 80 bytes */
    config.kad_protocol = id;
    assert_int_equal(debros_config_check(&config, NULL), 0);
    id[80] = 'x';
    assert_int_equal(debros_config_check(&config, NULL), DEBROS_EINVAL);
}

static void bytes_have_bounds(void **state)
{
    (void)state;
    debros_config config = node_config();
    config.max_memory = 1;
    assert_refused(&config,
                   "max_memory 1 is neither 0 nor in 33554432 to 1099511627776 bytes");
    config.max_memory = UINT64_MAX;
    assert_refused(&config, "max_memory 18446744073709551615 is neither 0 nor in "
                            "33554432 to 1099511627776 bytes");
    config = node_config();
    config.snapshot_rate = 262143;
    assert_refused(&config,
                   "snapshot_rate 262143 is not in 262144 to 17179869184 bytes");
    config = node_config();
    config.snapshot_chunk = 262145;
    assert_refused(&config, "snapshot_chunk 262145 is not in 4096 to 262144 bytes");
}

static void a_quarter_of_the_memory_may_wait_for_peers(void **state)
{
    (void)state;
    debros_config config = node_config();
    size_t pages = (size_t)sysconf(_SC_PHYS_PAGES);
    size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
    assert_in_range(dbr_config_memory(&config), pages / 4 * page_size,
                    pages / 4 * page_size + DBR_CONFIG_MIN_MEMORY);
    config.max_memory = 40000000;
    assert_int_equal(dbr_config_memory(&config), 40000000);
}

static void a_node_needs_a_folder_and_a_client_none(void **state)
{
    (void)state;
    const char *addr = "/ip4/127.0.0.1/tcp/4001/p2p/" PEER;
    struct dbr_config out;
    debros_config config = node_config();
    config.data_dir = NULL;
    assert_refused(&config, "data_dir is missing: a node needs a folder for its state");
    config = node_config();
    config.client = true;
    config.data_dir = NULL;
    assert_int_equal(dbr_config_init(&out, &config, NULL), 0);
    assert_null(out.identity_path); /* a key that lives in memory */
    dbr_config_finish(&out);
    config.bootstrap = &addr;
    config.n_bootstrap = 1;
    config.invite = "invite";
    assert_refused(&config, "an invite is for a node, not a client");
    config.invite = NULL;
    config.listen = &addr;
    config.n_listen = 1;
    assert_refused(&config, "a client does not listen");
}

static void callbacks_run_in_one_place(void **state)
{
    (void)state;
    debros_config config = node_config();
    config.callback_thread = true;
    config.inline_callbacks = true;
    assert_refused(&config, "callback_thread and inline_callbacks exclude each other");
}

static void addresses_are_checked_and_named(void **state)
{
    (void)state;
    const char *addr = "/ip4/127.0.0.1/udp/4001";
    debros_config config = node_config();
    struct dbr_config out;
    debros_detail detail;
    config.listen = &addr;
    config.n_listen = 1;
    assert_int_equal(dbr_config_init(&out, &config, &detail), DEBROS_EINVAL);
    assert_ptr_equal(strstr(detail.text, "listen address '/ip4/127.0.0.1/udp/4001': "),
                     detail.text);
    addr = "/ip4/127.0.0.1/tcp/4001/p2p/" PEER; /* whoever listens knows who it is */
    assert_int_equal(dbr_config_init(&out, &config, &detail), DEBROS_EINVAL);
    config = node_config();
    config.bootstrap = &addr;
    config.n_bootstrap = 1;
    addr = "/ip4/127.0.0.1/tcp/4001";
    assert_refused(&config,
                   "bootstrap address '/ip4/127.0.0.1/tcp/4001': not of the shape "
                   "/ip4/ADDRESS/tcp/PORT/p2p/ID or /dns4/NAME/tcp/PORT/p2p/ID");
    addr = "/dnsaddr/example.org/p2p/" PEER;
    assert_int_equal(dbr_config_init(&out, &config, &detail), DEBROS_EINVAL);
    addr = "/dns6/example.org/tcp/4001/p2p/" PEER;
    assert_int_equal(dbr_config_init(&out, &config, &detail), 0);
    dbr_config_finish(&out);
    addr = NULL;
    assert_int_equal(dbr_config_init(&out, &config, &detail), DEBROS_EINVAL);
}

static void a_check_says_what_create_would(void **state)
{
    (void)state;
    const char *addr = "/ip4/127.0.0.1/tcp/4001/p2p/" PEER;
    debros_config config = node_config();
    debros_detail detail = {.text = ""};
    config.bootstrap = &addr;
    config.n_bootstrap = 1;
    config.data_dir = "/nonexistent/node"; /* nothing of it is touched */
    assert_int_equal(debros_config_check(&config, &detail), 0);
    assert_int_equal(debros_config_check(&config, NULL), 0);
    config.max_pending = 0;
    assert_int_equal(debros_config_check(&config, &detail), DEBROS_EINVAL);
    assert_string_equal(detail.text, "max_pending 0 is not in 1 to 1048576");
}

static void texts_are_copied(void **state)
{
    (void)state;
    char folder[] = "data";
    char addr[] = "/ip6/::1/tcp/4001";
    const char *addrs[] = {addr};
    debros_config config = node_config();
    struct dbr_config out;
    config.data_dir = folder;
    config.listen = addrs;
    config.n_listen = 1;
    assert_int_equal(dbr_config_init(&out, &config, NULL), 0);
    memset(folder, 'x', 4);
    memset(addr, 'x', 4);
    assert_string_equal(out.c.data_dir, "data");
    assert_string_equal(out.c.listen[0], "/ip6/::1/tcp/4001");
    assert_string_equal(out.identity_path, "data/identity.key");
    assert_true(out.listen[0].is_ip6);
    assert_int_equal(out.listen[0].port, 4001);
    dbr_config_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_defaults_are_the_documented_ones),
        cmocka_unit_test(numbers_have_bounds),
        cmocka_unit_test(discovery_has_bounds),
        cmocka_unit_test(what_is_advertised_can_be_dialed),
        cmocka_unit_test(the_kademlia_protocol_has_an_id),
        cmocka_unit_test(bytes_have_bounds),
        cmocka_unit_test(a_quarter_of_the_memory_may_wait_for_peers),
        cmocka_unit_test(a_node_needs_a_folder_and_a_client_none),
        cmocka_unit_test(addresses_are_checked_and_named),
        cmocka_unit_test(callbacks_run_in_one_place),
        cmocka_unit_test(a_check_says_what_create_would),
        cmocka_unit_test(texts_are_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
