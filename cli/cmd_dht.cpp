// dht, disconnect: the distributed hash table, and who is connected.
#include "commands.hpp"
#include "errors.hpp"
#include "files.hpp"
#include "output.hpp"
#include "session.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <iostream>
#include <memory>

namespace cli
{
namespace
{

struct Args : Options {
    std::string key;
    std::string value;
    std::string ttl;
    std::uint32_t want = 0;
    bool raw = false;
};

// What no SQL integer holds is a text.
int find(const Args &args)
{
    Format format = parse_format(args.format);
    Session session(args);
    debros::Peer p = session.node().find_peer(args.key).get();
    Sheet record{{"id", "connected", "member", "agent", "addrs"},
                 {debros::Value(p.id), p.connected, p.member, debros::Value(p.agent),
                  p.addrs}};
    write_stdout(render_record(format, record));
    return exit_done;
}

int provide(const Args &args)
{
    Format format = parse_format(args.format);
    Session session(args);
    std::uint32_t n = session.node().dht().provide(args.key).get();
    if (format == Format::table) {
        std::cerr << "provided, and told " << plural(n, "other node") << "\n";
    } else {
        write_stdout(render_record(format, {{"key", "stored"},
                                            {debros::Value(args.key), integer(n)}}));
    }
    return exit_done;
}

// The other end of provide and put: nothing is left to tell but the key.
int done(const Args &args, const char *word)
{
    Format format = parse_format(args.format);
    if (format == Format::table) {
        std::cerr << word << "\n";
    } else {
        write_stdout(render_record(format, {{"key"}, {debros::Value(args.key)}}));
    }
    return exit_done;
}

int unprovide(const Args &args)
{
    Session session(args);
    session.node().dht().unprovide(args.key).get();
    return done(args, "provided no longer");
}

int remove(const Args &args)
{
    Session session(args);
    session.node().dht().remove(args.key).get();
    return done(args, "kept and renewed no longer; others hold it until it expires");
}

int providers(const Args &args)
{
    Format format = parse_format(args.format);
    Session session(args);
    Sheet sheet{{"id", "connected", "member", "addrs"}, {}};
    for (const auto &p : session.node().dht().providers(args.key, args.want).get()) {
        sheet.cells.insert(sheet.cells.end(),
                           {debros::Value(p.id), p.connected, p.member, p.addrs});
    }
    write_stdout(render(format, sheet));
    return exit_done;
}

int put(const Args &args)
{
    Format format = parse_format(args.format);
    std::string value = args.value == "-" ? read_all("-") : args.value;
    auto ttl = args.ttl.empty() ? std::chrono::milliseconds(0)
                                : parse_duration(args.ttl, "--ttl");
    if (!args.ttl.empty() && ttl < std::chrono::seconds(1)) {
        throw UsageError("--ttl " + args.ttl + " is less than 1s");
    }
    Session session(args);
    auto stored =
        session.node()
            .dht()
            .put(args.key, value, std::chrono::duration_cast<std::chrono::seconds>(ttl))
            .get();
    Sheet record{{"key", "version", "expires", "stored"},
                 {debros::Value(stored.record.key), integer(stored.record.version),
                  time_value(stored.record.expires), integer(stored.nodes)}};
    write_stdout(render_record(format, record));
    return exit_done;
}

int get(const Args &args)
{
    Format format = parse_format(args.format);
    Session session(args);
    debros::Record r = session.node().dht().get(args.key, args.want).get();
    if (args.raw) {
        write_stdout(r.value);
        return exit_done;
    }
    Sheet record{{"key", "value", "writer", "version", "expires"},
                 {debros::Value(r.key), text_or_blob(r.value), debros::Value(r.writer),
                  integer(r.version), time_value(r.expires)}};
    write_stdout(render_record(format, record));
    return exit_done;
}

int table(const Args &args)
{
    Format format = parse_format(args.format);
    Session session(args);
    debros::Table t = session.node().dht().table().get();
    Sheet sheet{{"bucket", "id", "connected", "dialed", "failures", "idle_s"}, {}};
    for (const auto &bucket : t.buckets) {
        for (const auto &p : bucket.peers) {
            sheet.cells.insert(
                sheet.cells.end(),
                {integer(bucket.prefix), debros::Value(p.id), p.connected, p.outbound,
                 integer(p.failures),
                 debros::Value(static_cast<double>(p.idle.count()) / 1000.0)});
        }
    }
    write_stdout(render(format, sheet));
    if (format == Format::table) {
        std::cerr << plural(sheet.rows(), "peer") << " in "
                  << plural(t.buckets.size(), "bucket") << "; holds "
                  << plural(t.values, "value") << ", and "
                  << plural(t.providers, "provider") << " of " << plural(t.keys, "key")
                  << "\n";
    }
    return exit_done;
}

int disconnect(const Args &args)
{
    Format format = parse_format(args.format);
    Session session(args);
    session.node().disconnect(args.key).get();
    if (format == Format::table) {
        std::cerr << "disconnected\n";
    } else {
        write_stdout(render_record(format, {{"peer"}, {debros::Value(args.key)}}));
    }
    return exit_done;
}

using Function = int (*)(const Args &);

// Returns the command, and its arguments for more options.
CLI::App *add(CLI::App &app, Run &run, const char *name, const char *help,
              Function function, const char *operand, std::shared_ptr<Args> &args)
{
    args = std::make_shared<Args>();
    auto *command = app.add_subcommand(name, help);
    if (operand) {
        command->add_option(operand, args->key)->required();
    }
    add_client_options(*command, *args);
    command->callback([&run, kept = args, function] {
        run = [kept, function] { return function(*kept); };
    });
    return command;
}

void add_want(CLI::App &command, Args &args, const char *help)
{
    command.add_option("--want", args.want, help)->check(CLI::Range(0, 64));
}

void add_values(CLI::App &group, Run &run)
{
    std::shared_ptr<Args> args;
    auto *command = add(group, run, "put", "sign VALUE and give it to the network", put,
                        "NAME", args);
    command->add_option("VALUE", args->value, "text, or - for stdin")->required();
    command->add_option("--ttl", args->ttl,
                        "until it expires: 24h without it, 1s to 168h");
    command = add(group, run, "get", "the newest value of a key", get, "KEY", args);
    add_want(*command, *args, "enough that N peers tell the same");
    command->add_flag("--raw", args->raw, "the value's bytes and nothing else");
    add(group, run, "remove", "keep an own value no longer", remove, "NAME", args);
}

} // namespace

void add_dht_commands(CLI::App &app, Run &run)
{
    std::shared_ptr<Args> args;
    auto *group = app.add_subcommand("dht", "the distributed hash table");
    group->require_subcommand(1);
    add(*group, run, "find", "where a peer is", find, "PEER", args);
    add_values(*group, run);
    add(*group, run, "provide", "tell the network that the node has KEY", provide, "KEY",
        args);
    add(*group, run, "unprovide", "say so no longer", unprovide, "KEY", args);
    auto *command =
        add(*group, run, "providers", "who has KEY", providers, "KEY", args);
    add_want(*command, *args, "N are enough");
    add(*group, run, "table", "the node's routing table", table, nullptr, args);
    add(app, run, "disconnect", "let the node close its connections with PEER",
        disconnect, "PEER", args);
}

} // namespace cli
