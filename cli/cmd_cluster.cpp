// init, invite, join: a cluster's beginning and its growth.
#include "commands.hpp"
#include "errors.hpp"
#include "files.hpp"
#include "output.hpp"
#include "session.hpp"

#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>

namespace cli
{
namespace
{

struct Args : Options {
    std::string data_dir;
    std::string invite;
    std::string ttl;
};

int init(const Args &args)
{
    Format format = parse_format(args.format);
    debros::Config config;
    config.data_dir = args.data_dir;
    configure_log(config);
    debros::init(config);
    std::string key = args.data_dir + "/operator.key";
    write_stdout(render_record(
        format, {{"node_id", "operator_id", "data_dir", "operator_key"},
                 {debros::Value(debros::identity(args.data_dir + "/identity.key")),
                  debros::Value(debros::identity(key)), debros::Value(args.data_dir),
                  debros::Value(key)}}));
    std::cerr << "A new cluster. Start it: debros node --data-dir " << args.data_dir
              << "\n";
    return exit_done;
}

int invite(const Args &args)
{
    Format format = parse_format(args.format);
    auto ttl = args.ttl.empty() ? std::chrono::milliseconds(0) : parse_duration(args.ttl);
    Session session(args);
    std::string text = session.node()
                           .invite(std::chrono::duration_cast<std::chrono::seconds>(ttl))
                           .get();
    write_stdout(format == Format::table
                     ? text + "\n"
                     : render_record(format, {{"invite"}, {debros::Value(text)}}));
    return exit_done;
}

// Joins and stops again: the node listens nowhere until `debros node` runs it.
int join(const Args &args)
{
    Format format = parse_format(args.format);
    debros::Config config;
    config.data_dir = args.data_dir;
    config.invite = args.invite;
    if (args.invite == "-") {
        std::getline(std::cin, config.invite);
    }
    config.callback_thread = false;
    config.request_timeout = timeout_of(args);
    configure_log(config);
    make_directory(args.data_dir);
    debros::Node node(config);
    node.start().get();
    std::string id = node.peer_id();
    node.stop().wait();
    write_stdout(
        render_record(format, {{"node_id", "data_dir"},
                               {debros::Value(id), debros::Value(args.data_dir)}}));
    std::cerr << "Joined. Start it: debros node --data-dir " << args.data_dir << "\n";
    return exit_done;
}

void add_data_dir(CLI::App &command, Args &args)
{
    command.add_option("--data-dir", args.data_dir, "the node's folder")
        ->type_name("DIR")
        ->required();
}

} // namespace

void add_cluster_commands(CLI::App &app, Run &run)
{
    auto args = std::make_shared<Args>();

    auto *command = app.add_subcommand("init", "make a new cluster of one node");
    add_data_dir(*command, *args);
    add_format_option(*command, *args);
    command->callback([&run, args] { run = [args] { return init(*args); }; });

    command = app.add_subcommand("invite", "print a one-time invite to the cluster");
    command->add_option("--ttl", args->ttl, "how long it is valid (default 1h)")
        ->type_name("TIME");
    add_client_options(*command, *args);
    command->callback([&run, args] { run = [args] { return invite(*args); }; });

    command = app.add_subcommand("join", "make a new node of the invite's cluster");
    command->add_option("INVITE", args->invite, "from `debros invite`; - reads it")
        ->required();
    add_data_dir(*command, *args);
    command->add_option("--timeout", args->timeout, "such as 30s")->type_name("TIME");
    add_format_option(*command, *args);
    command->callback([&run, args] { run = [args] { return join(*args); }; });
}

} // namespace cli
