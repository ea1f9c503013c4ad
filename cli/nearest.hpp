// "Did you mean": the nearest of some words.
#pragma once
#include <string>
#include <vector>

namespace cli
{

// The candidate with the fewest edits (insert, delete, replace, swap of neighbours);
// "" when even that one differs in more than a third of its letters, two at least.
std::string nearest(const std::string &word, const std::vector<std::string> &candidates);

} // namespace cli
