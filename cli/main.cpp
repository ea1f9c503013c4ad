// debros: the program. One table of subcommands; each file cmd_*.cpp holds one group.
#include "commands.hpp"
#include "errors.hpp"
#include "nearest.hpp"
#include "signals.hpp"

#include <CLI/CLI.hpp>

#include <clocale>
#include <csignal>
#include <iostream>

namespace
{

using AddCommands = void (*)(CLI::App &, cli::Run &);

const AddCommands commands[] = {
    cli::add_cluster_commands, cli::add_node_command,      cli::add_dev_command,
    cli::add_config_commands,  cli::add_sql_commands,      cli::add_ns_commands,
    cli::add_net_commands,     cli::add_dht_commands,      cli::add_identity_commands,
};

const char *const environment_help =
    "Environment\n"
    "  DEBROS_NODE      the node, where --node is not given\n"
    "  DEBROS_IDENTITY  the caller's key file, for a node given by its multiaddr\n"
    "  DEBROS_CONFIG    the node's YAML file, where --config is not given\n"
    "  DEBROS_NODE_DATA_DIR, DEBROS_LOGGING_LEVEL, ...: any key of that file;\n"
    "                   `debros config show` says where each value comes from\n"
    "  LOG_LEVEL        error, warn, info or debug\n"
    "\n"
    "Exit codes\n"
    "  0 done   1 failed   2 usage   3 refused   4 not found   5 unavailable, may work\n"
    "  later   6 conflict   7 a limit   130 interrupted\n";

const char *const see_also = "`debros --help` has the environment and the exit codes.";

// The subcommand that was named last on the line, and its full name.
CLI::App &deepest(CLI::App &app, std::string &name)
{
    CLI::App *at = &app;
    while (!at->get_subcommands().empty()) {
        at = at->get_subcommands().front();
        name += (name.empty() ? "" : " ") + at->get_name();
    }
    return *at;
}

std::vector<std::string> known_words(CLI::App &command, bool flags)
{
    std::vector<std::string> words;
    if (flags) {
        for (const auto *option : command.get_options()) {
            for (const auto &name : option->get_lnames()) {
                words.push_back("--" + name);
            }
        }
    } else {
        for (const auto *sub : command.get_subcommands({})) {
            words.push_back(sub->get_name());
        }
    }
    return words;
}

// The parser's own words, where they can be better.
std::string parser_text(CLI::App &command, const CLI::ParseError &error)
{
    std::string text = error.what();
    if (error.get_name() == "RequiredError" && !command.get_subcommands({}).empty()) {
        std::string known;
        for (const auto &word : known_words(command, false)) {
            known += (known.empty() ? "" : ", ") + word;
        }
        return "name a command: " + known;
    }
    const std::string needs = ": 1 required ", missing = " missing";
    size_t at = text.find(needs);
    if (at != text.npos && text.size() > at + needs.size() + missing.size()) {
        size_t type = at + needs.size();
        return text.substr(0, at) + " needs a value: " +
               text.substr(type, text.size() - missing.size() - type);
    }
    return text;
}

// What has no name but its own needs no type.
void drop_types(CLI::App &command)
{
    for (auto *option : command.get_options()) {
        if (option->get_positional() && option->get_type_name() == "TEXT") {
            option->type_name("");
        }
    }
    for (auto *sub : command.get_subcommands({})) {
        drop_types(*sub);
    }
}

// "debros help query" asks for "debros query --help".
std::vector<const char *> words_of(int argc, char **argv)
{
    std::vector<const char *> words(argv, argv + argc);
    bool help = argc > 1 && std::string(argv[1]) == "help";
    bool version = argc == 2 && std::string(argv[1]) == "version";
    if (help || version) {
        words.erase(words.begin() + 1);
        words.push_back(help ? "--help" : "--version");
    }
    return words;
}

// "unknown command qurey: did you mean query?", or the parser's own words.
std::string usage_text(CLI::App &app, CLI::App &command, const CLI::ParseError &error)
{
    auto extras = app.remaining(true);
    if (extras.empty()) {
        return parser_text(command, error);
    }
    std::string word = extras.front();
    for (const auto &extra : extras) {
        if (extra.rfind("-", 0) == 0) {
            word = extra; // what follows an unknown flag was meant as its value
            break;
        }
    }
    bool flag = word.rfind("-", 0) == 0;
    if (flag) {
        word = word.substr(0, word.find('='));
    }
    auto known = known_words(command, flag);
    const char *kind = flag ? "flag" : known.empty() ? "argument" : "command";
    std::string near = cli::nearest(word, known);
    return std::string("unknown ") + kind + " " + word +
           (near.empty() ? "" : ": did you mean " + near + "?");
}

int complain(const std::string &command, const std::string &text, int code)
{
    std::cerr << "debros: " << (command.empty() ? "" : command + ": ") << text << "\n";
    if (code == cli::exit_usage) {
        std::cerr << "See: debros " << (command.empty() ? "" : command + " ")
                  << "--help\n";
    }
    return code;
}

int run(const cli::Run &run, const std::string &name)
{
    try {
        return run();
    } catch (const cli::Failure &failure) {
        return complain(name, failure.what(), failure.code());
    } catch (const debros::Error &error) {
        return complain(name, cli::describe(error), cli::exit_code(error.err()));
    } catch (const std::exception &error) {
        return complain(name, error.what(), cli::exit_failed);
    }
}

} // namespace

int main(int argc, char **argv)
{
    std::setlocale(LC_CTYPE, "");  // the width of characters in tables
    std::signal(SIGPIPE, SIG_IGN); // a closed stdout is an error of write()
    cli::exit_on_interrupt();

    cli::Run chosen;
    CLI::App app("A node of a replicated SQL database, and its tools.", "debros");
    app.set_version_flag("--version", std::string("debros ") + debros_version());
    app.require_subcommand(1);
    app.footer(see_also); // of the commands, which inherit it
    for (AddCommands add : commands) {
        add(app, chosen);
    }
    app.footer(environment_help);
    drop_types(app);
    std::string name;
    try {
        auto words = words_of(argc, argv);
        app.parse(static_cast<int>(words.size()), words.data());
    } catch (const CLI::Success &success) { // --help, --version
        return app.exit(success);
    } catch (const CLI::ParseError &error) {
        CLI::App &command = deepest(app, name);
        return complain(name, usage_text(app, command, error), cli::exit_usage);
    }
    deepest(app, name);
    return run(chosen, name);
}
