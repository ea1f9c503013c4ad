#include "splitter.hpp"

#include <cctype>

namespace cli
{
namespace
{

bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

bool is_word(char c)
{
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' ||
           static_cast<unsigned char>(c) >= 0x80;
}

struct Token {
    enum Kind { end, blank, semicolon, word, other } kind;
    std::string_view text;
};

size_t quoted_length(std::string_view sql)
{
    char close = sql[0] == '[' ? ']' : sql[0];
    size_t at = sql.find(close, 1);
    return at == sql.npos ? sql.size() : at + 1;
}

size_t comment_length(std::string_view sql)
{
    if (sql.substr(0, 2) == "--") {
        size_t at = sql.find('\n');
        return at == sql.npos ? sql.size() : at + 1;
    }
    if (sql.substr(0, 2) == "/*") {
        size_t at = sql.find("*/", 2);
        return at == sql.npos ? sql.size() : at + 2;
    }
    return 0;
}

// The token at the start of `sql`. A doubled quote is two quoted runs: same outcome.
Token next_token(std::string_view sql)
{
    if (sql.empty()) {
        return {Token::end, sql};
    }
    if (size_t n = comment_length(sql)) {
        return {Token::blank, sql.substr(0, n)};
    }
    char c = sql[0];
    if (c == '\'' || c == '"' || c == '`' || c == '[') {
        return {Token::other, sql.substr(0, quoted_length(sql))};
    }
    if (c == ';') {
        return {Token::semicolon, sql.substr(0, 1)};
    }
    size_t n = 1;
    if (is_space(c)) {
        return {Token::blank, sql.substr(0, 1)};
    }
    if (!is_word(c)) {
        return {Token::other, sql.substr(0, 1)};
    }
    while (n < sql.size() && is_word(sql[n])) {
        n++;
    }
    return {Token::word, sql.substr(0, n)};
}

std::string upper(std::string_view text)
{
    std::string out(text);
    for (char &c : out) {
        c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    return out;
}

// Knows whether ';' ends the statement: the automaton of sqlite3_complete().
class Trigger
{
  public:
    // Told every token that is not blank.
    void feed(const Token &token)
    {
        std::string word = token.kind == Token::word ? upper(token.text) : "";
        bool semicolon = token.kind == Token::semicolon;
        switch (state_) {
        case start:
            state_ = word == "CREATE" ? create : word == "EXPLAIN" ? explain : plain;
            break;
        case explain: // EXPLAIN [QUERY PLAN] CREATE ...
            state_ = word == "CREATE"                    ? create
                     : word == "QUERY" || word == "PLAN" ? explain
                                                         : plain;
            break;
        case create:
            state_ = word == "TEMP" || word == "TEMPORARY" ? create
                     : word == "TRIGGER"                   ? body
                                                           : plain;
            break;
        case body:
            state_ = semicolon ? body_semicolon : body;
            break;
        case body_semicolon:
            state_ = semicolon ? body_semicolon : word == "END" ? body_end : body;
            break;
        case body_end:
            state_ = semicolon ? plain : body;
            break;
        case plain:
            break;
        }
    }
    // Asked after feed() of a ';'.
    bool inside() const
    {
        return state_ == body || state_ == body_semicolon || state_ == body_end;
    }

  private:
    enum { start, explain, create, body, body_semicolon, body_end, plain } state_ = start;
};

std::string trimmed(std::string_view text)
{
    while (!text.empty() && is_space(text.back())) {
        text.remove_suffix(1);
    }
    return std::string(text);
}

} // namespace

std::vector<std::string> split_statements(std::string_view sql)
{
    std::vector<std::string> statements;
    Trigger trigger;
    size_t begin = sql.npos; // of the statement; npos: none has begun
    size_t at = 0;
    for (;;) {
        Token token = next_token(sql.substr(at));
        if (token.kind != Token::blank && token.kind != Token::end) {
            trigger.feed(token);
        }
        bool ends = token.kind == Token::end ||
                    (token.kind == Token::semicolon && !trigger.inside());
        if (ends && begin != sql.npos) {
            statements.push_back(trimmed(sql.substr(begin, at - begin)));
        } else if (!ends && token.kind != Token::blank && begin == sql.npos) {
            begin = at;
        }
        if (token.kind == Token::end) {
            return statements;
        }
        if (ends) {
            begin = sql.npos;
            trigger = Trigger();
        }
        at += token.text.size();
    }
}

std::string first_keyword(std::string_view statement)
{
    for (;;) {
        Token token = next_token(statement);
        if (token.kind == Token::word) {
            return upper(token.text);
        }
        if (token.kind != Token::blank && token.text != "(") {
            return "";
        }
        if (token.kind == Token::end) {
            return "";
        }
        statement.remove_prefix(token.text.size());
    }
}

} // namespace cli
