#include "output.hpp"

#include <jansson.h>

#include <cmath>
#include <cstdlib>
#include <memory>

namespace cli
{
namespace
{

std::string dump(json_t *value, size_t flags = 0)
{
    std::unique_ptr<json_t, void (*)(json_t *)> owned(value, json_decref);
    flags |= JSON_ENCODE_ANY | JSON_COMPACT;
    std::string out(json_dumpb(value, nullptr, 0, flags), '\0');
    json_dumpb(value, out.data(), out.size(), flags);
    return out;
}

// jansson refuses text that is not UTF-8: each wrong byte becomes U+FFFD.
json_t *string_of(std::string_view text)
{
    if (json_t *value = json_stringn(text.data(), text.size())) {
        return value;
    }
    std::string repaired;
    while (!text.empty()) {
        size_t n = 1;
        json_t *piece = nullptr;
        for (; n <= 4 && n <= text.size() && !piece; n++) {
            piece = json_stringn(text.data(), n);
        }
        if (piece) {
            n--;
            repaired += text.substr(0, n);
            json_decref(piece);
        } else {
            n = 1;
            repaired += "\xEF\xBF\xBD";
        }
        text.remove_prefix(n);
    }
    return json_stringn(repaired.data(), repaired.size());
}

// With the fewest digits that read back as the same number. JSON has no infinity.
std::string real_json(double real)
{
    if (!std::isfinite(real)) {
        return dump(string_of(cell_text(debros::Value(real))));
    }
    std::string text;
    for (unsigned precision = 15; precision <= 17; precision++) {
        text = dump(json_real(real), JSON_REAL_PRECISION(precision));
        if (std::strtod(text.c_str(), nullptr) == real) {
            break;
        }
    }
    return text;
}

json_t *list_of(const List &list)
{
    json_t *array = json_array();
    for (const auto &item : list) {
        json_array_append_new(array, string_of(item));
    }
    return array;
}

} // namespace

bool is_utf8(std::string_view text)
{
    std::unique_ptr<json_t, void (*)(json_t *)> value(
        json_stringn(text.data(), text.size()), json_decref);
    return value != nullptr;
}

std::string json_string(std::string_view text)
{
    return dump(string_of(text));
}

std::string cell_json(const Cell &cell)
{
    if (auto flag = std::get_if<bool>(&cell)) {
        return *flag ? "true" : "false";
    }
    if (auto list = std::get_if<List>(&cell)) {
        return dump(list_of(*list));
    }
    if (auto numbers = std::get_if<Numbers>(&cell)) {
        std::string out;
        for (std::int64_t number : *numbers) {
            out += (out.empty() ? "" : ", ") + std::to_string(number);
        }
        return "[" + out + "]";
    }
    const auto &value = std::get<debros::Value>(cell);
    if (value.is_null()) {
        return "null";
    }
    if (value.is<std::int64_t>()) {
        return dump(json_integer(value.as<std::int64_t>()));
    }
    if (value.is<double>()) {
        return real_json(value.as<double>());
    }
    return json_string(cell_text(cell));
}

std::string json_object(const Sheet &sheet, size_t row)
{
    std::string out = "{";
    for (size_t c = 0; c < sheet.columns.size(); c++) {
        out += (c ? ", " : "") + json_string(sheet.columns[c]) + ": " +
               cell_json(sheet.at(row, c));
    }
    return out + "}";
}

} // namespace cli
