#include "session.hpp"

#include "config_args.hpp"
#include "errors.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>

namespace cli
{
namespace
{

void write_log(const debros::LogRecord &record)
{
    auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                  record.time.time_since_epoch())
                  .count();
    std::time_t seconds = ms / 1000;
    tm utc{};
    char date[32];
    gmtime_r(&seconds, &utc);
    std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    std::fprintf(stderr, "%s.%03lldZ %s %s: %s\n", date,
                 static_cast<long long>(ms % 1000), debros_log_level_name(record.level),
                 std::string(record.module).c_str(), std::string(record.message).c_str());
}

Failure connect_failure(const Target &target, const debros::Error &error)
{
    std::string where = target.address;
    int code = exit_code(error.err());
    switch (error.err()) {
    case DEBROS_EUNREACHABLE:
    case DEBROS_ETIMEDOUT:
        if (target.dir.empty()) {
            return Failure(code, "no node answers at " + where + ": is it running? (" +
                                     describe(error) + ")");
        }
        return Failure(code, "the node of " + target.dir + " does not answer at " +
                                 where + "; " + start_hint(target.dir));
    case DEBROS_EACCES:
        return Failure(code,
                       where + " refused " +
                           (target.identity.empty() ? std::string("a caller without "
                                                                  "a key")
                                                    : "the key " + target.identity) +
                           ": " + describe(error) +
                           "; name an operator's key of this cluster with "
                           "--identity or DEBROS_IDENTITY");
    default:
        return Failure(code, "connecting to " + where + ": " + describe(error));
    }
}

} // namespace

void configure_log(debros::Config &config)
{
    std::string level = environment("LOG_LEVEL");
    if (level.empty() && config.client) {
        return; // what failed is said by the command itself
    }
    config.log_level = level.empty() ? DEBROS_LOG_INFO : parse_log_level(level);
    config.log = write_log;
}

ClientSettings client_settings(const Options &options)
{
    ClientSettings settings =
        client_configuration(options.config, options.assigned).client();
    if (!options.timeout.empty()) {
        settings.request_timeout = parse_duration(options.timeout, "--timeout");
        settings.connect_timeout =
            std::min(settings.connect_timeout, settings.request_timeout);
    }
    return settings;
}

// Longer than the 3 s that a node may take to find out that it does not know our key.
const std::chrono::seconds connect_patience{5};

debros::Config client_config(const Target &target, const ClientSettings &settings)
{
    debros::Config config;
    config.client = true;
    config.callback_thread = false;
    if (!target.address.empty()) {
        config.bootstrap = {target.address};
    }
    config.identity_path = target.identity;
    config.request_timeout = settings.request_timeout;
    // Somebody waits at a prompt: not for a node that is down, as a program would.
    config.connect_timeout = settings.connect_timeout.count() != 0
                                 ? settings.connect_timeout
                                 : connect_patience;
    config.retry_delay = settings.retry_delay;
    config.retry_attempts = settings.retry_attempts;
    config.client_connections = settings.connections;
    config.mdns = settings.mdns;
    configure_log(config);
    return config;
}

Session::Session(const Target &target, const ClientSettings &settings)
    : node_(client_config(target, settings))
{
    auto started =
        node_.start()
            .timeout(time_to_start(settings.request_timeout, settings.connect_timeout))
            .wait();
    if (!started) {
        throw connect_failure(target, started.error());
    }
}

Session::Session(const Options &options)
    : Session(resolve_target(options), client_settings(options))
{
}

} // namespace cli
