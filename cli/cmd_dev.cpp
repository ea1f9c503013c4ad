// dev: a cluster of node processes on this machine.
#include "commands.hpp"
#include "config_args.hpp"
#include "dev_cluster.hpp"
#include "errors.hpp"
#include "files.hpp"

#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>

namespace cli
{
namespace
{

int run_dev(const DevArgs &args)
{
    if (args.base_port > 65535 || args.base_port + args.nodes > 65536) {
        throw UsageError("--base-port " + std::to_string(args.base_port) +
                         " leaves no ports for " + std::to_string(args.nodes) + " nodes");
    }
    client_configuration(args.config, {}); // wrong? Say so once, before any node does
    Signals signals({SIGINT, SIGTERM, SIGHUP, SIGCHLD});
    DevCluster cluster(args, signals);
    try {
        cluster.start();
    } catch (const Interrupted &) {
        cluster.stop();
        return exit_interrupted;
    } catch (...) {
        cluster.stop();
        throw;
    }
    std::cout << "ready: " << cluster.size() << " nodes answer; try: debros query --node "
              << cluster.dir(0) << " 'SELECT 1'" << std::endl;
    cluster.watch();
    cluster.stop();
    return exit_done;
}

} // namespace

void add_dev_command(CLI::App &app, Run &run)
{
    auto args = std::make_shared<DevArgs>();
    auto *command =
        app.add_subcommand("dev", "run a cluster of node processes until Ctrl-C");
    command->add_option("--nodes", args->nodes, "how many (default 3)")
        ->check(CLI::Range(1u, 100u))
        ->type_name("N");
    command
        ->add_option("--data-dir", args->data_dir,
                     "their folders are DIR/node1, DIR/node2, ...")
        ->type_name("DIR")
        ->required();
    command
        ->add_option(
            "--base-port", args->base_port,
            "port of node1, the next one of node2, ...; default: the kernel picks")
        ->type_name("P");
    command
        ->add_option("--config", args->config,
                     "limits, times and logging of all nodes, from a YAML file; or "
                     "DEBROS_CONFIG")
        ->type_name("FILE");
    command->add_flag("--open", args->open, "let strangers use the stock protocols");
    command->callback([&run, args] { run = [args] { return run_dev(*args); }; });
}

} // namespace cli
