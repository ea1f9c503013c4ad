// The rule by which a PARAM of the command line becomes an SQL value.
#pragma once
#include <debros/debros.hpp>

#include <string_view>

namespace cli
{

// For --help.
extern const char *const param_rule;

// Throws UsageError for a damaged blob:.
debros::Value parse_param(std::string_view text);

} // namespace cli
