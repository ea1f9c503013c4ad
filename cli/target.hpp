// Which node a command talks to, and with which key.
#pragma once
#include "options.hpp"

#include <string>

namespace cli
{

struct Target {
    std::string address;  // multiaddr with /p2p/ID
    std::string identity; // key file; "": a key that lives in memory
    std::string dir;      // the node's folder; "": a multiaddr was given
};

// From --node, DEBROS_NODE or the configuration's node.data_dir. Throws UsageError
// without one, Failure for a folder whose node has not run yet.
Target resolve_target(const Options &options);

bool is_multiaddr(const std::string &text);

// "is it running? debros node --data-dir DIR"
std::string start_hint(const std::string &dir);

} // namespace cli
