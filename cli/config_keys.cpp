#include "config_keys.hpp"

#include "nearest.hpp"

#include <algorithm>
#include <cctype>
#include <climits>
#include <iterator>

namespace cli
{
namespace
{

const char *const one_port = "everything uses the one listen address";
const char *const node_key = "every connection is encrypted and authenticated with the "
                             "node's own key (Noise)";
const char *const same_nodes = "every node can be dialled first";
const char *const own_replicas = "the cluster itself chooses which nodes vote; nothing "
                                 "is sharded";
const char *const explicit_join = "a node joins once, with an invite: debros join INVITE";
const char *const no_ipfs = "no IPFS is run";
const char *const own_mdns = "discovery.mdns turns it on";
const char *const whole_protocol = "discovery.kad_protocol is the whole id";
const char *const own_dht = "every node runs Kademlia; discovery.kad_protocol is its id";
const char *const not_yet = "no effect yet";

const Setting working[] = {
    {"node.data_dir", Kind::path, "", "The node's folder: its keys, log and databases.",
     Use::works, 0, 0, "--data-dir"},
    {"node.listen_addresses", Kind::listen, "/ip4/127.0.0.1/tcp/0",
     "Where to listen, at most 16 multiaddrs; port 0 is one that the kernel picks, "
     "and "
     "the next run takes it again.",
     Use::works, 0, 16, "--listen"},
    {"node.advertise_addresses", Kind::advertise, "",
     "What others are told instead of where this node listens, at most 8 multiaddrs "
     "without /p2p: for a node that is reached through a NAT or a port mapping.",
     Use::works, 0, 8, "--advertise"},
    {"node.max_connections", Kind::number, "256",
     "Connections at a time, from 1 to 65536.", Use::works, 1, 65536},
    {"node.max_requests", Kind::number, "4096",
     "Requests in flight, from 1 to 1048576; more are refused until one is done.",
     Use::works, 1, 1048576},
    {"node.busy_poll", Kind::number, "100",
     "Microseconds, from 0 to 1000, for which a busy node asks for more before it "
     "sleeps: sooner answers, for processor time that would be idle; 0: never.",
     Use::works, 0, 1000},
    {"node.max_memory", Kind::number, "",
     "Bytes that may wait for all peers together, from 33554432 (32 MiB) to "
     "1099511627776; none: a quarter of the machine's memory.",
     Use::works, 33554432, 1099511627776},
    {"node.invite",
     Kind::text,
     "",
     "An invite of `debros invite`: the first start joins its cluster, later ones do "
     "not look at it.",
     Use::works,
     0,
     0,
     "--invite",
     nullptr,
     {},
     true},
    {"database.request_timeout", Kind::duration, "30s",
     "How long a request may take that says nothing else.", Use::works, 1, UINT_MAX},
    {"database.election_timeout", Kind::duration, "1s",
     "Silence of the leader after which another node stands for election, from 100ms "
     "to 1m.",
     Use::works, 100, 60000},
    {"database.snapshot_rate", Kind::number, "67108864",
     "Bytes of snapshots sent in a second, to all members together, from 262144 to "
     "17179869184; a snapshot is for a member that is far behind.",
     Use::works, 262144, 17179869184},
    {"database.snapshot_chunk", Kind::number, "262144",
     "Bytes of a snapshot that a member asks for at once, from 4096 to 262144.",
     Use::works, 4096, 262144},
    {"discovery.bootstrap_peers", Kind::peers, "",
     "Nodes to dial for ever, at most 64 multiaddrs that end in /p2p/PEER_ID.",
     Use::works, 0, 64, "--bootstrap", "BOOTSTRAP_PEERS"},
    {"discovery.mdns", Kind::flag, "false",
     "true asks the local network where members are, by multicast DNS on UDP port "
     "5353, and tells it where this node listens: nodes whose addresses have "
     "changed find each other.",
     Use::works, 0, 0, "--mdns"},
    {"discovery.kad_protocol", Kind::protocol, "/debros/kad/1.0.0",
     "The id of the protocol in which nodes find each other (Kademlia), the same "
     "for all: a / and up to 79 printable characters.",
     Use::works, 0, 0, "--kad-protocol"},
    {"discovery.discovery_interval", Kind::duration, "10s",
     "Time between two looks at whether there are too few or too many connections, "
     "from 1s to 1h.",
     Use::works, 1000, 3600000},
    {"discovery.max_dials", Kind::number, "3",
     "Peers that are dialed at a time where connections are too few, from 1 to 64.",
     Use::works, 1, 64},
    {"discovery.low_water", Kind::number, "8",
     "Connections below which a node dials peers that it knows of, from 1 to 65536, at "
     "most discovery.high_water.",
     Use::works, 1, 65536},
    {"discovery.high_water", Kind::number, "64",
     "Connections above which a node lets go of those that nothing needs, from 1 to "
     "65536.",
     Use::works, 1, 65536},
    {"security.identity_file", Kind::path, "",
     "The node's key; none: identity.key in the node's folder."},
    {"security.open", Kind::flag, "false",
     "true lets strangers use the stock protocols of libp2p, and nothing else.",
     Use::works, 0, 0, "--open"},
    {"client.connect_timeout", Kind::duration, "",
     "How long a command, or a node that joins, tries to reach a member, at least 1ms; "
     "none: 5s for a command, 30s for a node.",
     Use::works, 1, UINT_MAX},
    {"client.retry_attempts", Kind::number, "3",
     "How often a command sends a request again, from 0 to 100; nothing happens twice.",
     Use::works, 0, 100},
    {"client.retry_delay", Kind::duration, "5s",
     "Longest pause between attempts to connect, and how long a member may leave a "
     "command's request unanswered before it goes to another one as well; at least 1ms.",
     Use::works, 1, UINT_MAX},
    {"client.connections", Kind::number, "3",
     "Members that a command is connected to, the leader among them, from 1 to 16.",
     Use::works, 1, 16},
    {"logging.level",
     Kind::word,
     "info",
     "How much is logged: error, warn, info or "
     "debug.",
     Use::works,
     0,
     0,
     "--log-level",
     "LOG_LEVEL",
     {"error", "warn", "info", "debug"}},
    {"logging.format",
     Kind::word,
     "text",
     "text for people (console is another word for it), json for programs: one "
     "object "
     "in each line.",
     Use::works,
     0,
     0,
     "--log-format",
     nullptr,
     {"text", "json", "console"}},
    {"logging.output_file", Kind::path, "",
     "The log's file, opened again on SIGHUP; none: stderr.", Use::works, 0, 0,
     "--log-file"},
};

struct Other {
    const char *path;
    const char *about;
};

// What the files of the original hold besides.
const Other obsolete[] = {
    {"node.id", "a node's id is the peer id of its key"},
    {"node.type", same_nodes},
    {"node.is_bootstrap", same_nodes},
    {"database.data_dir", "the databases are in node.data_dir"},
    {"database.replication_factor", own_replicas},
    {"database.shard_count", own_replicas},
    {"database.min_cluster_size", own_replicas},
    {"database.rqlite_port", one_port},
    {"database.rqlite_raft_port", one_port},
    {"database.rqlite_join_address", explicit_join},
    {"database.cluster_sync_interval", explicit_join},
    {"database.peer_inactivity_limit", explicit_join},
    {"database.ipfs", no_ipfs},
    {"discovery.bootstrap_port", one_port},
    {"discovery.http_adv_address", one_port},
    {"discovery.raft_adv_address", one_port},
    {"discovery.enable_mdns", own_mdns},
    {"discovery.enable_dht", own_dht},
    {"discovery.dht_prefix", whole_protocol},
    {"discovery.node_namespace", "each request names its namespace"},
    {"security.enable_tls", node_key},
    {"security.private_key_file", node_key},
    {"security.certificate_file", node_key},
    {"security.auth_enabled", node_key},
};

const char *const waiting[] = {
    "database.max_database_size",
    "database.backup_interval",
};

std::vector<Setting> all_settings()
{
    std::vector<Setting> all(std::begin(working), std::end(working));
    for (const auto &other : obsolete) {
        all.push_back({other.path, Kind::other, "", other.about, Use::obsolete});
    }
    for (const char *path : waiting) {
        all.push_back({path, Kind::other, "", not_yet, Use::waits});
    }
    return all;
}

} // namespace

const std::vector<Setting> &settings()
{
    static const std::vector<Setting> all = all_settings();
    return all;
}

const Setting &setting(Key key)
{
    return settings()[static_cast<std::size_t>(key)];
}

const Setting *find_setting(std::string_view path)
{
    for (const auto &setting : settings()) {
        if (path == setting.path) {
            return &setting;
        }
    }
    return nullptr;
}

const std::vector<std::string> &sections()
{
    static const std::vector<std::string> all = {"node",     "database", "discovery",
                                                 "security", "client",   "logging"};
    return all;
}

std::string section_of(const Setting &setting)
{
    std::string_view path = setting.path;
    return std::string(path.substr(0, path.find('.')));
}

std::string name_of(const Setting &setting)
{
    std::string_view path = setting.path;
    return std::string(path.substr(path.find('.') + 1));
}

bool is_list(const Setting &setting)
{
    return setting.kind == Kind::listen || setting.kind == Kind::advertise ||
           setting.kind == Kind::peers;
}

std::string variable_of(const Setting &setting)
{
    std::string name = std::string("DEBROS_") + setting.path;
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) {
        return c == '.' ? '_' : static_cast<char>(std::toupper(c));
    });
    return name;
}

