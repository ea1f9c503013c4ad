// Layers, sources and warnings of a configuration; each value's types and ranges stand in
// config_bad_test.cpp.
#include "config.hpp"

#include "errors.hpp"

#include <fstream>
#include <limits>
#include <map>
#include <sstream>

#include "cmocka.hpp" // its macros are words that the library uses

using cli::Configuration;
using cli::Key;

using Variables = std::map<std::string, std::string>;

static void add_environment(Configuration &config, const Variables &variables)
{
    std::vector<std::string> names;
    for (const auto &[name, value] : variables) {
        names.push_back(name);
    }
    config.add_environment(
        [&variables](const char *name) {
            auto found = variables.find(name);
            return found == variables.end() ? std::string() : found->second;
        },
        names);
}

static std::string warnings(const Configuration &config)
{
    std::string text;
    for (const auto &warning : config.warnings()) {
        text += to_text(warning) + "\n";
    }
    return text;
}

static void assert_is(const Configuration &config, Key key, const char *value,
                      const char *place)
{
    const auto &entry = config.entry(key);
    assert_string_equal(shown_value(cli::setting(key), entry).c_str(), value);
    assert_string_equal(to_text(entry.place).c_str(), place);
}

static void the_defaults_are_the_library_s(void **)
{
    debros_config library;
    debros_config_default(&library);
    cli::NodeSettings node = Configuration().node();
    assert_int_equal(node.max_connections, library.max_connections);
    assert_int_equal(node.max_requests, library.max_pending);
    assert_int_equal(node.busy_poll, library.busy_poll);
    assert_int_equal(node.max_memory, library.max_memory);
    assert_int_equal(node.snapshot_rate, library.snapshot_rate);
    assert_int_equal(node.snapshot_chunk, library.snapshot_chunk);
    assert_int_equal(node.request_timeout.count(), library.request_timeout);
    assert_int_equal(node.election_timeout.count(), library.election_timeout);
    assert_int_equal(node.connect_timeout.count(), 0); // the library's
    assert_int_equal(node.retry_delay.count(), library.retry_delay);
    cli::ClientSettings client = Configuration().client();
    assert_int_equal(client.request_timeout.count(), 0); // the library's
    assert_int_equal(client.connect_timeout.count(), 0); // a command's own
    assert_int_equal(client.retry_delay.count(), library.retry_delay);
    assert_int_equal(client.retry_attempts, library.retry_attempts);
    assert_int_equal(client.connections, library.client_connections);
    std::string said = cli::setting(Key::connect_timeout).about;
    assert_true(said.find(std::to_string(library.connect_timeout / 1000) +
                          "s for a node") != std::string::npos);
    assert_int_equal(node.open, library.open);
    assert_int_equal(node.mdns, library.mdns);
    assert_int_equal(client.mdns, library.mdns);
    assert_string_equal(node.kad_protocol.c_str(), "/debros/kad/1.0.0");
    assert_int_equal(node.discovery_interval.count(), library.discovery_interval);
    assert_int_equal(node.max_dials, library.discovery_dials);
    assert_int_equal(node.low_water, library.low_water);
    assert_int_equal(node.high_water, library.high_water);
    assert_true(node.advertise.empty());
    assert_true(node.bootstrap.empty() && node.data_dir.empty() && node.invite.empty());
    assert_false(node.listen_given);
    assert_int_equal(node.log_level, DEBROS_LOG_INFO);
}

// A number that the table allows is one that the library takes, and the next one is not.
template <typename N> static void assert_same_range(Key key, N debros_config::*member)
{
    debros_config config;
    debros_config_default(&config);
    config.data_dir = "x";
    // Each mark is tried beside one that does not bound it.
    config.low_water = 1;
    config.high_water = key == Key::low_water ? 65536 : config.high_water;
    auto accepts = [&config, member](std::uint64_t value) {
        config.*member = static_cast<N>(value);
        return debros_config_check(&config, nullptr) == 0;
    };
    const auto &setting = cli::setting(key);
    assert_true(accepts(setting.min) && accepts(setting.max));
    assert_false(accepts(setting.min - 1));
    if (setting.max < std::numeric_limits<N>::max()) {
        assert_false(accepts(setting.max + 1));
    }
}

