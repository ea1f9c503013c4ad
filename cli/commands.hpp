// The subcommands: each function adds one group to the parser.
#pragma once
#include <functional>

namespace CLI
{
class App;
}

namespace cli
{

// Set by the subcommand that was given; returns the exit code.
using Run = std::function<int()>;

void add_cluster_commands(CLI::App &app, Run &run);  // init, invite, join
void add_node_command(CLI::App &app, Run &run);      // node
void add_dev_command(CLI::App &app, Run &run);       // dev
void add_config_commands(CLI::App &app, Run &run);   // config show
void add_sql_commands(CLI::App &app, Run &run);      // query, tx
void add_ns_commands(CLI::App &app, Run &run);       // ns create, ns list
void add_health_command(CLI::App &app, Run &run);    // health
void add_net_commands(CLI::App &app, Run &run);      // status, peers, connect, ping, ...
void add_dht_commands(CLI::App &app, Run &run);      // dht ..., disconnect
void add_identity_commands(CLI::App &app, Run &run); // identity show

} // namespace cli
