#include <debros/debros.hpp>

#include "cmocka.hpp"
#include "fake_debros.hpp"

#include <cstring>
#include <stdexcept>

using debros::Config;
using debros::Error;
using debros::Node;
using debros::Result;
using debros::Rows;
using debros::Value;

static Config quiet()
{
    Config config;
    config.callback_thread = false;
    return config;
}

static int reset(void **)
{
    fake = Fake{};
    return 0;
}

static const char *const columns[] = {"id", "name"};
static const char *const types[] = {"INTEGER", ""};

// Two rows: (9007199254740993, "cup") and (NULL, x'00ff').
static const debros_value *some_cells()
{
    static const std::uint8_t blob[] = {0, 255};
    static debros_value cells[4];
    cells[0].type = DEBROS_INTEGER;
    cells[0].as.integer = 9007199254740993;
    cells[1].type = DEBROS_TEXT;
    cells[1].as.bytes = {reinterpret_cast<const std::uint8_t *>("cup"), 3};
    cells[2].type = DEBROS_NULL;
    cells[3].type = DEBROS_BLOB;
    cells[3].as.bytes = {blob, 2};
    return cells;
}

static void answer_rows()
{
    fake.result.columns = columns;
    fake.result.types = types;
    fake.result.cells = some_cells();
    fake.result.n_columns = 2;
    fake.result.n_rows = 2;
}

static void rows_have_names_and_typed_values(void **)
{
    Node node(quiet());
    answer_rows();
    Rows rows = node.ns("shop").sql().query("SELECT * FROM item").get();
    assert_int_equal(rows.size(), 2);
    assert_int_equal(rows[0]["id"].as<std::int64_t>(), 9007199254740993);
    assert_string_equal(rows[0][1].as<std::string>().c_str(), "cup");
    assert_true(rows[1]["id"].is_null());
    assert_int_equal(rows[1][1].as<debros::Blob>().bytes.at(1), 255);
    assert_int_equal(rows.index, 7);
    assert_int_equal(fake.released, 1);
    assert_string_equal(fake.calls.at(0).c_str(), "query shop 1: SELECT * FROM item");
    int n = 0;
    for (auto row : rows) {
        n += static_cast<int>(row.size());
    }
    assert_int_equal(n, 4);
}

static void an_unknown_column_throws(void **)
{
    Rows rows;
    bool thrown = false;
    try {
        rows.column("nope");
    } catch (const std::out_of_range &) {
        thrown = true;
    }
    assert_true(thrown);
}

static void parameters_keep_their_types(void **)
{
    Node node(quiet());
    std::string keep = "text";
    auto op = node.sql().exec("INSERT", 1, -2.5, "x", std::string_view("y"), nullptr,
                              debros::Blob{{1, 2}}, true, keep);
    std::move(op).get();
    const debros_value_type expected[] = {DEBROS_INTEGER, DEBROS_REAL, DEBROS_TEXT,
                                          DEBROS_TEXT,    DEBROS_NULL, DEBROS_BLOB,
                                          DEBROS_INTEGER, DEBROS_TEXT};
    assert_int_equal(fake.params.size(), 8);
    for (std::size_t i = 0; i < 8; i++) {
        assert_int_equal(fake.params[i].type, expected[i]);
    }
    assert_string_equal(fake.calls.at(0).c_str(), "exec default 1: INSERT");
}

static void a_level_reaches_the_request(void **)
{
    Node node(quiet());
    node.sql().query("SELECT 1", debros::Level::none).get();
    assert_int_equal(fake.level, DEBROS_NONE);
    assert_int_equal(fake.freshness, 0);
    node.sql().query("SELECT 1").get();
    assert_int_equal(fake.level, DEBROS_LINEARIZABLE);
    std::chrono::milliseconds bound(250);
    node.sql().query({"SELECT 1"}, debros::Level::automatic, bound).get();
    assert_int_equal(fake.level, DEBROS_AUTO);
    assert_int_equal(fake.freshness, 250);
}

static void get_throws_code_detail_and_statement(void **)
{
    Node node(quiet());
    fake.status = DEBROS_ESQL;
    fake.detail = "no such table: t";
    fake.failed = 2;
    auto tx = node.sql().transaction();
    tx.add("INSERT INTO t VALUES (?)", 1).add("INSERT INTO t VALUES (?)", 2);
    assert_int_equal(tx.size(), 2);
    try {
        tx.commit().get();
        fail();
    } catch (const Error &error) {
        assert_int_equal(error.err(), DEBROS_ESQL);
        assert_true(error.code().category() == debros::category());
        assert_string_equal(error.detail().c_str(), "no such table: t");
        assert_int_equal(error.statement(), 2);
        assert_non_null(std::strstr(error.what(), "rejected"));
    }
    assert_int_equal(tx.size(), 0);
    assert_int_equal(fake.released, 1);
}

