// Where a configuration file says what: lines of keys, and all that is wrong with its
// shape. libcyaml reads the values; it stops at the first error and knows no lines
// afterwards, so libyaml's events are walked once before.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace cli
{

constexpr std::size_t config_max_bytes = 65536;
constexpr std::size_t config_max_problems = 50;
constexpr int config_max_depth = 8;
constexpr std::size_t config_max_text = 4096; // of one value
constexpr std::size_t config_max_items = 256; // of a list

// Where a value was given: "node.yaml" and 5, "DEBROS_NODE_DATA_DIR", "--listen".
struct Place {
    std::string name;
    unsigned line = 0; // of a file, from 1
};

struct Problem {
    Place place;
    std::string text;
};

// "node.yaml:5", and "node.yaml:5: what is wrong".
std::string to_text(const Place &place);
std::string to_text(const Problem &problem);

struct Mark {
    std::string path;              // of a known key
    unsigned line = 0;             // from 1
    std::vector<unsigned> items{}; // lines of a list's items
    bool empty = false;            // nothing, null, "" or []
};

struct Scan {
    std::vector<Mark> marks;
    std::vector<Problem> problems;
    bool shaped = true; // libcyaml can read it
};

// `name` is the file's, for people.
Scan scan_config(std::string_view text, const std::string &name);

// nullptr: the file does not hold the key.
const Mark *find_mark(const Scan &scan, std::string_view path);

} // namespace cli
