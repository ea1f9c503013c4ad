#include "config_scan.hpp"

#include "config_keys.hpp"

#include <yaml.h>

namespace cli
{
namespace
{

// Nothing after this place can be read.
struct Stop {
};

class Event
{
  public:
    explicit Event(yaml_parser_t &parser) : ok(yaml_parser_parse(&parser, &raw_) != 0)
    {
    }
    Event(const Event &) = delete;
    Event &operator=(const Event &) = delete;
    ~Event()
    {
        if (ok) {
            yaml_event_delete(&raw_);
        }
    }
    yaml_event_type_t type() const
    {
        return raw_.type;
    }
    unsigned line() const
    {
        return static_cast<unsigned>(raw_.start_mark.line) + 1;
    }
    std::string text() const
    {
        const auto &scalar = raw_.data.scalar;
        return {reinterpret_cast<const char *>(scalar.value), scalar.length};
    }
    // Nothing was written, or a word for nothing: what libcyaml reads as NULL.
    bool is_null() const
    {
        std::string word = text();
        return word.empty() || word == "~" || word == "null" || word == "Null" ||
               word == "NULL";
    }
    bool has_anchor() const
    {
        switch (raw_.type) {
        case YAML_ALIAS_EVENT:
            return true;
        case YAML_SCALAR_EVENT:
            return raw_.data.scalar.anchor != nullptr;
        case YAML_SEQUENCE_START_EVENT:
            return raw_.data.sequence_start.anchor != nullptr;
        case YAML_MAPPING_START_EVENT:
            return raw_.data.mapping_start.anchor != nullptr;
        default:
            return false;
        }
    }
    bool has_tag() const
    {
        switch (raw_.type) {
        case YAML_SCALAR_EVENT:
            return raw_.data.scalar.tag != nullptr;
        case YAML_SEQUENCE_START_EVENT:
            return raw_.data.sequence_start.tag != nullptr;
        case YAML_MAPPING_START_EVENT:
            return raw_.data.mapping_start.tag != nullptr;
        default:
            return false;
        }
    }

  private:
    yaml_event_t raw_{};

  public:
    const bool ok;
};

bool is_start(yaml_event_type_t type)
{
    return type == YAML_MAPPING_START_EVENT || type == YAML_SEQUENCE_START_EVENT;
}

bool is_end(yaml_event_type_t type)
{
    return type == YAML_MAPPING_END_EVENT || type == YAML_SEQUENCE_END_EVENT;
}

bool has_control(const std::string &text)
{
    for (unsigned char c : text) {
        if (c < 0x20 || c == 0x7f) {
            return true;
        }
    }
    return false;
}

class Scanner
{
  public:
    Scanner(std::string_view text, const std::string &name, Scan &out)
        : text_(text), name_(name), out_(out)
    {
        if (!yaml_parser_initialize(&parser_)) {
            throw std::bad_alloc();
        }
        yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(
            &parser_, reinterpret_cast<const unsigned char *>(text.data()), text.size());
    }
    Scanner(const Scanner &) = delete;
    Scanner &operator=(const Scanner &) = delete;
    ~Scanner()
    {
        yaml_parser_delete(&parser_);
    }

    void stream();

  private:
    // Shapes that libcyaml cannot read either.
    void misshapen(unsigned line, const std::string &text)
    {
        out_.shaped = false;
        report(line, text);
    }
    void report(unsigned line, const std::string &text);
    [[noreturn]] void stop(unsigned line, const std::string &text)
    {
        misshapen(line, text);
        throw Stop();
    }
    [[noreturn]] void syntax_error();
    void check(const Event &event);
    std::string key(const Event &event, const std::string &inside);
    void document(const Event &first);
    void section(const Event &name);
    void setting_of(const std::string &section, const Event &name);
    void value(const Setting &setting, Mark &mark);
    void item(const Setting &setting, const Event &item);
    void items(const Setting &setting, Mark &mark);
    bool is_new(std::vector<std::pair<std::string, unsigned>> &seen,
                const std::string &path, unsigned line);
    void skip(const Event &first);
    void skip_value();
    std::string_view line_text(unsigned line) const;

