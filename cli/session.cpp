#include "session.hpp"

#include "errors.hpp"

#include <cstdio>
#include <ctime>

namespace cli
{
namespace
{

void write_log(debros_log_level level, std::string_view module, std::string_view message)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    timespec now{};
    tm utc{};
    char date[32];
    std::timespec_get(&now, TIME_UTC);
    gmtime_r(&now.tv_sec, &utc);
    std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    std::fprintf(stderr, "%s.%03ldZ %s %.*s: %.*s\n", date, now.tv_nsec / 1000000,
                 names[level], static_cast<int>(module.size()), module.data(),
                 static_cast<int>(message.size()), message.data());
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

std::chrono::milliseconds timeout_of(const Options &options)
{
    return options.timeout.empty() ? std::chrono::milliseconds(0)
                                   : parse_duration(options.timeout);
}

debros::Config client_config(const Target &target, std::chrono::milliseconds timeout)
{
    debros::Config config;
    config.client = true;
    config.callback_thread = false;
    if (!target.address.empty()) {
        config.bootstrap = {target.address};
    }
    config.identity_path = target.identity;
    config.request_timeout = timeout;
    configure_log(config);
    return config;
}

Session::Session(const Target &target, std::chrono::milliseconds timeout)
    : node_(client_config(target, timeout))
{
    auto started = node_.start().timeout(timeout).wait();
    if (!started) {
        throw connect_failure(target, started.error());
    }
}

Session::Session(const Options &options)
    : Session(resolve_target(options), timeout_of(options))
{
}

} // namespace cli
