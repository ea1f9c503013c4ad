// Splits SQL text into statements by the rules of sqlite3_complete(): ';' ends one unless
// it stands in a string, a quoted name, a comment, or the body of CREATE TRIGGER.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace cli
{

// Statements without their ';', without the space around them, and without the comments
// before them; empty ones are left out. An open quote reaches to the end of the text.
std::vector<std::string> split_statements(std::string_view sql);

// The first word of a statement in capitals, after space, comments and '('; "" if none.
std::string first_keyword(std::string_view statement);

} // namespace cli
