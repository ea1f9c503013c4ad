// config show: every value of a node's configuration, and where it comes from.
#include "commands.hpp"
#include "config_args.hpp"
#include "errors.hpp"
#include "output.hpp"

#include <CLI/CLI.hpp>

#include <memory>

namespace cli
{
namespace
{

struct Args : Options {
    ConfigArgs config;
};

// For a program: numbers and truths as such, a list as one; times stay texts.
Cell cell_of(const Setting &setting, const Entry &entry)
{
    std::string text = shown_value(setting, entry);
    if (is_list(setting)) {
        return entry.items;
    }
    if (text.empty()) {
        return debros::Value();
    }
    if (setting.kind == Kind::number) {
        return debros::Value(static_cast<std::int64_t>(std::stoull(text)));
    }
    if (setting.kind == Kind::flag) {
        return text == "true";
    }
    return debros::Value(text);
}

int show(const Args &args)
{
    Format format = parse_format(args.format);
    Configuration config = checked_configuration(args.config, "config show");
    bool people = format == Format::table || format == Format::csv;
    Sheet sheet{{"key", "value", "source"}, {}};
    for (std::size_t k = 0; k < key_count; k++) {
        const Entry &entry = config.entry(static_cast<Key>(k));
        const Setting &setting = settings()[k];
        sheet.cells.push_back(debros::Value(setting.path));
        sheet.cells.push_back(people ? Cell(debros::Value(shown_value(setting, entry)))
                                     : cell_of(setting, entry));
        sheet.cells.push_back(debros::Value(to_text(entry.place)));
    }
    write_stdout(render(format, sheet));
    return exit_done;
}

} // namespace

void add_config_commands(CLI::App &app, Run &run)
{
    auto args = std::make_shared<Args>();
    auto *group = app.add_subcommand("config", "the configuration of a node");
    group->require_subcommand(1);
    auto *command = group->add_subcommand(
        "show", "print each value that `debros node` would use, and its source");
    add_node_options(*command, args->config);
    add_format_option(*command, *args);
    command->callback([&run, args] { run = [args] { return show(*args); }; });
}

} // namespace cli
