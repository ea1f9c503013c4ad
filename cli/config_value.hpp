// What the text of a value means: a configuration's types and ranges.
#pragma once
#include "config_keys.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace cli
{

// "": the text is a value of this setting; else why it is none, with the value in it.
// Lists: one item.
std::string value_error(const Setting &setting, const std::string &text);

// A listen address that needs QUIC, which no node speaks yet.
bool is_quic(const std::string &multiaddr);
// A peer id that the original's sample file holds in place of a real one.
bool is_placeholder(const std::string &multiaddr);

// Of values that have passed value_error().
std::uint64_t number_of(const std::string &text);
std::chrono::milliseconds duration_of(const std::string &text);

} // namespace cli
