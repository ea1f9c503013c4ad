#include "target.hpp"

#include "config_args.hpp"
#include "errors.hpp"
#include "files.hpp"

namespace cli
{
namespace
{

Target of_folder(const std::string &dir, const Options &options)
{
    // No folder is called so: an address in another notation was meant.
    if (!exists(dir) && dir.find('/') == dir.npos && dir.find(':') != dir.npos) {
        throw UsageError("no node is called " + dir +
                         ": an address is written /ip4/127.0.0.1/tcp/4001/p2p/PEER_ID, "
                         "take it from the node's peer.info");
    }
    if (!is_directory(dir)) {
        throw Failure(exit_unavailable, "no node has its data in " + dir + ": no such " +
                                            "folder; " + start_hint(dir));
    }
    std::string address = read_line(dir + "/peer.info");
    if (address.empty()) {
        throw Failure(exit_unavailable, "the node of " + dir + " has no address yet (" +
                                            dir + "/peer.info); " + start_hint(dir));
    }
    std::string key = options.identity;
    if (key.empty() && exists(dir + "/operator.key")) {
        key = dir + "/operator.key";
    }
    return {address, key.empty() ? environment("DEBROS_IDENTITY") : key, dir};
}

} // namespace

bool is_multiaddr(const std::string &text)
{
    for (const char *prefix : {"/ip4/", "/ip6/", "/dns/", "/dns4/", "/dns6/"}) {
        if (text.rfind(prefix, 0) == 0) {
            return !is_directory(text);
        }
    }
    return false;
}

std::string start_hint(const std::string &dir)
{
    return "is it running? debros node --data-dir " + dir;
}

Target resolve_target(const Options &options)
{
    std::string node = options.node.empty() ? environment("DEBROS_NODE") : options.node;
    if (node.empty()) {
        node = client_configuration(options.config, options.assigned)
                   .entry(Key::data_dir)
                   .text;
    }
    if (node.empty()) {
        throw UsageError("no node is given: use --node DIR, --node MULTIADDR, the "
                         "variable DEBROS_NODE, or --config FILE with node.data_dir");
    }
    if (!is_multiaddr(node)) {
        return of_folder(node, options);
    }
    if (node.find("/p2p/") == node.npos) {
        throw UsageError("the address " + node +
                         " has no /p2p/PEER_ID at its end: take "
                         "it whole from the node's peer.info");
    }
    std::string key = options.identity;
    return {node, key.empty() ? environment("DEBROS_IDENTITY") : key, ""};
}

} // namespace cli
