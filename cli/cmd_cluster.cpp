// init, invite, join: a cluster's beginning and its growth.
#include "commands.hpp"
#include "config_args.hpp"
#include "errors.hpp"
#include "files.hpp"
#include "output.hpp"
#include "session.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>
#include <memory>

namespace cli
{
namespace
{

struct Args : Options {
    ConfigArgs node; // of init and join: --data-dir, --config
    std::string invite;
    std::string ttl;
};

// The folder and the key that `debros node` will use with the same file.
debros::Config folder_config(const Args &args)
{
    Configuration values = configuration_of(args.node);
    values.check();
    NodeSettings node = values.node();
    need_data_dir(node.data_dir);
    debros::Config config;
    config.data_dir = node.data_dir;
    config.identity_path = node.identity_file;
    configure_log(config);
    return config;
}

// How to start what was made.
std::string node_flags(const Args &args, const debros::Config &config)
{
    bool by_file = !args.node.file.empty();
    bool by_flag = std::any_of(args.node.flags.begin(), args.node.flags.end(),
                               [](const auto &given) { return !given.empty(); });
    return (by_file ? "--config " + args.node.file : "") +
           (by_file && by_flag ? " " : "") +
           (by_flag || !by_file ? "--data-dir " + config.data_dir : "");
}

int init(const Args &args)
{
    Format format = parse_format(args.format);
    debros::Config config = folder_config(args);
    debros::init(config);
    std::string key = config.data_dir + "/operator.key";
    std::string node = config.identity_path.empty() ? config.data_dir + "/identity.key"
                                                    : config.identity_path;
    write_stdout(render_record(
        format,
        {{"node_id", "operator_id", "data_dir", "operator_key"},
         {debros::Value(debros::identity(node)), debros::Value(debros::identity(key)),
          debros::Value(config.data_dir), debros::Value(key)}}));
    std::cerr << "A new cluster. Start it: debros node " << node_flags(args, config)
              << "\n";
    return exit_done;
}

int invite(const Args &args)
{
    Format format = parse_format(args.format);
    auto ttl = args.ttl.empty() ? std::chrono::milliseconds(0)
                                : parse_duration(args.ttl, "--ttl");
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
    debros::Config config = folder_config(args);
    config.invite = args.invite;
    if (args.invite == "-") {
        std::getline(std::cin, config.invite);
    }
    config.callback_thread = false;
    Options options = args;
    options.config = args.node.file;
    ClientSettings settings = client_settings(options);
    config.request_timeout = settings.request_timeout;
    config.connect_timeout = settings.connect_timeout;
    config.retry_delay = settings.retry_delay;
    config.mdns = settings.mdns;
    make_directory(config.data_dir);
    debros::Node node(config);
    node.start()
        .timeout(time_to_start(settings.request_timeout, settings.connect_timeout))
        .get();
    std::string id = node.peer_id();
    node.stop().wait();
    write_stdout(
        render_record(format, {{"node_id", "data_dir"},
                               {debros::Value(id), debros::Value(config.data_dir)}}));
    std::cerr << "Joined. Start it: debros node " << node_flags(args, config) << "\n";
    return exit_done;
}

void add_data_dir(CLI::App &command, Args &args)
{
    add_folder_options(command, args.node);
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
    command->add_option("-t,--timeout", args->timeout, "such as 30s")->type_name("TIME");
    add_format_option(*command, *args);
    command->callback([&run, args] { run = [args] { return join(*args); }; });
}

} // namespace cli
