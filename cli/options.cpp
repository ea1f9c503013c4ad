#include "options.hpp"

#include "errors.hpp"
#include "nearest.hpp"

#include <CLI/CLI.hpp>

#include <charconv>
#include <cstdlib>
#include <utility>
#include <vector>

namespace cli
{
namespace
{

using Words = std::vector<std::pair<std::string_view, int>>;

int choose(const char *what, std::string_view text, const Words &words)
{
    std::string known;
    std::vector<std::string> candidates;
    for (const auto &[word, value] : words) {
        if (word == text) {
            return value;
        }
        known += (known.empty() ? "" : ", ") + std::string(word);
        candidates.emplace_back(word);
    }
    std::string near = nearest(std::string(text), candidates);
    throw UsageError(std::string(what) + " " + std::string(text) + " is not one of " +
                     known + (near.empty() ? "" : ": did you mean " + near + "?"));
}

} // namespace

void add_format_option(CLI::App &command, Options &options)
{
    command.add_option("-o,--output", options.format, "table, json, jsonl or csv")
        ->type_name("FORMAT");
}

void add_client_options(CLI::App &command, Options &options)
{
    command
        .add_option("--node", options.node,
                    "the node: its data folder or its multiaddr with /p2p/ID; "
                    "or DEBROS_NODE")
        ->type_name("DIR|MULTIADDR");
    add_config_option(command, options.config);
    add_set_option(command, options.assigned, "client.connect_timeout=10s");
    command
        .add_option("--identity", options.identity,
                    "key file of the caller; or DIR/operator.key, or DEBROS_IDENTITY")
        ->type_name("FILE");
    command.add_option("-t,--timeout", options.timeout, "such as 500ms, 30s or 2m")
        ->type_name("TIME");
    add_format_option(command, options);
}

void add_config_option(CLI::App &command, std::string &file)
{
    command
        .add_option("--config", file,
                    "the node's YAML file, such as conf/node.yaml; or DEBROS_CONFIG")
        ->type_name("FILE");
}

void add_set_option(CLI::App &command, std::vector<std::string> &assigned,
                    const std::string &example)
{
    command
        .add_option("--set", assigned,
                    "any key of the file, such as " + example +
                        "; `debros config show` lists them")
        ->type_name("KEY=VALUE")
        ->expected(1)
        ->allow_extra_args(false)
        ->take_all();
}

void add_namespace_option(CLI::App &command, Options &options)
{
    command.add_option("-n,--namespace", options.ns, "namespace (default: default)")
        ->type_name("NAME");
}

std::chrono::milliseconds parse_duration(std::string_view text, const char *what)
{
    std::uint64_t number = 0;
    auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    std::string_view unit(at, static_cast<size_t>(text.data() + text.size() - at));
    const std::pair<std::string_view, std::uint64_t> units[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    for (const auto &[name, ms] : units) {
        if (error == std::errc() && unit == name && number > 0 &&
            number <= UINT32_MAX / ms) {
            return std::chrono::milliseconds(number * ms);
        }
    }
    throw UsageError(std::string(what) + " " + std::string(text) +
                     " is not a whole number of ms, s, m or h from 1ms to 49 days, such "
                     "as 30s");
}

Format parse_format(std::string_view text)
{
    return static_cast<Format>(choose("the output format", text,
                                      {{"table", int(Format::table)},
                                       {"json", int(Format::json)},
                                       {"jsonl", int(Format::jsonl)},
                                       {"csv", int(Format::csv)}}));
}

debros::Level parse_level(std::string_view text)
{
    return static_cast<debros::Level>(
        choose("the level", text,
               {{"linearizable", int(debros::Level::linearizable)},
                {"none", int(debros::Level::none)},
                {"weak", int(debros::Level::weak)},
                {"strong", int(debros::Level::strong)},
                {"auto", int(debros::Level::automatic)}}));
}

debros_log_level parse_log_level(std::string_view text)
{
    return static_cast<debros_log_level>(choose("LOG_LEVEL", text,
                                                {{"error", DEBROS_LOG_ERROR},
                                                 {"warn", DEBROS_LOG_WARN},
                                                 {"info", DEBROS_LOG_INFO},
                                                 {"debug", DEBROS_LOG_DEBUG}}));
}

std::string environment(const char *name)
{
    const char *value = std::getenv(name);
    return value ? value : "";
}

} // namespace cli
