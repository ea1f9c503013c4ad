#include "output.hpp"

#include <libsmartcols/libsmartcols.h>

#include <cstdlib>
#include <memory>
#include <new>

namespace cli
{
namespace
{

bool is_number(const Cell &cell)
{
    auto value = std::get_if<debros::Value>(&cell);
    return value && (value->is<std::int64_t>() || value->is<double>());
}

// To the right, where all that is not NULL is a number.
int flags_of(const Sheet &sheet, size_t column)
{
    bool numbers = false;
    for (size_t r = 0; r < sheet.rows(); r++) {
        const Cell &cell = sheet.at(r, column);
        auto value = std::get_if<debros::Value>(&cell);
        if (is_number(cell)) {
            numbers = true;
        } else if (!value || !value->is_null()) {
            return 0;
        }
    }
    return numbers ? SCOLS_FL_RIGHT : 0;
}

} // namespace

std::string table(const Sheet &sheet)
{
    if (sheet.columns.empty()) {
        return "";
    }
    std::unique_ptr<libscols_table, void (*)(libscols_table *)> out(scols_new_table(),
                                                                    scols_unref_table);
    if (!out) {
        throw std::bad_alloc();
    }
    // A terminal's width never cuts what a node said.
    scols_table_set_termforce(out.get(), SCOLS_TERMFORCE_NEVER);
    for (size_t c = 0; c < sheet.columns.size(); c++) {
        const char *name = sheet.columns[c].c_str();
        scols_table_new_column(out.get(), name, 0, flags_of(sheet, c));
    }
    for (size_t r = 0; r < sheet.rows(); r++) {
        libscols_line *line = scols_table_new_line(out.get(), nullptr);
        if (!line) {
            throw std::bad_alloc();
        }
        for (size_t c = 0; c < sheet.columns.size(); c++) {
            scols_line_set_data(line, c, cell_text(sheet.at(r, c)).c_str());
        }
    }
    char *text = nullptr;
    if (sheet.rows() == 0) { // libsmartcols prints nothing for no lines
        std::string header;
        for (const auto &column : sheet.columns) {
            header += (header.empty() ? "" : " ") + column;
        }
        return header + "\n";
    }
    if (scols_print_table_to_string(out.get(), &text) != 0) {
        throw std::bad_alloc();
    }
    std::string result(text);
    std::free(text);
    return result.empty() || result.back() == '\n' ? result : result + "\n";
}

} // namespace cli