static void then_runs_once_on_dispatch(void **)
{
    Node node(quiet());
    int runs = 0;
    node.sql().query("SELECT 1").then([&](Result<Rows> result) {
        assert_true(result.has_value());
        runs++;
    });
    assert_int_equal(runs, 0);
    assert_int_equal(node.dispatch(), 1);
    assert_int_equal(node.dispatch(), 0);
    assert_int_equal(runs, 1);
}

static void then_runs_once_when_refused(void **)
{
    Node node(quiet());
    fake.refuse = DEBROS_EBUSY;
    int runs = 0;
    node.sql().query("SELECT 1").then([&](Result<Rows> result) {
        assert_int_equal(result.error().err(), DEBROS_EBUSY);
        runs++;
    });
    assert_int_equal(runs, 1);
    Result<Rows> waited = node.sql().query("SELECT 1").wait();
    assert_int_equal(waited.error().err(), DEBROS_EBUSY);
    assert_int_equal(fake.released, 0);
}

static void destroying_the_node_completes_what_waits(void **)
{
    int status = 0;
    {
        Node node(quiet());
        node.start().then([&](Result<debros::Done> r) { status = r.error().err(); });
        assert_int_equal(status, 0);
    }
    assert_int_equal(status, DEBROS_ECANCELED);
}

static void a_canceler_asks_once_and_may_outlive_the_node(void **)
{
    debros::Canceler canceler;
    int status = 0;
    {
        Node node(quiet());
        canceler = node.sql().query("SELECT 1").then([&](Result<Rows> result) {
            status = result.error().err();
        });
        canceler.cancel();
        assert_int_equal(fake.canceled, 1);
        node.dispatch();
        assert_int_equal(status, DEBROS_ECANCELED);
    }
    canceler.cancel();
    debros::Canceler().cancel();
    assert_int_equal(fake.canceled, 1);
}

static void futures_complete_from_the_callback_thread(void **)
{
    Node node{Config{}};
    answer_rows();
    auto future = node.sql().query("SELECT 1").future();
    assert_int_equal(future.get().size(), 2);
    fake.status = DEBROS_ETIMEDOUT;
    auto failing = node.status().future();
    bool thrown = false;
    try {
        failing.get();
    } catch (const Error &error) {
        thrown = error.err() == DEBROS_ETIMEDOUT;
    }
    assert_true(thrown);
}

static void a_node_moves(void **)
{
    Config config = quiet();
    config.listen = {"/ip4/127.0.0.1/tcp/0", "/ip6/::1/tcp/0"};
    std::string logged;
    config.log = [&](const debros::LogRecord &record) {
        assert_true(record.time.time_since_epoch() == std::chrono::milliseconds(1500));
        logged = std::string(record.module) + " " + std::string(record.peer) + ": " +
                 std::string(record.message);
    };
    Node first(config);
    auto sql = first.sql();
    Node second(std::move(first));
    assert_null(first.handle());
    sql.query("SELECT 1").get();
    assert_int_equal(second.listen_addrs().size(), 2);
    assert_string_equal(logged.c_str(), "fake abcd1234: created");
    assert_int_equal(second.event_fd(), 42);
    assert_string_equal(second.peer_id().c_str(), "12D3KooW");
    second.check();
    fake.ended = DEBROS_EIO;
    try {
        second.check();
        fail();
    } catch (const Error &error) {
        assert_int_equal(error.err(), DEBROS_EIO);
        assert_non_null(std::strstr(error.what(), "the disk failed"));
    }
    fake.ended = 0;
}