std::string similar(const std::string &word, const std::vector<std::string> &candidates)
{
    std::string small = word;
    std::transform(small.begin(), small.end(), small.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    std::string near = nearest(small, candidates);
    for (const auto &candidate : candidates) {
        bool inside = small.size() >= 3 && candidate.find(small) != candidate.npos;
        if (candidate == small || (near.empty() && inside) ||
            (near.empty() && small.find(candidate) != small.npos)) {
            near = candidate;
        }
    }
    return near;
}

// The key may stand in the wrong section, or its section may be wrong.
std::string suggest_key(const std::string &path)
{
    std::vector<std::string> names, paths;
    size_t dot = path.find('.');
    std::string name = path.substr(dot == path.npos ? 0 : dot + 1);
    for (const auto &setting : settings()) {
        if (setting.use != Use::works) {
            continue;
        }
        if (name == name_of(setting)) {
            return std::string(": did you mean ") + setting.path + "?";
        }
        if (path.substr(0, dot) == section_of(setting)) {
            names.push_back(name_of(setting));
        }
        paths.push_back(setting.path);
    }
    std::string near = names.empty() ? nearest(path, paths) : similar(name, names);
    if (!near.empty() && !names.empty()) {
        near = path.substr(0, dot + 1) + near;
    }
    return near.empty() ? "; `debros config show` lists the known ones"
                        : ": did you mean " + near + "?";
}

std::string suggest_section(const std::string &name)
{
    for (const auto &setting : settings()) {
        if (setting.use == Use::works && name == name_of(setting)) {
            return std::string(": did you mean ") + setting.path + "?";
        }
    }
    std::string near = similar(name, sections());
    if (!near.empty()) {
        return ": did you mean " + near + "?";
    }
    std::string known;
    for (const auto &section : sections()) {
        known += (known.empty() ? "; known are " : ", ") + section;
    }
    return known;
}

} // namespace cli
