// identity show: the peer ids of key files.
#include "commands.hpp"
#include "errors.hpp"
#include "files.hpp"
#include "output.hpp"
#include "target.hpp"

#include <CLI/CLI.hpp>

#include <memory>

namespace cli
{
namespace
{

struct Args : Options {
    std::string path;
};

int show(const Args &args)
{
    Format format = parse_format(args.format);
    std::string path = args.path.empty() ? args.node : args.path;
    path = path.empty() ? environment("DEBROS_NODE") : path;
    if (path.empty() || is_multiaddr(path)) {
        throw UsageError("name a key file or a node's folder");
    }
    Sheet sheet{{"peer_id", "file"}, {}};
    std::vector<std::string> files = {path};
    if (is_directory(path)) {
        files = {path + "/identity.key"};
        if (exists(path + "/operator.key")) {
            files.push_back(path + "/operator.key");
        }
    }
    for (const auto &file : files) {
        sheet.cells.push_back(debros::Value(debros::identity(file)));
        sheet.cells.push_back(debros::Value(file));
    }
    write_stdout(render(format, sheet));
    return exit_done;
}

} // namespace

void add_identity_commands(CLI::App &app, Run &run)
{
    auto args = std::make_shared<Args>();
    auto *group = app.add_subcommand("identity", "keys and their peer ids");
    group->require_subcommand(1);
    auto *command = group->add_subcommand("show", "print the peer id of a key file");
    command->add_option("PATH", args->path, "a key file or a node's folder");
    command->add_option("--node", args->node, "a node's folder; or DEBROS_NODE")
        ->type_name("DIR");
    add_format_option(*command, *args);
    command->callback([&run, args] { run = [args] { return show(*args); }; });
}

} // namespace cli