static void network_calls_give_values(void **)
{
    Node node(quiet());
    debros_status status{};
    status.node_id = "n";
    status.cluster_id = "c";
    status.leader = "";
    status.role = DEBROS_ROLE_LEADER;
    status.uptime_ms = 1500;
    const char *const names[] = {"default", "shop"};
    debros_peer peer{};
    peer.id = "p";
    peer.agent = "agent";
    peer.observed = "";
    peer.addrs = names;
    peer.n_addrs = 1;
    fake.net.status = &status;
    fake.net.names = names;
    fake.net.n_names = 2;
    fake.net.peers = &peer;
    fake.net.n_peers = 1;
    fake.net.text = "invite";
    fake.net.rtt_us = 250;
    status.voters = 3;
    status.health = DEBROS_DEGRADED;
    debros_check check{"quorum", DEBROS_DEGRADED, 2, 3, true, "voters", "2 of 3"};
    debros_health health{DEBROS_DEGRADED, "n", &check, 1};
    fake.net.health = &health;
    assert_int_equal(node.status().get().voters, 3);
    assert_int_equal(node.status().get().health, DEBROS_DEGRADED);
    assert_string_equal(node.health().get().checks.at(0).reason.c_str(), "2 of 3");
    assert_true(node.health().get().checks.at(0).is_floor);
    assert_int_equal(node.status().get().uptime.count(), 1500);
    assert_string_equal(node.namespaces().get().at(1).c_str(), "shop");
    assert_string_equal(node.peers().get().at(0).id.c_str(), "p");
    assert_string_equal(node.identify("/a").get().addrs.at(0).c_str(), "default");
    assert_int_equal(node.ping("/a").get().count(), 250);
    assert_string_equal(node.invite(std::chrono::minutes(1)).get().c_str(), "invite");
    node.create_namespace("shop").get();
    assert_string_equal(fake.calls.back().c_str(), "ns_create shop");
}

static void the_network_is_told_as_values(void **)
{
    Node node(quiet());
    const std::uint32_t sizes[] = {3, 0, 1};
    const char *const services[] = {"database", "dht"};
    debros_status status{};
    status.buckets = sizes;
    status.n_buckets = 3;
    status.known_peers = 9;
    debros_peer peer{};
    peer.id = "p";
    peer.client = true;
    peer.since = 1500;
    peer.services = services;
    peer.n_services = 2;
    fake.net.status = &status;
    fake.net.peers = &peer;
    fake.net.n_peers = 1;
    assert_int_equal(node.status().get().buckets.at(2), 1);
    assert_int_equal(node.status().get().known_peers, 9);
    debros::Peer got = node.peers("database").get().at(0);
    assert_string_equal(fake.calls.back().c_str(), "peers - database");
    assert_true(got.client);
    assert_int_equal(got.since.time_since_epoch().count(), 1500);
    assert_string_equal(got.services.at(1).c_str(), "dht");
    assert_string_equal(node.find_peer("p").get().id.c_str(), "p");
    assert_string_equal(fake.calls.back().c_str(), "find_peer p");
    node.disconnect("p").get();
    assert_string_equal(fake.calls.back().c_str(), "disconnect p");
}

static void the_hash_table_is_a_facet(void **)
{
    Node node(quiet());
    debros::Dht dht = node.dht();
    debros_record record{"/k", {(const std::uint8_t *)"a\0b", 3}, "w", 7, UINT64_MAX};
    debros_table_peer entry{"e", true, false, 2, 1500};
    debros_bucket buckets[] = {{0, &entry, 1}, {1, nullptr, 0}};
    debros_table table{buckets, 2, 4, 5, 6};
    debros_peer peer{};
    peer.id = "p";
    fake.dht.record = &record;
    fake.dht.table = &table;
    fake.dht.peers = &peer;
    fake.dht.n_peers = 1;
    fake.dht.stored = 3;
    debros::Stored stored =
        dht.put("name", std::string("v\0w", 3), std::chrono::minutes(2), 8).get();
    assert_string_equal(fake.calls.back().c_str(), "put name 120 8 0");
    assert_int_equal(fake.value.size(), 3);
    assert_int_equal(stored.nodes, 3);
    assert_string_equal(stored.record.key.c_str(), "/k");
    debros::Record got = dht.get("/k", 2).get();
    assert_string_equal(fake.calls.back().c_str(), "get /k 0 0 2");
    assert_int_equal(got.value.size(), 3);
    assert_int_equal(got.version, 7);
    assert_true(got.expires == debros::UnixTime::max()); // no overflow
    assert_int_equal(dht.provide("x").get(), 3);
    assert_string_equal(dht.providers("x", 5).get().at(0).id.c_str(), "p");
    assert_string_equal(fake.calls.back().c_str(), "providers x 0 0 5");
    dht.unprovide("x").get();
    dht.remove("name").get();
    assert_string_equal(fake.calls.back().c_str(), "remove name 0 0 0");
    debros::Table t = dht.table().get();
    assert_int_equal(t.buckets.size(), 2);
    assert_int_equal(t.buckets[0].peers.at(0).idle.count(), 1500);
    assert_int_equal(t.keys, 5);
    (void)dht.put("n", "v", std::chrono::seconds(-1)).get();
    assert_string_equal(fake.calls.back().c_str(), "put n 4294967295 0 0"); // refused
}