    yaml_parser_t parser_;
    std::string_view text_;
    const std::string &name_;
    Scan &out_;
    std::vector<std::pair<std::string, unsigned>> keys_, sections_;
};

void Scanner::report(unsigned line, const std::string &text)
{
    if (out_.problems.size() == config_max_problems) {
        out_.shaped = false;
        out_.problems.push_back({{name_, line}, "more is wrong: mend this first"});
        throw Stop();
    }
    out_.problems.push_back({{name_, line}, text});
}

std::string_view Scanner::line_text(unsigned line) const
{
    size_t at = 0;
    for (unsigned i = 1; i < line && at != text_.npos; i++) {
        at = text_.find('\n', at);
        at += at == text_.npos ? 0 : 1;
    }
    return at == text_.npos ? "" : text_.substr(at, text_.find('\n', at) - at);
}

void Scanner::syntax_error()
{
    unsigned line = static_cast<unsigned>(parser_.problem_mark.line) + 1;
    if (parser_.error == YAML_MEMORY_ERROR) {
        throw std::bad_alloc();
    }
    if (parser_.error == YAML_READER_ERROR) {
        std::string_view before = text_.substr(0, parser_.problem_offset);
        line = 1;
        for (char c : before) {
            line += c == '\n';
        }
        stop(line, "not a text in UTF-8 without control characters");
    }
    std::string_view text = line_text(line);
    if (text.substr(0, text.find_first_not_of(" \t")).find('\t') != text.npos) {
        stop(line, "a tab in the indentation: YAML takes spaces only");
    }
    std::string why = parser_.problem ? parser_.problem : "not readable";
    if (why == "found character that cannot start any token") {
        stop(line, "not YAML: a value that begins with this character needs quotes");
    }
    if (why == "mapping values are not allowed in this context") {
        stop(line, "not YAML: a ':' where no key can stand; is the indentation right, or "
                   "does a value need quotes?");
    }
    if (parser_.context) {
        why += std::string(", ") + parser_.context;
        unsigned began = static_cast<unsigned>(parser_.context_mark.line) + 1;
        why += began == line ? "" : " that began on line " + std::to_string(began);
    }
    stop(line, "not YAML: " + why);
}

// What would make a file longer than it looks, or mean something else than it says.
void Scanner::check(const Event &event)
{
    if (!event.ok) {
        syntax_error();
    }
    if (event.has_anchor()) {
        stop(event.line(), "an anchor or alias (&name, *name): write the value out");
    }
    if (event.has_tag()) {
        stop(event.line(), "a tag (!name): write the value without it");
    }
}

std::string Scanner::key(const Event &event, const std::string &inside)
{
    std::string word = event.type() == YAML_SCALAR_EVENT ? event.text() : "";
    if (word.empty() || has_control(word) || word.size() > 64) {
        stop(event.line(), inside + "a key is one word");
    }
    return word;
}

void Scanner::skip(const Event &first)
{
    int depth = is_start(first.type());
    while (depth > 0) {
        Event event(parser_);
        check(event);
        depth += is_start(event.type()) - is_end(event.type());
        if (depth > config_max_depth) {
            stop(event.line(),
                 "nested more than " + std::to_string(config_max_depth) + " levels deep");
        }
    }
}

void Scanner::skip_value()
{
    Event event(parser_);
    check(event);
    skip(event);
}

// libcyaml refuses a second one, too.
bool Scanner::is_new(std::vector<std::pair<std::string, unsigned>> &seen,
                     const std::string &path, unsigned line)
{
    for (const auto &[other, first] : seen) {
        if (other == path) {
            misshapen(line,
                      path + ": given twice, first on line " + std::to_string(first));
            return false;
        }
    }
    seen.emplace_back(path, line);
    return true;
}

// What no text may be, whatever it means; "" when it is right.
std::string text_error(const std::string &text)
{
    if (has_control(text)) {
        return "a control character in the value";
    }
    if (text.size() > config_max_text) {
        return "a value of " + std::to_string(text.size()) + " bytes; at most " +
               std::to_string(config_max_text);
    }
    return "";
}

void Scanner::item(const Setting &setting, const Event &item)
{
    std::string why;
    if (item.type() != YAML_SCALAR_EVENT) {
        why = "an item is one value";
        skip(item);
    } else {
        why = item.is_null() ? "an empty item" : text_error(item.text());
    }
    if (!why.empty()) {
        misshapen(item.line(), std::string(setting.path) + ": " + why);
    }
}

void Scanner::items(const Setting &setting, Mark &mark)
{
    for (;;) {
        Event event(parser_);
        check(event);
        if (event.type() == YAML_SEQUENCE_END_EVENT) {
            break;
        }
        if (mark.items.size() == config_max_items) {
            stop(event.line(), std::string(setting.path) + ": more than " +
                                   std::to_string(config_max_items) + " items");
        }
        item(setting, event);
        mark.items.push_back(event.line());
    }
    mark.empty = mark.items.empty();
}

void Scanner::value(const Setting &setting, Mark &mark)
{
    Event event(parser_);
    check(event);
    bool scalar = event.type() == YAML_SCALAR_EVENT;
    bool list = event.type() == YAML_SEQUENCE_START_EVENT;
    mark.empty = scalar && event.is_null();
    std::string why;
    if (setting.use != Use::works) {
        skip(event);
    } else if (is_list(setting) && list) {
        items(setting, mark);
    } else if (is_list(setting)) {
        why = mark.empty ? "" : "takes a list: one line '- ADDRESS' for each";
        skip(event);
    } else if (scalar) {
        why = text_error(event.text());
    } else {
        why =
            list ? "takes one value, not a list" : "takes one value, not a group of keys";
        skip(event);
    }
    if (!why.empty()) {
        misshapen(event.line(), std::string(setting.path) + ": " + why);
    }
}

void Scanner::setting_of(const std::string &section, const Event &name)
{
    std::string path = section + "." + key(name, section + ": ");
    const Setting *setting = find_setting(path);
    bool fresh = is_new(keys_, path, name.line());
    if (!setting) {
        if (fresh) {
            report(name.line(), path + ": unknown key" + suggest_key(path));
        }
        skip_value();
        return;
    }
    Mark mark{path, name.line()};
    value(*setting, mark);
    if (fresh) {
        out_.marks.push_back(std::move(mark));
    }
}

void Scanner::section(const Event &name)
{
    std::string word = key(name, "");
    bool known = false;
    for (const auto &section : sections()) {
        known = known || section == word;
    }
    if (is_new(sections_, word, name.line()) && !known) {
        report(name.line(), word + ": unknown section" + suggest_section(word));
    }
    Event value(parser_);
    check(value);
    if (!known) {
        skip(value);
        return;
    }
    if (value.type() != YAML_MAPPING_START_EVENT) {
        if (value.type() != YAML_SCALAR_EVENT || !value.is_null()) {
            misshapen(value.line(), word + ": takes keys below it, not a value");
        }
        skip(value);
        return;
    }
    for (;;) {
        Event key(parser_);
        check(key);
        if (key.type() == YAML_MAPPING_END_EVENT) {
            return;
        }
        setting_of(word, key);
    }
}

void Scanner::document(const Event &first)
{
    if (first.type() == YAML_SCALAR_EVENT && first.is_null()) {
        out_.shaped = false; // nothing in it, which is no error
        return;
    }
    if (first.type() != YAML_MAPPING_START_EVENT) {
        stop(first.line(), "not a configuration: it has no sections such as node:");
    }
    for (;;) {
        Event key(parser_);
        check(key);
        if (key.type() == YAML_MAPPING_END_EVENT) {
            return;
        }
        section(key);
    }
}

void Scanner::stream()
{
    bool any = false;
    for (;;) {
        Event event(parser_);
        check(event);
        switch (event.type()) {
        case YAML_STREAM_END_EVENT:
            out_.shaped = out_.shaped && any;
            return;
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
            break;
        case YAML_DOCUMENT_START_EVENT:
            if (any) {
                stop(event.line(), "a second document: a file holds one");
            }
            any = true;
            break;
        default:
            document(event);
        }
    }
}

} // namespace

std::string to_text(const Place &place)
{
    return place.line == 0 ? place.name : place.name + ":" + std::to_string(place.line);
}

std::string to_text(const Problem &problem)
{
    return to_text(problem.place) + ": " + problem.text;
}

Scan scan_config(std::string_view text, const std::string &name)
{
    Scan out;
    if (text.size() > config_max_bytes) {
        out.shaped = false;
        out.problems.push_back({{name},
                                "more than " + std::to_string(config_max_bytes) +
                                    " bytes: this is no configuration"});
        return out;
    }
    try {
        Scanner(text, name, out).stream();
    } catch (const Stop &) {
        // the problems say why
    }
    return out;
}

const Mark *find_mark(const Scan &scan, std::string_view path)
{
    for (const auto &mark : scan.marks) {
        if (mark.path == path) {
            return &mark;
        }
    }
    return nullptr;
}

} // namespace cli
