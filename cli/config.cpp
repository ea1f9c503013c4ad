#include "config.hpp"

#include "config_value.hpp"
#include "errors.hpp"
#include "nearest.hpp"
#include "options.hpp"

#include <algorithm>

#include <unistd.h>

namespace cli
{
namespace
{

std::vector<std::string> split(const std::string &text, char separator)
{
    std::vector<std::string> parts;
    for (size_t at = 0; at <= text.size();) {
        size_t end = std::min(text.find(separator, at), text.size());
        size_t first = text.find_first_not_of(' ', at);
        if (first < end) {
            size_t last = text.find_last_not_of(' ', end - 1);
            parts.push_back(text.substr(first, last - first + 1));
        }
        at = end + 1;
    }
    return parts;
}

std::string joined(const std::vector<std::string> &items)
{
    std::string text;
    for (const auto &item : items) {
        text += (text.empty() ? "" : ", ") + item;
    }
    return text;
}

std::size_t index_of(const Setting &setting)
{
    return static_cast<std::size_t>(&setting - settings().data());
}

void throw_all(const std::vector<Problem> &problems)
{
    if (problems.size() == 1) {
        throw UsageError(to_text(problems[0]));
    }
    if (!problems.empty()) {
        std::string text =
            "the configuration has " + std::to_string(problems.size()) + " errors";
        for (const auto &problem : problems) {
            text += "\n  " + to_text(problem);
        }
        throw UsageError(text);
    }
}

// 0 for "", which is no time.
std::chrono::milliseconds time_of(const std::string &text)
{
    return text.empty() ? std::chrono::milliseconds(0) : duration_of(text);
}

} // namespace

Configuration::Configuration()
{
    for (std::size_t k = 0; k < key_count; k++) {
        Entry entry;
        if (is_list(settings()[k])) {
            entry.items = split(settings()[k].fallback, ',');
        } else {
            entry.text = settings()[k].fallback;
        }
        entries_.push_back(std::move(entry));
    }
}

// Reports what is wrong with a list, and leaves out what is skipped. `lines`: of the
// items, of a file.
void Configuration::put_list(const Setting &setting, Entry &entry,
                             const std::vector<unsigned> &lines)
{
    std::string path = std::string(setting.path) + ": ";
    std::vector<std::string> taken;
    for (size_t i = 0; i < entry.items.size(); i++) {
        const std::string &item = entry.items[i];
        Place place{entry.place.name, i < lines.size() ? lines[i] : entry.place.line};
        if (setting.kind == Kind::listen && is_quic(item)) {
            warnings_.push_back(
                {place, path + item + " is skipped: QUIC is not there yet"});
        } else if (setting.kind == Kind::peers && is_placeholder(item)) {
            warnings_.push_back({place, path + item +
                                            " is skipped: it keeps the place of a "
                                            "node's peer id"});
        } else {
            std::string why = value_error(setting, item);
            if (!why.empty()) {
                problems_.push_back({place, path + why});
            }
            taken.push_back(item);
        }
    }
    if (setting.kind == Kind::listen && taken.empty()) {
        problems_.push_back({entry.place, path + "no address is left: add one such as "
                                                 "/ip4/0.0.0.0/tcp/4001"});
    }
    if (taken.size() > setting.max) {
        problems_.push_back({entry.place, path + std::to_string(taken.size()) +
                                              " addresses, at most " +
                                              std::to_string(setting.max)});
    }
    entry.items = std::move(taken);
}

// Takes over an entry, and reports what is wrong with it.
void Configuration::put(const Setting &setting, Entry entry,
                        const std::vector<unsigned> &lines)
{
    if (is_list(setting)) {
        put_list(setting, entry, lines);
    } else {
        std::string why = value_error(setting, entry.text);
        if (!why.empty()) {
            problems_.push_back({entry.place, std::string(setting.path) + ": " + why});
        }
    }
    entries_[index_of(setting)] = std::move(entry);
}

void Configuration::put_text(const Setting &setting, const std::string &text,
                             Source source, const std::string &name)
{
    Entry entry;
    entry.source = source;
    entry.place = {name};
    if (is_list(setting)) {
        entry.items = split(text, ',');
    } else {
        entry.text = text;
    }
    put(setting, std::move(entry), {});
}

void Configuration::put_file(FileValues &file, const std::string &name)
{
    for (std::size_t k = 0; k < key_count; k++) {
        const Setting &setting = settings()[k];
        if (!file.values[k]) {
            continue;
        }
        FileValue &value = *file.values[k];
        bool none = !is_list(setting) && value.text.empty();
        if (!none) { // key: "" is the way to say: none
            put(setting, Entry{value.text, value.items, Source::file, {name, value.line}},
                value.lines);
        }
    }
}

void Configuration::add_file(std::string_view text, const std::string &name)
{
    FileValues file = load_config(text, name);
    auto begin = static_cast<std::ptrdiff_t>(problems_.size());
    problems_.insert(problems_.end(), file.problems.begin(), file.problems.end());
    put_file(file, name);
    std::stable_sort(
        problems_.begin() + begin, problems_.end(),
        [](const Problem &a, const Problem &b) { return a.place.line < b.place.line; });
    warn_of_others(file.others, name);
}

// One warning for each reason, however many keys have it.
void Configuration::warn_of_others(const std::vector<Mark> &marks,
                                   const std::string &name)
{
    std::vector<std::pair<std::string, Problem>> said;
    for (const auto &mark : marks) {
        const Setting &setting = *find_setting(mark.path);
        Problem *same = nullptr;
        for (auto &[why, warning] : said) {
            same = why == setting.about ? &warning : same;
        }
        if (same) {
            same->text += ", " + mark.path;
        } else {
            said.push_back({setting.about, {{name, mark.line}, mark.path}});
        }
    }
    for (auto &[why, warning] : said) {
        bool waits = find_setting(warning.text.substr(0, warning.text.find(',')))->use ==
                     Use::waits;
        warning.text += (waits ? ": " : ": ignored; ") + why;
        warnings_.push_back(warning);
    }
}

void Configuration::add_environment(const Getenv &get,
                                    const std::vector<std::string> &names)
{
    for (std::size_t k = 0; k < key_count; k++) {
        const Setting &setting = settings()[k];
        std::string variable = variable_of(setting);
        std::string text = get(variable.c_str());
        if (text.empty() && setting.alias) {
            variable = setting.alias;
            text = get(setting.alias);
        }
        if (!text.empty()) {
            put_text(setting, text, Source::environment, variable);
        }
    }
    warn_of_variables(get, names);
}

// The original's variables, and slips in ours. Others may begin alike for a reason (a
// container platform's DEBROS_NODE_SERVICE_HOST): no error.
void Configuration::warn_of_variables(const Getenv &get,
                                      const std::vector<std::string> &names)
{
    std::vector<std::string> known;
    for (const auto &setting : settings()) {
        if (setting.use == Use::works) {
            known.push_back(variable_of(setting));
        }
    }
    for (const auto &name : names) {
        bool ours = false;
        for (const auto &variable : known) {
            ours = ours || variable == name;
        }
        std::string near = nearest(name, known);
        if (name.rfind("DEBROS_", 0) == 0 && name.find('_', 7) != name.npos && !ours &&
            !near.empty()) {
            warnings_.push_back(
                {{name}, "an unknown variable: did you mean " + near + "?"});
        }
    }
    if (!get("BOOTSTRAP_PORT").empty()) {
        warnings_.push_back({{"BOOTSTRAP_PORT"}, "ignored; an address holds its port"});
    }
    if (!get("ENVIRONMENT").empty()) {
        warnings_.push_back(
            {{"ENVIRONMENT"}, "ignored; --config names the file of an environment"});
    }
}

void Configuration::set(Key key, const std::string &text, const std::string &flag)
{
    put_text(setting(key), text, Source::flag, flag);
}

void Configuration::set(Key key, const std::vector<std::string> &items,
                        const std::string &flag)
{
    put(setting(key), Entry{"", items, Source::flag, {flag}}, {});
}

void Configuration::assign(const std::string &text)
{
    size_t equals = text.find('=');
    std::string path = text.substr(0, equals);
    const Setting *setting = find_setting(path);
    if (equals == text.npos) {
        problems_.push_back({{"--set"}, path + ": takes KEY=VALUE"});
    } else if (!setting) {
        problems_.push_back({{"--set"}, path + ": unknown key" + suggest_key(path)});
    } else if (setting->use != Use::works) {
        warnings_.push_back({{"--set"},
                             path + (setting->use == Use::waits ? ": " : ": ignored; ") +
                                 setting->about});
    } else if (equals + 1 == text.size()) { // back to the default
        Entry entry = Configuration().entries_[index_of(*setting)];
        entry.source = Source::flag;
        entry.place = {"--set"};
        entries_[index_of(*setting)] = entry;
    } else {
        put_text(*setting, text.substr(equals + 1), Source::flag, "--set");
    }
}

// Values that are right alone and not together.
std::vector<Problem> Configuration::misfits() const
{
    const Entry &low = entry(Key::low_water), &high = entry(Key::high_water);
    bool known = value_error(setting(Key::low_water), low.text).empty() &&
                 value_error(setting(Key::high_water), high.text).empty();
    if (!known || number_of(low.text) <= number_of(high.text)) {
        return {};
    }
    const Entry &blamed = low.source == Source::fallback ? high : low;
    return {{blamed.place, std::string(setting(Key::low_water).path) + ": " + low.text +
                               " is above " + setting(Key::high_water).path + ", " +
                               high.text}};
}

void Configuration::check() const
{
    std::vector<Problem> found = problems_;
    for (const auto &problem : misfits()) {
        found.push_back(problem);
    }
    throw_all(found);
}

void Configuration::check_client() const
{
    std::vector<Problem> found;
    for (const auto &problem : problems_) {
        for (Key key : {Key::request_timeout, Key::connect_timeout, Key::retry_attempts,
                        Key::retry_delay, Key::client_connections, Key::mdns}) {
            if (problem.text.rfind(std::string(setting(key).path) + ": ", 0) == 0) {
                found.push_back(problem);
            }
        }
    }
    throw_all(found);
}

ClientSettings Configuration::client() const
{
    ClientSettings out;
    // A command that says nothing leaves the time for requests to the library.
    if (entry(Key::request_timeout).source != Source::fallback) {
        out.request_timeout = duration_of(entry(Key::request_timeout).text);
    }
    out.connect_timeout = time_of(entry(Key::connect_timeout).text);
    out.retry_delay = duration_of(entry(Key::retry_delay).text);
    out.retry_attempts = static_cast<int>(number_of(entry(Key::retry_attempts).text));
    out.connections =
        static_cast<std::uint32_t>(number_of(entry(Key::client_connections).text));
    out.mdns = entry(Key::mdns).text == "true";
    return out;
}

NodeSettings Configuration::node() const
{
    auto text = [this](Key key) { return entry(key).text; };
    auto number = [&](Key key) {
        return static_cast<std::uint32_t>(number_of(text(key)));
    };
    NodeSettings out;
    out.data_dir = text(Key::data_dir);
    out.listen = entry(Key::listen_addresses).items;
    out.listen_given = entry(Key::listen_addresses).source != Source::fallback;
    out.advertise = entry(Key::advertise_addresses).items;
    out.bootstrap = entry(Key::bootstrap_peers).items;
    out.invite = text(Key::invite);
    out.invite_by_flag = entry(Key::invite).source == Source::flag;
    out.identity_file = text(Key::identity_file);
    out.max_connections = number(Key::max_connections);
    out.max_requests = number(Key::max_requests);
    out.busy_poll = static_cast<int>(number(Key::busy_poll));
    out.max_memory = number_of(text(Key::max_memory));
    out.request_timeout = duration_of(text(Key::request_timeout));
    out.election_timeout = duration_of(text(Key::election_timeout));
    out.snapshot_rate = number_of(text(Key::snapshot_rate));
    out.snapshot_chunk = number(Key::snapshot_chunk);
    out.connect_timeout = time_of(text(Key::connect_timeout));
    out.retry_delay = duration_of(text(Key::retry_delay));
    out.open = text(Key::open) == "true";
    out.mdns = text(Key::mdns) == "true";
    out.kad_protocol = text(Key::kad_protocol);
    out.discovery_interval = duration_of(text(Key::discovery_interval));
    out.max_dials = number(Key::max_dials);
    out.low_water = number(Key::low_water);
    out.high_water = number(Key::high_water);
    out.log_level = parse_log_level(text(Key::log_level));
    out.log_json = text(Key::log_format) == "json";
    out.log_file = text(Key::log_file);
    return out;
}

std::chrono::milliseconds time_to_start(std::chrono::milliseconds request_timeout,
                                        std::chrono::milliseconds connect_timeout)
{
    // Its own end says more than that of the start, and has to come first.
    const std::chrono::milliseconds margin{1000}, longest{UINT32_MAX};
    debros_config library;
    debros_config_default(&library);
    if (request_timeout.count() == 0) {
        request_timeout = std::chrono::milliseconds(library.request_timeout);
    }
    return connect_timeout.count() == 0
               ? request_timeout
               : std::min(longest, std::max(request_timeout, connect_timeout + margin));
}

std::string shown_value(const Setting &setting, const Entry &entry)
{
    if (is_list(setting)) {
        return joined(entry.items);
    }
    return setting.secret && !entry.text.empty() ? "(not shown)" : entry.text;
}

std::vector<std::string> environment_names()
{
    std::vector<std::string> names;
    for (char **at = environ; at && *at; at++) {
        std::string text = *at;
        names.push_back(text.substr(0, text.find('=')));
    }
    return names;
}

} // namespace cli