static void the_ranges_are_the_library_s(void **)
{
    const std::pair<Key, std::uint32_t debros_config::*> numbers[] = {
        {Key::max_connections, &debros_config::max_connections},
        {Key::max_requests, &debros_config::max_pending},
        {Key::busy_poll, &debros_config::busy_poll},
        {Key::election_timeout, &debros_config::election_timeout},
        {Key::request_timeout, &debros_config::request_timeout},
        {Key::connect_timeout, &debros_config::connect_timeout},
        {Key::retry_attempts, &debros_config::retry_attempts},
        {Key::retry_delay, &debros_config::retry_delay},
        {Key::client_connections, &debros_config::client_connections},
        {Key::discovery_interval, &debros_config::discovery_interval},
        {Key::max_dials, &debros_config::discovery_dials},
        {Key::low_water, &debros_config::low_water},
        {Key::high_water, &debros_config::high_water},
        {Key::snapshot_chunk, &debros_config::snapshot_chunk}};
    for (const auto &[key, member] : numbers) {
        assert_same_range(key, member);
    }
    assert_same_range(Key::max_memory, &debros_config::max_memory);
    assert_same_range(Key::snapshot_rate, &debros_config::snapshot_rate);
}

static void later_layers_win_and_are_named(void **)
{
    Configuration config;
    assert_is(config, Key::max_connections, "256", "default");
    config.add_file("node:\n  max_connections: 10\n  data_dir: a\n  max_requests: 7\n"
                    "logging: {level: warn}\n",
                    "n.yaml");
    assert_is(config, Key::max_connections, "10", "n.yaml:2");
    add_environment(config, {{"DEBROS_NODE_MAX_CONNECTIONS", "11"},
                             {"DEBROS_NODE_DATA_DIR", "b"},
                             {"LOG_LEVEL", "debug"}});
    assert_is(config, Key::max_connections, "11", "DEBROS_NODE_MAX_CONNECTIONS");
    assert_is(config, Key::log_level, "debug", "LOG_LEVEL");
    config.assign("node.max_connections=12");
    config.set(Key::data_dir, "c", "--data-dir");
    config.check();
    assert_is(config, Key::max_connections, "12", "--set");
    assert_is(config, Key::data_dir, "c", "--data-dir");
    assert_is(config, Key::max_requests, "7", "n.yaml:4");
    assert_is(config, Key::open, "false", "default");
    cli::NodeSettings node = config.node();
    assert_int_equal(node.max_connections, 12);
    assert_string_equal(node.data_dir.c_str(), "c");
    assert_int_equal(node.log_level, DEBROS_LOG_DEBUG);
    config.assign("node.max_connections=");
    assert_is(config, Key::max_connections, "256", "--set");
}

static void a_client_s_values_have_the_same_layers(void **)
{
    Configuration config;
    config.add_file("client:\n  connect_timeout: 7s\n  retry_attempts: 1\n"
                    "  retry_delay: 300ms\n  connections: 2\n"
                    "database: {request_timeout: 9s}\n",
                    "n.yaml");
    add_environment(config, {{"DEBROS_CLIENT_RETRY_ATTEMPTS", "2"},
                             {"DEBROS_CLIENT_RETRY_DELAY", "2s"},
                             {"DEBROS_CLIENT_CONNECTIONS", "16"}});
    config.assign("client.retry_attempts=0");
    config.assign("client.connections=");
    config.check();
    assert_is(config, Key::connect_timeout, "7s", "n.yaml:2");
    assert_is(config, Key::retry_attempts, "0", "--set");
    assert_is(config, Key::retry_delay, "2s", "DEBROS_CLIENT_RETRY_DELAY");
    assert_is(config, Key::client_connections, "3", "--set");
    cli::ClientSettings client = config.client();
    assert_int_equal(client.request_timeout.count(), 9000);
    assert_int_equal(client.connect_timeout.count(), 7000);
    assert_int_equal(client.retry_attempts, 0);
    assert_int_equal(client.retry_delay.count(), 2000);
    assert_int_equal(client.connections, 3);
    cli::NodeSettings node = config.node();
    assert_int_equal(node.connect_timeout.count(), 7000);
    assert_int_equal(node.retry_delay.count(), 2000);
    config.assign("client.connect_timeout=");
    assert_is(config, Key::connect_timeout, "", "--set");
    assert_int_equal(config.client().connect_timeout.count(), 0);
}

static void a_start_outlasts_its_search_for_a_member(void **)
{
    using std::chrono::milliseconds;
    auto start = [](std::uint32_t request, std::uint32_t connect) {
        return cli::time_to_start(milliseconds(request), milliseconds(connect)).count();
    };
    assert_int_equal(start(0, 0), 30000);
    assert_int_equal(start(400, 0), 400);
    assert_int_equal(start(400, 900), 1900);
    assert_int_equal(start(5000, 900), 5000);
    assert_int_equal(start(0, 60000), 61000);
    assert_int_equal(start(0, UINT32_MAX), UINT32_MAX);
}

