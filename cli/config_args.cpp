#include "config_args.hpp"

#include "errors.hpp"
#include "files.hpp"
#include "options.hpp"

#include <CLI/CLI.hpp>

#include <iostream>

namespace cli
{
namespace
{

std::vector<std::string> &flag_of(ConfigArgs &args, Key key)
{
    args.flags.resize(key_count);
    return args.flags[static_cast<std::size_t>(key)];
}

void add_flag(CLI::App &command, ConfigArgs &args, Key key, const char *about,
              const char *type)
{
    auto *option = command.add_option(setting(key).flag, flag_of(args, key), about)
                       ->type_name(type)
                       ->expected(1)
                       ->allow_extra_args(false);
    if (is_list(setting(key))) {
        option->take_all();
    } else {
        option->take_last();
    }
}

} // namespace

void add_folder_options(CLI::App &command, ConfigArgs &args)
{
    add_flag(command, args, Key::data_dir, "the node's folder", "DIR");
    add_config_option(command, args.file);
}

void add_node_options(CLI::App &command, ConfigArgs &args)
{
    add_folder_options(command, args);
    add_flag(command, args, Key::listen_addresses,
             "where to listen; default: the port of the last run, or one that the "
             "kernel picks, on 127.0.0.1",
             "MULTIADDR");
    add_flag(command, args, Key::advertise_addresses,
             "what others are told instead of where it listens: behind a NAT or a port "
             "mapping",
             "MULTIADDR");
    add_flag(command, args, Key::bootstrap_peers, "a peer to dial, with /p2p/PEER_ID",
             "MULTIADDR");
    command.add_flag("--mdns", args.mdns,
                     "find members on the local network by multicast DNS");
    add_flag(command, args, Key::kad_protocol, "the id of the Kademlia protocol", "ID");
    add_flag(command, args, Key::invite, "join this invite's cluster first", "INVITE");
    command.add_flag("--open", args.open, "let strangers use the stock protocols");
    add_flag(command, args, Key::log_level, "error, warn, info or debug", "LEVEL");
    add_flag(command, args, Key::log_format, "text, or json: an object in each line",
             "FORMAT");
    add_flag(command, args, Key::log_file,
             "where the log goes, and not to stderr; opened again on SIGHUP", "FILE");
    add_set_option(command, args.assigned, "node.max_connections=50");
}

Configuration configuration_of(const ConfigArgs &args)
{
    Configuration config;
    std::string file = args.file.empty() ? environment("DEBROS_CONFIG") : args.file;
    if (!file.empty()) {
        config.add_file(read_some(file, config_max_bytes + 1), file);
    }
    config.add_environment([](const char *name) { return environment(name); },
                           environment_names());
    for (const auto &text : args.assigned) {
        config.assign(text);
    }
    for (std::size_t k = 0; k < args.flags.size(); k++) {
        const auto &given = args.flags[k];
        if (!given.empty() && is_list(settings()[k])) {
            config.set(static_cast<Key>(k), given, settings()[k].flag);
        } else if (!given.empty()) {
            config.set(static_cast<Key>(k), given.back(), settings()[k].flag);
        }
    }
    if (args.mdns) {
        config.set(Key::mdns, "true", "--mdns");
    }
    if (args.open) {
        config.set(Key::open, "true", "--open");
    }
    return config;
}

Configuration checked_configuration(const ConfigArgs &args, const char *command)
{
    Configuration config = configuration_of(args);
    for (const auto &warning : config.warnings()) {
        std::cerr << "debros: " << command << ": warning: " << to_text(warning) << "\n";
    }
    config.check();
    return config;
}

Configuration client_configuration(const std::string &file,
                                   const std::vector<std::string> &assigned)
{
    ConfigArgs args;
    args.file = file;
    args.assigned = assigned;
    Configuration config = configuration_of(args);
    if (!file.empty() || !assigned.empty() || !environment("DEBROS_CONFIG").empty()) {
        config.check();
    }
    config.check_client();
    return config;
}

void need_data_dir(const std::string &data_dir)
{
    if (data_dir.empty()) {
        throw UsageError("no folder is given: use --data-dir DIR, the variable " +
                         variable_of(setting(Key::data_dir)) +
                         ", or node.data_dir in the file of --config");
    }
}

} // namespace cli
