#include "output.hpp"

#include "errors.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace cli
{
namespace
{

std::string hex(const debros::Blob &blob)
{
    static const char digits[] = "0123456789abcdef";
    std::string out;
    for (std::uint8_t byte : blob.bytes) {
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
    return out;
}

// The shortest of %.15g, %.16g, %.17g that reads back as the same number.
std::string real_text(double real)
{
    if (std::isinf(real)) {
        return real < 0 ? "-Infinity" : "Infinity";
    }
    char text[40];
    for (int precision = 15; precision <= 17; precision++) {
        std::snprintf(text, sizeof text, "%.*g", precision, real);
        if (std::strtod(text, nullptr) == real) {
            break;
        }
    }
    bool whole = std::strpbrk(text, ".en") == nullptr;
    return std::string(text) + (whole ? ".0" : "");
}

struct CellText {
    std::string operator()(std::nullptr_t) const
    {
        return "NULL";
    }
    std::string operator()(std::int64_t integer) const
    {
        return std::to_string(integer);
    }
    std::string operator()(double real) const
    {
        return real_text(real);
    }
    std::string operator()(const std::string &text) const
    {
        return text;
    }
    std::string operator()(const debros::Blob &blob) const
    {
        return hex(blob);
    }
};

// A header and one row for each field.
Sheet upright(const Sheet &record)
{
    Sheet sheet{{"field", "value"}, {}};
    for (size_t c = 0; c < record.columns.size(); c++) {
        sheet.cells.push_back(debros::Value(record.columns[c]));
        sheet.cells.push_back(debros::Value(cell_text(record.at(0, c))));
    }
    return sheet;
}

std::string json_lines(const Sheet &sheet)
{
    std::string out;
    for (size_t r = 0; r < sheet.rows(); r++) {
        out += json_object(sheet, r) + "\n";
    }
    return out;
}

std::string json_array(const Sheet &sheet)
{
    std::string out = "[";
    for (size_t r = 0; r < sheet.rows(); r++) {
        out += (r ? ",\n " : "") + json_object(sheet, r);
    }
    return out + "]\n";
}

} // namespace

Sheet sheet_of(const debros::Rows &rows)
{
    Sheet sheet;
    for (const auto &column : rows.columns) {
        std::string name = column;
        for (int n = 2;
             std::count(sheet.columns.begin(), sheet.columns.end(), name) ||
             (n > 2 && std::count(rows.columns.begin(), rows.columns.end(), name));
             n++) {
            name = column + "_" + std::to_string(n);
        }
        sheet.columns.push_back(name);
    }
    sheet.cells.assign(rows.cells.begin(), rows.cells.end());
    return sheet;
}

std::string cell_text(const Cell &cell)
{
    if (auto flag = std::get_if<bool>(&cell)) {
        return *flag ? "yes" : "no";
    }
    if (auto list = std::get_if<List>(&cell)) {
        std::string out;
        for (const auto &item : *list) {
            out += (out.empty() ? "" : " ") + item;
        }
        return out;
    }
    if (auto numbers = std::get_if<Numbers>(&cell)) {
        std::string out;
        for (std::int64_t number : *numbers) {
            out += (out.empty() ? "" : " ") + std::to_string(number);
        }
        return out;
    }
    return std::visit(CellText(), std::get<debros::Value>(cell).variant());
}

debros::Value time_value(debros::UnixTime time)
{
    std::int64_t ms = time.time_since_epoch().count();
    std::int64_t last = 253402300799; // 9999-12-31T23:59:59Z
    std::time_t seconds = static_cast<std::time_t>(std::min(ms / 1000, last));
    tm utc{};
    char text[32];
    if (ms <= 0 || !gmtime_r(&seconds, &utc)) {
        return debros::Value();
    }
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return debros::Value(text);
}

// jansson knows what UTF-8 is.
debros::Value text_or_blob(const std::string &bytes)
{
    bool printable = std::none_of(bytes.begin(), bytes.end(), [](char c) {
        auto byte = static_cast<unsigned char>(c);
        return (byte < 0x20 && c != '\n' && c != '\r' && c != '\t') || byte == 0x7f;
    });
    if (printable && is_utf8(bytes)) {
        return debros::Value(bytes);
    }
    return debros::Value(debros::Blob{{bytes.begin(), bytes.end()}});
}

debros::Value integer(std::uint64_t n)
{
    return n <= INT64_MAX ? debros::Value(static_cast<std::int64_t>(n))
                          : debros::Value(std::to_string(n));
}

std::string plural(std::uint64_t n, const char *noun)
{
    return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

std::string render(Format format, const Sheet &sheet)
{
    switch (format) {
    case Format::json:
        return json_array(sheet);
    case Format::jsonl:
        return json_lines(sheet);
    case Format::csv:
        return csv(sheet);
    case Format::table:
        break;
    }
    return table(sheet);
}

std::string render_record(Format format, const Sheet &record)
{
    switch (format) {
    case Format::json:
    case Format::jsonl:
        return json_lines(record);
    case Format::csv:
        return csv(record);
    case Format::table:
        break;
    }
    return table(upright(record));
}

void write_stdout(const std::string &text)
{
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() ||
        std::fflush(stdout) != 0) {
        throw Failure(exit_failed,
                      std::string("writing to stdout: ") + std::strerror(errno));
    }
}

} // namespace cli
