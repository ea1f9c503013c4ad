// --config, --set and the node's own flags, for `debros node` and `debros config show`.
#pragma once
#include "config.hpp"

namespace CLI
{
class App;
class Option;
} // namespace CLI

namespace cli
{

struct ConfigArgs {
    std::string file;                  // "": DEBROS_CONFIG, or none
    std::vector<std::string> assigned; // of --set
    // The flags that were given; in the order of Key, empty where none was.
    std::vector<std::vector<std::string>> flags;
    bool open = false;
    bool mdns = false;
};

void add_folder_options(CLI::App &command, ConfigArgs &args); // --data-dir, --config
void add_node_options(CLI::App &command, ConfigArgs &args);   // all of them

// All layers, not checked yet. Throws Failure when the file cannot be read.
Configuration configuration_of(const ConfigArgs &args);

// The same, checked; warnings go to stderr, as `debros: COMMAND: warning: ...`.
Configuration checked_configuration(const ConfigArgs &args, const char *command);

// For commands beside `node`: --set, the environment and the file. All of it is checked
// if there is a file or a --set; without, what client() holds: other variables of a node
// are no business of theirs. Nor are warnings.
Configuration client_configuration(const std::string &file,
                                   const std::vector<std::string> &assigned);

// Throws UsageError for "".
void need_data_dir(const std::string &data_dir);

} // namespace cli
