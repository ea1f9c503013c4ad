#include "config_value.hpp"

#include "errors.hpp"
#include "options.hpp"

#include <charconv>
#include <cstring>

namespace cli
{
namespace
{

const size_t max_path = 4095; // PATH_MAX without its NUL

std::string quoted(const std::string &text)
{
    const size_t shown = 100;
    return "'" + (text.size() > shown ? text.substr(0, shown) + "..." : text) + "'";
}

bool read_number(const std::string &text, std::uint64_t &number)
{
    const char *end = text.data() + text.size();
    auto [at, error] = std::from_chars(text.data(), end, number);
    return error == std::errc() && at == end && !text.empty();
}

std::string number_error(const Setting &setting, const std::string &text)
{
    std::uint64_t number = 0;
    if (read_number(text, number) && number >= setting.min && number <= setting.max) {
        return "";
    }
    return quoted(text) + " is not a whole number from " + std::to_string(setting.min) +
           " to " + std::to_string(setting.max);
}

std::string short_time(std::uint64_t ms)
{
    if (ms % 3600000 == 0) {
        return std::to_string(ms / 3600000) + "h";
    }
    if (ms % 60000 == 0) {
        return std::to_string(ms / 60000) + "m";
    }
    return ms % 1000 == 0 ? std::to_string(ms / 1000) + "s" : std::to_string(ms) + "ms";
}

std::string duration_error(const Setting &setting, const std::string &text)
{
    try {
        auto ms = static_cast<std::uint64_t>(parse_duration(text).count());
        if (ms >= setting.min && ms <= setting.max) {
            return "";
        }
    } catch (const UsageError &) {
        return quoted(text) + " is not a whole number of ms, s, m or h from 1ms to 49 "
                              "days, such as 30s";
    }
    return quoted(text) + " is not from " + short_time(setting.min) + " to " +
           short_time(setting.max);
}

std::string word_error(const Setting &setting, const std::string &text)
{
    std::string known;
    for (const auto &word : setting.words) {
        if (word == text) {
            return "";
        }
        known += (known.empty() ? "" : ", ") + word;
    }
    std::string near = similar(text, setting.words);
    return quoted(text) + " is not one of " + known +
           (near.empty() ? "" : ": did you mean " + near + "?");
}

// The library's own words, without the value that stands before them.
std::string library_error(const Setting &setting, const std::string &text)
{
    debros::Config config;
    config.data_dir = "node";
    if (setting.kind == Kind::protocol) {
        config.kad_protocol = text;
    } else if (setting.kind == Kind::advertise) {
        config.advertise = {text};
    } else {
        (setting.kind == Kind::listen ? config.listen : config.bootstrap) = {text};
    }
    try {
        debros::check(config);
        return "";
    } catch (const debros::Error &error) {
        std::string why = describe(error);
        size_t at = why.rfind("': ");
        return quoted(text) + ": " + (at == why.npos ? why : why.substr(at + 3));
    }
}

std::string path_error(const std::string &text)
{
    if (text.size() > max_path) {
        return "a path of " + std::to_string(text.size()) + " bytes; at most " +
               std::to_string(max_path);
    }
    return "";
}

} // namespace

std::string value_error(const Setting &setting, const std::string &text)
{
    switch (setting.kind) {
    case Kind::number:
        return number_error(setting, text);
    case Kind::duration:
        return duration_error(setting, text);
    case Kind::flag:
        return text == "true" || text == "false" ? ""
                                                 : quoted(text) + " is not true or false";
    case Kind::word:
        return word_error(setting, text);
    case Kind::listen:
    case Kind::advertise:
    case Kind::peers:
    case Kind::protocol:
        return library_error(setting, text);
    case Kind::path:
        return path_error(text);
    default:
        return "";
    }
}

bool is_quic(const std::string &multiaddr)
{
    for (const char *quic : {"/quic", "/quic-v1"}) {
        size_t at = multiaddr.find(quic);
        std::string after =
            at == multiaddr.npos ? "x" : multiaddr.substr(at + std::strlen(quic));
        if (multiaddr.find("/udp/") < at && (after.empty() || after[0] == '/')) {
            return true;
        }
    }
    return false;
}

bool is_placeholder(const std::string &multiaddr)
{
    return multiaddr.find("/p2p/1111KooW") != multiaddr.npos;
}

std::uint64_t number_of(const std::string &text)
{
    std::uint64_t number = 0;
    read_number(text, number);
    return number;
}

std::chrono::milliseconds duration_of(const std::string &text)
{
    return parse_duration(text);
}

} // namespace cli