// A command without a file minds no variables but its own.
static void a_client_s_values_can_be_checked_alone(void **)
{
    Configuration config;
    add_environment(config, {{"DEBROS_NODE_MAX_CONNECTIONS", "many"},
                             {"DEBROS_DATABASE_ELECTION_TIMEOUT", "1"}});
    config.check_client();
    add_environment(config, {{"DEBROS_CLIENT_CONNECTIONS", "17"}});
    try {
        config.check_client();
        fail();
    } catch (const cli::UsageError &error) {
        assert_string_equal(error.what(),
                            "DEBROS_CLIENT_CONNECTIONS: client.connections: "
                            "'17' is not a whole number from 1 to 16");
    }
}

static void assert_misfit(const Configuration &config, const char *text)
{
    try {
        config.check();
        fail();
    } catch (const cli::UsageError &error) {
        assert_string_equal(error.what(), text);
    }
}

// Each is right alone; whichever layer they come from, the last word counts.
static void the_water_marks_fit_together(void **)
{
    Configuration config;
    config.add_file("discovery:\n  high_water: 5\n", "f");
    assert_misfit(config, "f:2: discovery.low_water: 8 is above discovery.high_water, 5");
    add_environment(config, {{"DEBROS_DISCOVERY_LOW_WATER", "6"}});
    assert_misfit(config, "DEBROS_DISCOVERY_LOW_WATER: discovery.low_water: 6 is above "
                          "discovery.high_water, 5");
    config.assign("discovery.high_water=6");
    config.check();
    assert_int_equal(config.node().low_water, 6);
    assert_int_equal(config.node().high_water, 6);
    config.assign("discovery.low_water=65536");
    config.assign("discovery.high_water=");
    assert_misfit(config, "--set: discovery.low_water: 65536 is above "
                          "discovery.high_water, 64");
    Configuration wrong; // no second error about one that is none
    wrong.add_file("discovery: {low_water: 70000}\n", "f");
    assert_misfit(wrong, "f:1: discovery.low_water: '70000' is not a whole number from 1 "
                         "to 65536");
}

static void what_is_advertised_comes_from_any_layer(void **)
{
    Configuration config;
    config.add_file("node:\n  advertise_addresses:\n    - /ip4/192.0.2.1/tcp/4001\n"
                    "    - /dns4/a.example/tcp/4001\n"
                    "discovery: {discovery_interval: \"5m\", max_dials: 9}\n",
                    "f");
    assert_is(config, Key::advertise_addresses,
              "/ip4/192.0.2.1/tcp/4001, /dns4/a.example/tcp/4001", "f:2");
    assert_int_equal(config.node().discovery_interval.count(), 300000);
    assert_int_equal(config.node().max_dials, 9);
    add_environment(config,
                    {{"DEBROS_NODE_ADVERTISE_ADDRESSES", "/ip6/2001:db8::1/tcp/1"}});
    assert_is(config, Key::advertise_addresses, "/ip6/2001:db8::1/tcp/1",
              "DEBROS_NODE_ADVERTISE_ADDRESSES");
    config.set(Key::advertise_addresses,
               std::vector<std::string>{"/ip4/192.0.2.2/tcp/2", "/ip4/192.0.2.3/tcp/3"},
               "--advertise");
    config.check();
    assert_int_equal(config.node().advertise.size(), 2);
    assert_string_equal(config.node().advertise[1].c_str(), "/ip4/192.0.2.3/tcp/3");
    config.assign("node.advertise_addresses=");
    assert_true(config.node().advertise.empty());
}

static void our_variable_beats_the_original_s(void **)
{
    const char *peer = "/ip4/1.2.3.4/tcp/1/p2p/"
                       "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";
    Configuration config;
    add_environment(config, {{"LOG_LEVEL", "debug"},
                             {"DEBROS_LOGGING_LEVEL", "error"},
                             {"BOOTSTRAP_PEERS", std::string(peer) + " , " + peer}});
    config.check();
    assert_is(config, Key::log_level, "error", "DEBROS_LOGGING_LEVEL");
    assert_int_equal(config.entry(Key::bootstrap_peers).items.size(), 2);
    assert_string_equal(config.node().bootstrap[1].c_str(), peer);
}

