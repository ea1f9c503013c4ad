#include "output.hpp"

namespace cli
{
namespace
{

// NULL stands bare; the text NULL and the empty text stand in quotes.
std::string field(const Cell &cell)
{
    std::string text = cell_text(cell);
    auto value = std::get_if<debros::Value>(&cell);
    bool is_text = value && value->is<std::string>();
    if (is_text && (text.empty() || text == "NULL")) {
        return "\"" + text + "\"";
    }
    if (text.find_first_of(",\"\r\n") == text.npos) {
        return text;
    }
    std::string out = "\"";
    for (char c : text) {
        out += c;
        if (c == '"') {
            out += c;
        }
    }
    return out + "\"";
}

} // namespace

// RFC 4180: a header, fields parted by commas, lines ended by CR LF.
std::string csv(const Sheet &sheet)
{
    std::string out;
    for (size_t c = 0; c < sheet.columns.size(); c++) {
        out += (c ? "," : "") + field(debros::Value(sheet.columns[c]));
    }
    out += "\r\n";
    for (size_t r = 0; r < sheet.rows(); r++) {
        for (size_t c = 0; c < sheet.columns.size(); c++) {
            out += (c ? "," : "") + field(sheet.at(r, c));
        }
        out += "\r\n";
    }
    return out;
}

} // namespace cli
