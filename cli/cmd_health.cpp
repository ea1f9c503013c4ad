// health: what a node measures of itself, and whether that is well.
#include "commands.hpp"
#include "errors.hpp"
#include "log.hpp"
#include "output.hpp"
#include "session.hpp"

#include <CLI/CLI.hpp>

#include <memory>

namespace cli
{
namespace
{

using Clock = std::chrono::steady_clock;

int exit_of(debros_health_state state)
{
    switch (state) {
    case DEBROS_HEALTHY:
        return exit_done;
    case DEBROS_DEGRADED:
        return exit_unavailable; // it works, but somebody should look
    default:
        return exit_failed;
    }
}

// JSON's numbers are often read as doubles: what was not measured is no number.
debros::Value number(std::uint64_t n)
{
    return n > INT64_MAX ? debros::Value() : debros::Value(static_cast<std::int64_t>(n));
}

std::string human(std::uint64_t n, const std::string &unit)
{
    char text[32];
    if (n > INT64_MAX) {
        return "unknown";
    }
    if (unit == "us") {
        std::snprintf(text, sizeof text, "%.1f ms", static_cast<double>(n) / 1000.0);
    } else if (unit == "bytes") {
        double mib = static_cast<double>(n) / (1024.0 * 1024);
        std::snprintf(text, sizeof text, mib < 1024 ? "%.0f MiB" : "%.1f GiB",
                      mib < 1024 ? mib : mib / 1024);
    } else {
        return std::to_string(n) + " " + unit;
    }
    return text;
}

Sheet for_people(const debros::Health &health)
{
    Sheet sheet{{"check", "state", "value", "limit", "reason"}, {}};
    for (const auto &c : health.checks) {
        std::string limit = (c.is_floor ? ">= " : "<= ") + human(c.limit, c.unit);
        sheet.cells.insert(sheet.cells.end(),
                           {debros::Value(c.name),
                            debros::Value(debros_health_name(c.state)),
                            debros::Value(human(c.value, c.unit)), debros::Value(limit),
                            debros::Value(c.reason)});
    }
    return sheet;
}

Sheet for_programs(const debros::Health &health)
{
    Sheet sheet{{"check", "status", "value", "limit", "is_floor", "unit", "reason"}, {}};
    for (const auto &c : health.checks) {
        sheet.cells.insert(sheet.cells.end(),
                           {debros::Value(c.name),
                            debros::Value(debros_health_name(c.state)), number(c.value),
                            number(c.limit), c.is_floor, debros::Value(c.unit),
                            debros::Value(c.reason)});
    }
    return sheet;
}

std::string json(const debros::Health &health, Clock::duration took)
{
    Sheet sheet = for_programs(health);
    double ms = std::chrono::duration<double, std::milli>(took).count();
    std::string out =
        "{\"status\": " + json_string(debros_health_name(health.state)) +
        ", \"node_id\": " + json_string(health.node_id) +
        ", \"last_updated\": " + json_string(utc_text(std::chrono::system_clock::now())) +
        ", \"response_time_ms\": " + cell_json(debros::Value(ms)) + ", \"checks\": {";
    for (size_t row = 0; row < sheet.rows(); row++) {
        Sheet one{{sheet.columns.begin() + 1, sheet.columns.end()}, {}};
        for (size_t c = 1; c < sheet.columns.size(); c++) {
            one.cells.push_back(sheet.at(row, c));
        }
        out += (row ? ", " : "") + json_string(cell_text(sheet.at(row, 0))) + ": " +
               json_object(one, 0);
    }
    return out + "}}\n";
}

int health(const Options &options)
{
    Format format = parse_format(options.format);
    Session session(options);
    auto begin = Clock::now();
    debros::Health health = session.node().health().get();
    auto took = Clock::now() - begin;
    if (format == Format::json) {
        write_stdout(json(health, took));
    } else if (format == Format::table) {
        write_stdout(std::string(debros_health_name(health.state)) + ": " +
                     health.node_id + "\n" + render(format, for_people(health)));
    } else {
        write_stdout(render(format, for_programs(health)));
    }
    return exit_of(health.state);
}

} // namespace

void add_health_command(CLI::App &app, Run &run)
{
    auto options = std::make_shared<Options>();
    auto *command = app.add_subcommand(
        "health", "how well the node is; exit code 0 healthy, 5 degraded, 1 unhealthy");
    add_client_options(*command, *options);
    command->callback([&run, options] { run = [options] { return health(*options); }; });
}

} // namespace cli