static void variables_without_effect_are_told_of(void **)
{
    Configuration config;
    add_environment(config, {{"BOOTSTRAP_PORT", "4001"},
                             {"ENVIRONMENT", "production"},
                             {"DEBROS_NODE_DATADIR", "x"},
                             {"DEBROS_IDENTITY", "k"},
                             {"DEBROS_NODE", "d"},
                             {"PATH", "/bin"}});
    config.check();
    assert_string_equal(
        warnings(config).c_str(),
        "DEBROS_NODE_DATADIR: an unknown variable: did you mean DEBROS_NODE_DATA_DIR?\n"
        "BOOTSTRAP_PORT: ignored; an address holds its port\n"
        "ENVIRONMENT: ignored; --config names the file of an environment\n");
}

static void nothing_set_is_the_default(void **)
{
    for (const char *text :
         {"", "# a comment\n", "---\n", "node:\n", "node:\n  # data_dir: x\n", "~\n",
          "node: {data_dir: ~, listen_addresses: , max_connections: null}\n",
          "node: {data_dir: \"\", invite: '', max_connections: ''}\ndiscovery: "
          "{bootstrap_peers: []}\n",
          "\xEF\xBB\xBFnode: {}\n", "node: {}\n...\n", "node: {}\r\n"}) {
        Configuration config;
        config.add_file(text, "f");
        config.check();
        for (std::size_t k = 0; k < cli::key_count; k++) {
            auto key = static_cast<Key>(k);
            assert_true(config.entry(key).source == cli::Source::fallback);
        }
        assert_string_equal(warnings(config).c_str(), "");
    }
}

static void values_may_be_written_in_yaml_s_ways(void **)
{
    Configuration config;
    config.add_file("\xEF\xBB\xBF# c\r\nnode: {\"data_dir\": 'it''s', max_connections: "
                    "\"50\"}\r\nsecurity:\r\n    open:   true  # yes\r\nlogging:\r\n  "
                    "level:\r\n    debug\r\n",
                    "f");
    config.check();
    assert_is(config, Key::data_dir, "it's", "f:2");
    assert_is(config, Key::max_connections, "50", "f:2");
    assert_is(config, Key::log_level, "debug", "f:6");
    assert_true(config.node().open);
}

static void one_warning_for_each_reason(void **)
{
    Configuration config;
    config.add_file("node:\n  id: \"\"\n  type: node\n  is_bootstrap: false\n"
                    "  listen_addresses:\n    - /ip4/0.0.0.0/tcp/4001\n"
                    "    - /ip4/0.0.0.0/udp/4001/quic\n"
                    "database:\n  rqlite_port: 5001\n  rqlite_raft_port: 7001\n"
                    "  ipfs: {a: {b: [c]}}\n"
                    "discovery:\n  discovery_interval: 5m\n  enable_mdns: true\n",
                    "f");
    config.check();
    assert_string_equal(
        warnings(config).c_str(),
        "f:7: node.listen_addresses: /ip4/0.0.0.0/udp/4001/quic is skipped: QUIC is not "
        "there yet\n"
        "f:3: node.type, node.is_bootstrap: ignored; every node can be dialled first\n"
        "f:9: database.rqlite_port, database.rqlite_raft_port: ignored; everything uses "
        "the one listen address\n"
        "f:11: database.ipfs: ignored; no IPFS is run\n"
        "f:14: discovery.enable_mdns: ignored; discovery.mdns turns it on\n");
    assert_int_equal(config.node().discovery_interval.count(), 300000);
    assert_int_equal(config.node().listen.size(), 1);
    Configuration flags;
    flags.assign("database.rqlite_port=1");
    flags.assign("discovery.enable_dht=true");
    flags.assign("database.backup_interval=1h");
    assert_string_equal(warnings(flags).c_str(),
                        "--set: database.rqlite_port: ignored; everything uses the one "
                        "listen address\n"
                        "--set: discovery.enable_dht: ignored; every node runs Kademlia; "
                        "discovery.kad_protocol is its id\n"
                        "--set: database.backup_interval: no effect yet\n");
}

static void a_secret_is_not_shown(void **)
{
    Configuration config;
    config.add_file("node: {invite: debros-invite-x}\n", "f");
    config.check();
    assert_is(config, Key::invite, "(not shown)", "f:1");
    assert_string_equal(config.node().invite.c_str(), "debros-invite-x");
    assert_false(config.node().invite_by_flag);
    config.set(Key::invite, "debros-invite-y", "--invite");
    assert_true(config.node().invite_by_flag);
}

