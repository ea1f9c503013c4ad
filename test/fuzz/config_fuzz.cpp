// A configuration file: whatever the bytes, an answer of bounded size; what passes is in
// range and is what the library takes; libyaml's walk and libcyaml agree on the shape.
#include "config.hpp"

#include "errors.hpp"

#include <cstdlib>
#include <iostream>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition) check_that((condition), #condition, __LINE__)

static void check_that(bool holds, const char *condition, int line)
{
    if (!holds) {
        std::cerr << __FILE__ << ":" << line << ": " << condition << std::endl;
        std::abort();
    }
}

using cli::Configuration;
using cli::Key;

static void check_problems(const Configuration &config, std::string_view text)
{
    size_t lines = 2; // YAML ends a line with CR, LF, NEL, LS and PS
    for (unsigned char c : text) {
        lines += c == '\n' || c == '\r' || c == 0x85 || c == 0xa8 || c == 0xa9;
    }
    CHECK(config.problems().size() <=
          cli::config_max_problems + 1 + cli::key_count + 2 * cli::config_max_items);
    for (const auto &problem : config.problems()) {
        // Without a line: the file is too long, or libcyaml refused what the walk let
        // pass.
        CHECK(problem.place.line > 0 || text.size() > cli::config_max_bytes);
        CHECK(problem.place.line <= lines && !problem.text.empty());
    }
}

// A value that passed is taken from a flag as well, and is the same.
static void check_again(const Configuration &config)
{
    for (std::size_t k = 0; k < cli::key_count; k++) {
        const auto &setting = cli::settings()[k];
        const auto &entry = config.entry(static_cast<Key>(k));
        if (!is_list(setting) && !entry.text.empty()) {
            Configuration again;
            again.assign(std::string(setting.path) + "=" + entry.text);
            CHECK(again.problems().empty());
            CHECK(again.entry(static_cast<Key>(k)).text == entry.text);
        }
    }
}

// What is right alone fits together as well, or check() says so.
static bool fits(const Configuration &config)
{
    try {
        config.check();
        return true;
    } catch (const cli::UsageError &) {
        cli::NodeSettings node = config.node();
        CHECK(node.low_water > node.high_water);
        return false;
    }
}

static void check_node(const Configuration &config)
{
    cli::NodeSettings node = config.node();
    CHECK(node.max_connections >= 1 && node.max_connections <= 65536);
    CHECK(node.election_timeout.count() >= 100);
    CHECK(node.request_timeout.count() >= 1 && !node.listen.empty());
    debros::Config whole;
    whole.data_dir = node.data_dir.empty() ? "x" : node.data_dir;
    whole.listen = node.listen;
    whole.bootstrap = node.bootstrap;
    whole.max_connections = node.max_connections;
    whole.max_pending = node.max_requests;
    whole.busy_poll = node.busy_poll;
    whole.max_memory = node.max_memory;
    whole.snapshot_rate = node.snapshot_rate;
    whole.snapshot_chunk = node.snapshot_chunk;
    whole.request_timeout = node.request_timeout;
    whole.election_timeout = node.election_timeout;
    whole.advertise = node.advertise;
    whole.discovery_interval = node.discovery_interval;
    whole.discovery_dials = node.max_dials;
    whole.low_water = node.low_water;
    whole.high_water = node.high_water;
    debros::check(whole); // throws
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    std::string_view text(reinterpret_cast<const char *>(data), size);
    Configuration config;
    config.add_file(text, "f");
    check_problems(config, text);
    if (config.problems().empty()) {
        check_again(config);
        if (fits(config)) {
            check_node(config);
        }
    }
    return 0;
}
