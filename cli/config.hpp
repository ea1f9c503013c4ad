// The configuration of a node: flags over the environment over a file over defaults, all
// of it checked, each value with its source.
#pragma once
#include "config_file.hpp"
#include "config_keys.hpp"

#include <debros/debros.hpp>

#include <functional>
#include <string>
#include <vector>

namespace cli
{

enum class Source { fallback, file, environment, flag };

struct Entry {
    std::string text;               // of a single value; "": none
    std::vector<std::string> items; // of a list
    Source source = Source::fallback;
    Place place{"default"};
};

// How a command finds members and asks them, validated. Zero: nobody configured it, and
// each caller has its own default.
struct ClientSettings {
    std::chrono::milliseconds request_timeout{0};
    std::chrono::milliseconds connect_timeout{0};
    std::chrono::milliseconds retry_delay{0};
    int retry_attempts = -1; // -1: the library's default
    std::uint32_t connections = 0;
    bool mdns = false;
};

// Everything that `debros node` needs, validated.
struct NodeSettings {
    std::string data_dir;
    std::vector<std::string> listen;
    bool listen_given = false; // not the default
    std::vector<std::string> advertise;
    std::vector<std::string> bootstrap;
    std::string invite;
    bool invite_by_flag = false;
    std::string identity_file;
    std::uint32_t max_connections = 0;
    std::uint32_t max_requests = 0;
    int busy_poll = 0; // microseconds
    std::uint64_t max_memory = 0; // bytes; 0: none given
    std::chrono::milliseconds request_timeout{0};
    std::chrono::milliseconds election_timeout{0};
    std::uint64_t snapshot_rate = 0; // bytes a second
    std::uint32_t snapshot_chunk = 0;
    std::chrono::milliseconds connect_timeout{0}; // of a node that joins; 0: none given
    std::chrono::milliseconds retry_delay{0};
    bool open = false;
    bool mdns = false;
    std::string kad_protocol;
    std::chrono::milliseconds discovery_interval{0};
    std::uint32_t max_dials = 0;
    std::uint32_t low_water = 0;
    std::uint32_t high_water = 0;
    debros_log_level log_level = DEBROS_LOG_INFO;
    bool log_json = false;
    std::string log_file; // "": stderr
};

// Reads a variable, "" where it is not set.
using Getenv = std::function<std::string(const char *)>;

class Configuration
{
  public:
    Configuration(); // the defaults

    // Later layers win: call them in this order. What is wrong gathers in problems().
    void add_file(std::string_view text, const std::string &name);
    void add_environment(const Getenv &get, const std::vector<std::string> &names);
    void set(Key key, const std::string &text, const std::string &flag);
    void set(Key key, const std::vector<std::string> &items, const std::string &flag);
    // "node.max_connections=50" of --set.
    void assign(const std::string &text);

    const Entry &entry(Key key) const
    {
        return entries_[static_cast<std::size_t>(key)];
    }
    const std::vector<Problem> &problems() const
    {
        return problems_;
    }
    const std::vector<Problem> &warnings() const
    {
        return warnings_;
    }

    // Throws UsageError with all problems. Without any, the values fit together.
    void check() const;
    // The same with the problems of those keys alone that client() reads.
    void check_client() const;
    // After check().
    NodeSettings node() const;
    // After check() or check_client().
    ClientSettings client() const;

  private:
    void put(const Setting &setting, Entry entry, const std::vector<unsigned> &lines);
    void put_list(const Setting &setting, Entry &entry,
                  const std::vector<unsigned> &lines);
    void put_text(const Setting &setting, const std::string &text, Source source,
                  const std::string &name);
    void put_file(FileValues &file, const std::string &name);
    std::vector<Problem> misfits() const;
    void warn_of_others(const std::vector<Mark> &marks, const std::string &name);
    void warn_of_variables(const Getenv &get, const std::vector<std::string> &names);

    std::vector<Entry> entries_;
    std::vector<Problem> problems_;
    std::vector<Problem> warnings_;
};

// The time for a start, which would cut a longer connect_timeout short; 0: the library's.
std::chrono::milliseconds time_to_start(std::chrono::milliseconds request_timeout,
                                        std::chrono::milliseconds connect_timeout);

// For people; "" for none, "(not shown)" for a secret.
std::string shown_value(const Setting &setting, const Entry &entry);

// The names of this process's environment.
std::vector<std::string> environment_names();

} // namespace cli
