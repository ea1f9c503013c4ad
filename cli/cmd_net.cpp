// status, peers, connect, ping, identify: the network as a node sees it.
#include "commands.hpp"
#include "errors.hpp"
#include "output.hpp"
#include "session.hpp"

#include <CLI/CLI.hpp>

#include <memory>

namespace cli
{
namespace
{

struct Args : Options {
    std::string addr;
    std::string service;
};

// For people; a program gets bytes and seconds as numbers.
std::string human_size(std::uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double size = static_cast<double>(bytes);
    size_t unit = 0;
    for (; size >= 1024 && unit < 4; unit++) {
        size /= 1024;
    }
    char text[32];
    std::snprintf(text, sizeof text, unit ? "%.1f %s" : "%.0f %s", size, units[unit]);
    return text;
}

std::string human_time(std::chrono::milliseconds uptime)
{
    long long s = uptime.count() / 1000;
    std::string text = std::to_string(s % 60) + "s";
    if (s >= 60) {
        text = std::to_string(s / 60 % 60) + "m " + text;
    }
    return s >= 3600 ? std::to_string(s / 3600) + "h " + text : text;
}

// "receiving 34 % of 1.0 GiB", "" when none is on its way.
std::string human_snapshot(const debros::Status &s)
{
    std::string text;
    if (s.receiving_total != 0) {
        text = "receiving " +
               std::to_string(100 * s.receiving_bytes / s.receiving_total) + " % of " +
               human_size(s.receiving_total);
    }
    if (s.sending_total != 0) {
        text += (text.empty() ? "sending " : ", sending ") +
                std::to_string(100 * s.sending_bytes / s.sending_total) + " % of " +
                human_size(s.sending_total);
    }
    return text;
}

Sheet status_record(const debros::Status &s)
{
    return {{"node_id", "cluster_id", "role", "leader", "term", "commit_index",
             "applied_index", "members", "voters", "standbys", "peer_count", "health",
             "known_peers", "buckets", "values", "providers"},
            {debros::Value(s.node_id), debros::Value(s.cluster_id),
             debros::Value(debros_role_name(s.role)), debros::Value(s.leader),
             integer(s.term), integer(s.commit_index), integer(s.applied_index),
             integer(s.members), integer(s.voters), integer(s.standbys),
             integer(s.peer_count), debros::Value(debros_health_name(s.health)),
             integer(s.known_peers), Numbers(s.buckets.begin(), s.buckets.end()),
             integer(s.values), integer(s.providers)}};
}

int status(const Args &args)
{
    Format format = parse_format(args.format);
    Session session(args);
    debros::Status s = session.node().status().get();
    Sheet record = status_record(s);
    auto add = [&record](const char *name, debros::Value value) {
        record.columns.emplace_back(name);
        record.cells.push_back(std::move(value));
    };
    if (format == Format::table) {
        add("database_size", human_size(s.database_size));
        add("uptime", human_time(s.uptime));
        add("snapshot", human_snapshot(s));
    } else {
        add("database_size", integer(s.database_size));
        add("uptime", static_cast<double>(s.uptime.count()) / 1000.0);
        add("receiving_bytes", integer(s.receiving_bytes));
        add("receiving_total", integer(s.receiving_total));
        add("sending_bytes", integer(s.sending_bytes));
        add("sending_total", integer(s.sending_total));
    }
    write_stdout(render_record(format, record));
    return exit_done;
}

debros::Value rtt_ms(std::chrono::microseconds rtt)
{
    return rtt.count() ? debros::Value(static_cast<double>(rtt.count()) / 1000.0)
                       : debros::Value();
}

debros::Value direction(const debros::Peer &peer)
{
    return peer.connected ? debros::Value(peer.inbound ? "in" : "out") : debros::Value();
}

int peers(const Args &args)
{
    Format format = parse_format(args.format);
    Session session(args);
    Sheet sheet{{"id", "connected", "direction", "since", "member", "rtt_ms", "agent",
                 "services", "addrs"},
                {}};
    for (const auto &p : session.node().peers(args.service).get()) {
        sheet.cells.insert(sheet.cells.end(),
                           {debros::Value(p.id), p.connected, direction(p),
                            time_value(p.since), p.member, rtt_ms(p.rtt),
                            debros::Value(p.agent), p.services, p.addrs});
    }
    write_stdout(render(format, sheet));
    return exit_done;
}

int connect(const Args &args)
{
    Format format = parse_format(args.format);
    Session session(args);
    std::string id = session.node().connect(args.addr).get();
    write_stdout(render_record(
        format, {{"id", "addr"}, {debros::Value(id), debros::Value(args.addr)}}));
    return exit_done;
}

// ping and identify dial ADDR themselves: they need no member, but take a key along.
Target direct(const Args &args)
{
    if (!args.node.empty() || !environment("DEBROS_NODE").empty()) {
        return resolve_target(args);
    }
    Target target;
    target.identity =
        args.identity.empty() ? environment("DEBROS_IDENTITY") : args.identity;
    return target;
}

int ping(const Args &args)
{
    Format format = parse_format(args.format);
    Session session(direct(args), client_settings(args));
    auto rtt = session.node().ping(args.addr).get();
    write_stdout(render_record(
        format, {{"addr", "rtt_ms"}, {debros::Value(args.addr), rtt_ms(rtt)}}));
    return exit_done;
}

int identify(const Args &args)
{
    Format format = parse_format(args.format);
    Session session(direct(args), client_settings(args));
    debros::Peer p = session.node().identify(args.addr).get();
    Sheet record{{"id", "agent", "observed", "addrs", "protocols"},
                 {debros::Value(p.id), debros::Value(p.agent), debros::Value(p.observed),
                  p.addrs, p.protocols}};
    write_stdout(render_record(format, record));
    return exit_done;
}

using Function = int (*)(const Args &);

void add(CLI::App &app, Run &run, const char *name, const char *help, Function function,
         bool with_addr)
{
    bool by_service = function == peers;
    auto args = std::make_shared<Args>();
    auto *command = app.add_subcommand(name, help);
    if (with_addr) {
        command->add_option("ADDR", args->addr, "multiaddr")->required();
    }
    if (by_service) {
        command->add_option("--service", args->service,
                            "only those that offer it: database, dht");
    }
    add_client_options(*command, *args);
    command->callback(
        [&run, args, function] { run = [args, function] { return function(*args); }; });
}

} // namespace

void add_net_commands(CLI::App &app, Run &run)
{
    add_health_command(app, run);
    add(app, run, "status", "what the node knows about itself", status, false);
    add(app, run, "peers", "the peers that the node knows", peers, false);
    add(app, run, "connect", "let the node dial ADDR", connect, true);
    add(app, run, "ping", "dial ADDR and measure the round trip", ping, true);
    add(app, run, "identify", "dial ADDR and ask who it is", identify, true);
}

} // namespace cli
