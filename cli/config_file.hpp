// The values of a configuration file, read by libcyaml.
#pragma once
#include "config_keys.hpp"
#include "config_scan.hpp"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace cli
{

struct FileValue {
    std::string text;               // of a single value
    std::vector<std::string> items; // of a list
    unsigned line = 0;              // of its key
    std::vector<unsigned> lines{};  // of a list's items
};

struct FileValues {
    std::array<std::optional<FileValue>, key_count> values; // by Key; none: not set
    std::vector<Mark> others;      // keys of the original that are set and do not work
    std::vector<Problem> problems; // what is wrong with the file's shape
};

// Values are texts still: what they mean is config_value's work. `name` is the file's,
// for people. Never throws but for memory.
FileValues load_config(std::string_view text, const std::string &name);

} // namespace cli
