// The keys of a configuration: one table for the file, the environment, the flags, the
// documentation and the tests.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cli
{

enum class Kind {
    text,
    path,
    number,   // whole, from min to max
    duration, // "500ms", "30s"; min and max in ms
    flag,     // true or false
    word,     // one of `words`
    protocol, // the id of one
    listen,   // a list of multiaddrs to listen on
    advertise, // a list of multiaddrs that others can dial
    peers,    // a list of multiaddrs with /p2p/PEER_ID
    other     // of the original's files only: whatever it holds is skipped
};

enum class Use {
    works,
    obsolete, // of the original: `about` says what took its place
    waits     // of the original: accepted, and has no effect yet
};

struct Setting {
    const char *path; // "section.key"
    Kind kind;
    const char *fallback; // the default, as it is written; "": none
    const char *about;    // one sentence
    Use use = Use::works;
    std::uint64_t min = 0;
    std::uint64_t max = 0;
    const char *flag = nullptr;  // of `debros node`
    const char *alias = nullptr; // the original's environment variable
    std::vector<std::string> words{};
    bool secret = false; // never printed
};

// The keys that work, in the table's order: setting(Key) is theirs.
enum class Key {
    data_dir,
    listen_addresses,
    advertise_addresses,
    max_connections,
    max_requests,
    busy_poll,
    max_memory,
    invite,
    request_timeout,
    election_timeout,
    snapshot_rate,
    snapshot_chunk,
    bootstrap_peers,
    mdns,
    kad_protocol,
    discovery_interval,
    max_dials,
    low_water,
    high_water,
    identity_file,
    open,
    connect_timeout,
    retry_attempts,
    retry_delay,
    client_connections,
    log_level,
    log_format,
    log_file,
};
constexpr std::size_t key_count = static_cast<std::size_t>(Key::log_file) + 1;

// The keys that work first, in the order of Key; then the original's others.
const std::vector<Setting> &settings();
const Setting &setting(Key key);
// nullptr: no such key.
const Setting *find_setting(std::string_view path);
// "node", "database", ... in the order of a file.
const std::vector<std::string> &sections();

// "node" of "node.data_dir", and "data_dir".
std::string section_of(const Setting &setting);
std::string name_of(const Setting &setting);
bool is_list(const Setting &setting);

// "DEBROS_NODE_DATA_DIR": its variable in the environment.
std::string variable_of(const Setting &setting);

// The word that was meant: regardless of case, or a part of it, or the nearest; "" if
// none.
std::string similar(const std::string &word, const std::vector<std::string> &candidates);
// ": did you mean node.data_dir?", or what else helps.
std::string suggest_key(const std::string &path);
std::string suggest_section(const std::string &name);

} // namespace cli
