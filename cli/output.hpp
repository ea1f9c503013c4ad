// What a command prints on stdout, in four formats.
#pragma once
#include "options.hpp"

#include <debros/debros.hpp>

#include <string>
#include <variant>
#include <vector>

namespace cli
{

using List = std::vector<std::string>;
using Numbers = std::vector<std::int64_t>;
using Cell = std::variant<debros::Value, bool, List, Numbers>;

// Cells are stored row after row; columns have distinct names.
struct Sheet {
    std::vector<std::string> columns;
    std::vector<Cell> cells;

    size_t rows() const
    {
        return columns.empty() ? 0 : cells.size() / columns.size();
    }
    const Cell &at(size_t row, size_t column) const
    {
        return cells[row * columns.size() + column];
    }
};

// A second column of the same name is called name_2, and so on.
Sheet sheet_of(const debros::Rows &rows);

// Many rows: a table, an array of objects, an object in each line, or RFC 4180.
std::string render(Format format, const Sheet &sheet);

// One row that describes one thing: names beside values, one object, one line, or csv.
std::string render_record(Format format, const Sheet &record);

// For people: NULL, lower hex for a blob, a real that reads back as itself.
std::string cell_text(const Cell &cell);
// A JSON value; integers keep their 64 bits, a blob is a string of hex digits.
std::string cell_json(const Cell &cell);
std::string json_string(std::string_view text);
bool is_utf8(std::string_view text);
std::string json_object(const Sheet &sheet, size_t row);

// "2026-11-28T19:32:00Z"; NULL for the epoch, which stands for never.
debros::Value time_value(debros::UnixTime time);
// Text where all of it is UTF-8 without control characters but line ends and tabs.
debros::Value text_or_blob(const std::string &bytes);

// As text where it is beyond SQLite's integers.
debros::Value integer(std::uint64_t n);
// For people: "1 row", "2 rows".
std::string plural(std::uint64_t n, const char *noun);

// The parts of render().
std::string table(const Sheet &sheet);
std::string csv(const Sheet &sheet);

// Writes all of it, or throws Failure.
void write_stdout(const std::string &text);

} // namespace cli
