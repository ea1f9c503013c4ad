#include "params.hpp"

#include "errors.hpp"

#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string>

namespace cli
{

const char *const param_rule =
    "PARAM  fills a ? of the statement, in order:\n"
    "  NULL          the null value\n"
    "  42, -7        an integer, when it is written as SQLite prints it (no leading\n"
    "                zeros, no '+') and fits in 64 bits; otherwise text\n"
    "  1.5, -2e10    a real: digits with a point, an exponent, or both\n"
    "  text:ANY      the text ANY, whatever it looks like\n"
    "  blob:00ff     the bytes of these hex digits\n"
    "  anything else text\n";

namespace
{

size_t digits(std::string_view text)
{
    size_t n = 0;
    while (n < text.size() && text[n] >= '0' && text[n] <= '9') {
        n++;
    }
    return n;
}

// -?(0|[1-9][0-9]*); the length of it at the start of `text`, 0: none.
size_t integer_length(std::string_view text)
{
    size_t sign = !text.empty() && text[0] == '-' ? 1 : 0;
    size_t n = digits(text.substr(sign));
    bool leading_zero = n > 1 && text[sign] == '0';
    return n == 0 || leading_zero ? 0 : sign + n;
}

// An integer followed by .digits, by e[+-]digits, or by both.
bool is_real(std::string_view text)
{
    size_t n = integer_length(text);
    if (n == 0) {
        return false;
    }
    text.remove_prefix(n);
    if (!text.empty() && text[0] == '.') {
        n = digits(text.substr(1));
        if (n == 0) {
            return false;
        }
        text.remove_prefix(1 + n);
    }
    if (!text.empty() && (text[0] == 'e' || text[0] == 'E')) {
        size_t sign = text.size() > 1 && (text[1] == '+' || text[1] == '-') ? 1 : 0;
        n = digits(text.substr(1 + sign));
        if (n == 0) {
            return false;
        }
        text.remove_prefix(1 + sign + n);
    }
    return text.empty();
}

debros::Blob parse_hex(std::string_view hex)
{
    debros::Blob blob;
    for (size_t i = 0; i + 1 < hex.size(); i += 2) {
        unsigned byte = 0;
        auto end = hex.data() + i + 2;
        auto [at, error] = std::from_chars(hex.data() + i, end, byte, 16);
        if (error != std::errc() || at != end) {
            throw UsageError("blob:" + std::string(hex) +
                             " is not written in hex digits");
        }
        blob.bytes.push_back(static_cast<std::uint8_t>(byte));
    }
    if (hex.size() % 2 != 0) {
        throw UsageError("blob:" + std::string(hex) + " has an odd number of hex digits");
    }
    return blob;
}

} // namespace

debros::Value parse_param(std::string_view text)
{
    if (text == "NULL") {
        return nullptr;
    }
    if (text.substr(0, 5) == "text:") {
        return std::string(text.substr(5));
    }
    if (text.substr(0, 5) == "blob:") {
        return parse_hex(text.substr(5));
    }
    if (integer_length(text) == text.size() && !text.empty()) {
        std::int64_t integer = 0;
        auto [at, error] =
            std::from_chars(text.data(), text.data() + text.size(), integer);
        if (error == std::errc()) {
            return integer;
        }
    } else if (is_real(text)) {
        double real = std::strtod(std::string(text).c_str(), nullptr);
        if (std::isfinite(real)) {
            return real;
        }
    }
    return std::string(text);
}

} // namespace cli
