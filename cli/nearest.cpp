#include "nearest.hpp"

#include <algorithm>

namespace cli
{
namespace
{

// Edit distance with swaps of neighbours (optimal string alignment), three rows at once.
size_t distance(const std::string &a, const std::string &b)
{
    std::vector<size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
    for (size_t j = 0; j <= b.size(); j++) {
        last[j] = j;
    }
    for (size_t i = 1; i <= a.size(); i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.size(); j++) {
            size_t replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, replace});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], before[j - 2] + 1);
            }
        }
        before.swap(last);
        last.swap(row);
    }
    return last[b.size()];
}

} // namespace

std::string nearest(const std::string &word, const std::vector<std::string> &candidates)
{
    std::string best;
    size_t best_distance = 0;
    for (const auto &candidate : candidates) {
        size_t d = distance(word, candidate);
        size_t allowed = std::max<size_t>(2, candidate.size() / 3);
        if (d <= allowed && d < candidate.size() && (best.empty() || d < best_distance)) {
            best = candidate;
            best_distance = d;
        }
    }
    return best;
}

} // namespace cli