static std::string read(const std::string &path)
{
    std::ifstream in(path);
    assert_true(in.good());
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

// The files of the original as they were shipped: keys, types and placeholders.
static void the_original_s_files_load(void **)
{
    for (const char *name : {"bootstrap", "node"}) {
        Configuration config;
        config.add_file(read(std::string(ORIGINAL) + "/" + name + ".yaml"), name);
        config.check();
        cli::NodeSettings node = config.node();
        assert_int_equal(node.listen.size(), 1);
        assert_true(node.bootstrap.empty()); // none, and a placeholder
        assert_int_equal(node.discovery_interval.count(), 300000); // of the file
        assert_true(warnings(config).find("udp/") != std::string::npos);
        assert_true(warnings(config).find("rqlite_port, database.rqlite_raft_port: "
                                          "ignored; everything uses the one listen "
                                          "address") != std::string::npos);
    }
}

// What is shipped has every key that works, with its default and its sentence.
static void the_shipped_files_hold_every_key(void **)
{
    for (const char *name : {"bootstrap.yaml", "node.yaml"}) {
        std::string text = read(std::string(CONF) + "/" + name);
        Configuration config;
        config.add_file(text, name);
        config.check();
        assert_string_equal(warnings(config).c_str(), "");
        for (std::size_t k = 0; k < cli::key_count; k++) {
            const auto &setting = cli::settings()[k];
            std::string fallback = *setting.fallback ? setting.fallback : "none";
            std::string comment = "(default: " + fallback + ")";
            std::string key = "\n  " + name_of(setting) + ":";
            size_t at = text.find(key);
            if (at == std::string::npos) {
                fail_msg("%s: %s is not there", name, setting.path);
            }
            size_t begin = text.rfind("\n\n", at);
            size_t section = text.rfind("\n" + section_of(setting) + ":\n", at);
            assert_true(begin != std::string::npos && section != std::string::npos);
            std::string said = text.substr(begin, at - begin);
            for (size_t mark; (mark = said.find("\n  # ")) != std::string::npos;) {
                said.replace(mark, 5, " ");
            }
            if (said.find(std::string(setting.about) + " " + comment) ==
                std::string::npos) {
                fail_msg("%s: %s has not the words: %s %s\nbut: %s", name, setting.path,
                         setting.about, comment.c_str(), said.c_str());
            }
        }
    }
}

// Only what these files are for differs from the defaults.
static void the_shipped_files_are_the_defaults(void **)
{
    for (const char *name : {"bootstrap.yaml", "node.yaml"}) {
        Configuration config, defaults;
        config.add_file(read(std::string(CONF) + "/" + name), name);
        for (std::size_t k = 0; k < cli::key_count; k++) {
            auto key = static_cast<Key>(k);
            if (key == Key::data_dir || key == Key::listen_addresses) {
                assert_true(config.entry(key).source == cli::Source::file);
                continue;
            }
            assert_string_equal(
                shown_value(cli::setting(key), config.entry(key)).c_str(),
                shown_value(cli::setting(key), defaults.entry(key)).c_str());
        }
    }
}

static void the_page_names_every_key(void **)
{
    std::string page = read(DOCS "/configuration.md");
    for (const auto &setting : cli::settings()) {
        if (page.find(std::string("`") + setting.path + "`") == std::string::npos) {
            fail_msg("docs/configuration.md does not name %s", setting.path);
        }
        if (setting.use == cli::Use::works &&
            page.find("`" + variable_of(setting) + "`") == std::string::npos) {
            fail_msg("docs/configuration.md does not name %s",
                     variable_of(setting).c_str());
        }
    }
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_defaults_are_the_library_s),
        cmocka_unit_test(the_ranges_are_the_library_s),
        cmocka_unit_test(later_layers_win_and_are_named),
        cmocka_unit_test(a_client_s_values_have_the_same_layers),
        cmocka_unit_test(a_start_outlasts_its_search_for_a_member),
        cmocka_unit_test(a_client_s_values_can_be_checked_alone),
        cmocka_unit_test(the_water_marks_fit_together),
        cmocka_unit_test(what_is_advertised_comes_from_any_layer),
        cmocka_unit_test(our_variable_beats_the_original_s),
        cmocka_unit_test(variables_without_effect_are_told_of),
        cmocka_unit_test(nothing_set_is_the_default),
        cmocka_unit_test(values_may_be_written_in_yaml_s_ways),
        cmocka_unit_test(one_warning_for_each_reason),
        cmocka_unit_test(a_secret_is_not_shown),
        cmocka_unit_test(the_original_s_files_load),
        cmocka_unit_test(the_shipped_files_hold_every_key),
        cmocka_unit_test(the_shipped_files_are_the_defaults),
        cmocka_unit_test(the_page_names_every_key),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
