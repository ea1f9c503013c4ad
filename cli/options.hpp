// The options that commands share.
#pragma once
#include <debros/debros.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace CLI
{
class App;
}

namespace cli
{

enum class Format { table, json, jsonl, csv };

struct Options {
    std::string node;                  // a folder or a multiaddr
    std::string config;                // a node's configuration file
    std::vector<std::string> assigned; // of --set: KEY=VALUE
    std::string identity;              // key file
    std::string ns = "default";
    std::string format = "table";
    std::string timeout; // "30s", "500ms"
    std::string level = "linearizable";
    std::string freshness; // "2s"; empty: any age
};

// Adds --node, --config, --set, --identity, --timeout and -o: what every command to a
// node takes.
void add_client_options(CLI::App &command, Options &options);
void add_config_option(CLI::App &command, std::string &file);
void add_set_option(CLI::App &command, std::vector<std::string> &assigned,
                    const std::string &example);
void add_format_option(CLI::App &command, Options &options);
void add_namespace_option(CLI::App &command, Options &options);

// Each throws UsageError.
// `what` stands before the text where that is wrong: "the time", "--timeout".
std::chrono::milliseconds parse_duration(std::string_view text,
                                         const char *what = "the time");
Format parse_format(std::string_view text);
debros::Level parse_level(std::string_view text);
debros_log_level parse_log_level(std::string_view text);

// The environment's value, "" where it is not set.
std::string environment(const char *name);

} // namespace cli
