// ns create, ns list: namespaces.
#include "commands.hpp"
#include "errors.hpp"
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
    std::string name;
};

int create(const Args &args)
{
    Format format = parse_format(args.format);
    Session session(args);
    session.node().create_namespace(args.name).get();
    if (format == Format::table) {
        std::cerr << "created the namespace " << args.name << "\n";
    } else {
        write_stdout(render_record(format, {{"name"}, {debros::Value(args.name)}}));
    }
    return exit_done;
}

int list(const Args &args)
{
    Format format = parse_format(args.format);
    Session session(args);
    Sheet sheet{{"name"}, {}};
    for (const auto &name : session.node().namespaces().get()) {
        sheet.cells.push_back(debros::Value(name));
    }
    write_stdout(render(format, sheet));
    return exit_done;
}

} // namespace

void add_ns_commands(CLI::App &app, Run &run)
{
    auto args = std::make_shared<Args>();
    auto *group = app.add_subcommand("ns", "namespaces");
    group->require_subcommand(1);

    auto *command = group->add_subcommand("create", "make a namespace");
    command->add_option("NAME", args->name, "a-z, 0-9, - and _")->required();
    add_client_options(*command, *args);
    command->callback([&run, args] { run = [args] { return create(*args); }; });

    command = group->add_subcommand("list", "list the namespaces");
    add_client_options(*command, *args);
    command->callback([&run, args] { run = [args] { return list(*args); }; });
}

} // namespace cli
