// Config: what a node is told at its creation, as an ordinary value.
#pragma once
#include "error.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace debros
{

// One line of the log. The texts die when the callback returns.
struct LogRecord {
    std::chrono::system_clock::time_point time;
    debros_log_level level;
    std::string_view module;
    std::string_view peer; // the end of its id, or ""
    std::string_view message;
};

// Called from any thread of the library, one call at a time; must not block.
using Log = std::function<void(const LogRecord &record)>;

// The fields of debros_config; zero means the library's default.
struct Config {
    std::string data_dir;
    std::string identity_path;
    bool client = false;
    bool open = false;
    std::vector<std::string> listen;
    std::vector<std::string> bootstrap;
    std::string invite;
    bool mdns = false; // members are found on the local network, which is told of us
    std::string kad_protocol;
    std::vector<std::string> advertise; // what others are told instead of `listen`
    // Connections of a node: see debros_config.
    std::chrono::milliseconds discovery_interval{0};
    std::uint32_t discovery_dials = 0;
    std::uint32_t low_water = 0;
    std::uint32_t high_water = 0;
    std::uint32_t max_connections = 0;
    std::uint32_t max_pending = 0;
    int busy_poll = -1; // microseconds; -1: the library's default
    std::uint64_t max_memory = 0; // bytes
    std::chrono::milliseconds request_timeout{0};
    std::chrono::milliseconds election_timeout{0};
    // Of clients: see debros_config.
    std::chrono::milliseconds connect_timeout{0};
    std::chrono::milliseconds retry_delay{0};
    int retry_attempts = -1; // -1: the library's default
    std::uint32_t client_connections = 0;
    int client_busy_poll = -1; // as busy_poll
    // In bytes, a second and at once.
    std::uint64_t snapshot_rate = 0;
    std::uint32_t snapshot_chunk = 0;
    // true: a thread of the library runs callbacks, completes futures and resumes
    // coroutines. false: whoever calls Node::dispatch() does; watch Node::event_fd().
    bool callback_thread = true;
    // Experts' way, instead of both: callbacks, futures and coroutines go on on the
    // node's own thread, which stands still meanwhile, so nothing in them may block.
    bool inline_callbacks = false;
    debros_log_level log_level = DEBROS_LOG_WARN;
    Log log;
};

namespace detail
{

// A debros_config that borrows from a Config and lives shorter.
class ConfigView
{
  public:
    explicit ConfigView(const Config &from, const Log *log)
    {
        debros_config_default(&config_);
        config_.data_dir = optional(from.data_dir);
        config_.identity_path = optional(from.identity_path);
        config_.invite = optional(from.invite);
        config_.client = from.client;
        config_.open = from.open;
        config_.mdns = from.mdns;
        config_.kad_protocol = optional(from.kad_protocol);
        config_.inline_callbacks = from.inline_callbacks;
        config_.callback_thread = from.callback_thread && !from.inline_callbacks;
        list(config_.listen, config_.n_listen, from.listen, listen_);
        list(config_.bootstrap, config_.n_bootstrap, from.bootstrap, bootstrap_);
        list(config_.advertise, config_.n_advertise, from.advertise, advertise_);
        number(config_.discovery_interval, from.discovery_interval.count());
        number(config_.discovery_dials, from.discovery_dials);
        number(config_.low_water, from.low_water);
        number(config_.high_water, from.high_water);
        number(config_.max_connections, from.max_connections);
        number(config_.max_pending, from.max_pending);
        number(config_.max_memory, from.max_memory);
        number(config_.request_timeout, from.request_timeout.count());
        number(config_.election_timeout, from.election_timeout.count());
        number(config_.connect_timeout, from.connect_timeout.count());
        number(config_.retry_delay, from.retry_delay.count());
        number(config_.client_connections, from.client_connections);
        number(config_.snapshot_rate, from.snapshot_rate);
        number(config_.snapshot_chunk, from.snapshot_chunk);
        zero_or_more(config_.busy_poll, from.busy_poll);
        zero_or_more(config_.client_busy_poll, from.client_busy_poll);
        zero_or_more(config_.retry_attempts, from.retry_attempts);
        config_.log_level = from.log_level;
        if (log && *log) {
            config_.log = write_log;
            config_.log_data = const_cast<Log *>(log);
        }
    }
    ConfigView(const ConfigView &) = delete;
    ConfigView &operator=(const ConfigView &) = delete;

    const debros_config *get() const noexcept
    {
        return &config_;
    }

  private:
    static const char *optional(const std::string &text)
    {
        return text.empty() ? nullptr : text.c_str();
    }
    static void zero_or_more(std::uint32_t &out, int value)
    {
        if (value >= 0) {
            out = static_cast<std::uint32_t>(value);
        }
    }
    static void list(const char *const *&out, std::size_t &n,
                     const std::vector<std::string> &from,
                     std::vector<const char *> &pointers)
    {
        for (const auto &text : from) {
            pointers.push_back(text.c_str());
        }
        out = pointers.data();
        n = pointers.size();
    }
    template <typename Out, typename N> static void number(Out &out, N value)
    {
        if (value != 0) {
            out = static_cast<Out>(value);
        }
    }
    static void write_log(void *data, const debros_log_record *record)
    {
        LogRecord out{std::chrono::system_clock::time_point(
                          std::chrono::milliseconds(record->time_ms)),
                      record->level, record->module, record->peer, record->message};
        (*static_cast<Log *>(data))(out);
    }

    debros_config config_{};
    std::vector<const char *> listen_, bootstrap_, advertise_;
};

} // namespace detail
} // namespace debros