static void the_settings_of_discovery_are_handed_on(void **)
{
    Config config;
    config.advertise = {"/ip4/192.0.2.1/tcp/4001", "/dns4/a.example/tcp/1"};
    config.discovery_interval = std::chrono::minutes(5);
    config.discovery_dials = 4;
    config.low_water = 10;
    config.high_water = 20;
    debros::detail::ConfigView view(config, nullptr);
    assert_int_equal(view.get()->n_advertise, 2);
    assert_string_equal(view.get()->advertise[0], "/ip4/192.0.2.1/tcp/4001");
    assert_string_equal(view.get()->advertise[1], "/dns4/a.example/tcp/1");
    assert_int_equal(view.get()->discovery_interval, 300000);
    assert_int_equal(view.get()->discovery_dials, 4);
    assert_int_equal(view.get()->low_water, 10);
    assert_int_equal(view.get()->high_water, 20);
    Config nothing;
    debros::detail::ConfigView defaults(nothing, nullptr);
    debros_config library;
    debros_config_default(&library);
    assert_int_equal(defaults.get()->n_advertise, 0);
    assert_int_equal(defaults.get()->high_water, library.high_water);
}

static void zero_is_not_the_default_of_busy_poll(void **)
{
    Config config;
    debros_config library;
    debros_config_default(&library);
    debros::detail::ConfigView defaults(config, nullptr);
    assert_int_equal(defaults.get()->busy_poll, library.busy_poll);
    assert_int_equal(defaults.get()->client_busy_poll, library.client_busy_poll);
    config.busy_poll = config.client_busy_poll = 0;
    debros::detail::ConfigView never(config, nullptr);
    assert_int_equal(never.get()->busy_poll, 0);
    assert_int_equal(never.get()->client_busy_poll, 0);
}

static void constructors_throw_with_detail(void **)
{
    Config config;
    config.max_connections = 1;
    try {
        Node node(config);
        fail();
    } catch (const Error &error) {
        assert_string_equal(error.detail().c_str(), "max_connections");
    }
    try {
        debros::init(Config{});
        fail();
    } catch (const Error &error) {
        assert_int_equal(error.err(), DEBROS_EINVAL);
    }
    try {
        debros::check(Config{});
        fail();
    } catch (const Error &error) {
        assert_string_equal(error.detail().c_str(), "no data_dir");
    }
    assert_string_equal(debros::identity("k").c_str(), "id of k");
}

static void a_timeout_reaches_the_request(void **)
{
    Node node(quiet());
    node.start().timeout(std::chrono::milliseconds(50)).get();
    assert_string_equal(fake.calls.at(0).c_str(), "start");
}

#if defined(__cpp_impl_coroutine)
struct Task {
    struct promise_type {
        Task get_return_object()
        {
            return {};
        }
        std::suspend_never initial_suspend()
        {
            return {};
        }
        std::suspend_never final_suspend() noexcept
        {
            return {};
        }
        void return_void()
        {
        }
        void unhandled_exception()
        {
            std::terminate();
        }
    };
};

static Task count_rows(Node &node, std::size_t &out, int &err)
{
    Rows rows = co_await node.sql().query("SELECT 1");
    out = rows.size();
    fake.refuse = DEBROS_EBUSY;
    try {
        co_await node.status();
    } catch (const Error &error) {
        err = error.err();
    }
}

static void a_coroutine_resumes_with_the_value_or_throws(void **)
{
    Node node(quiet());
    answer_rows();
    std::size_t n = 0;
    int err = 0;
    count_rows(node, n, err);
    assert_int_equal(n, 0);
    node.dispatch();
    assert_int_equal(n, 2);
    assert_int_equal(err, DEBROS_EBUSY);
}
#endif

#define T(test) cmocka_unit_test_setup(test, reset)

int main()
{
    const CMUnitTest tests[] = {
        T(rows_have_names_and_typed_values),
        T(an_unknown_column_throws),
        T(parameters_keep_their_types),
        T(a_level_reaches_the_request),
        T(get_throws_code_detail_and_statement),
        T(then_runs_once_on_dispatch),
        T(then_runs_once_when_refused),
        T(destroying_the_node_completes_what_waits),
        T(a_canceler_asks_once_and_may_outlive_the_node),
        T(futures_complete_from_the_callback_thread),
        T(a_node_moves),
        T(network_calls_give_values),
        T(the_network_is_told_as_values),
        T(the_hash_table_is_a_facet),
        T(the_settings_of_discovery_are_handed_on),
        T(zero_is_not_the_default_of_busy_poll),
        T(constructors_throw_with_detail),
        T(a_timeout_reaches_the_request),
#if defined(__cpp_impl_coroutine)
        T(a_coroutine_resumes_with_the_value_or_throws),
#endif
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
