#include "splitter.hpp"

#include "cmocka.hpp"

using cli::first_keyword;
using cli::split_statements;
using Statements = std::vector<std::string>;

static void splits(const char *sql, const Statements &expected)
{
    auto statements = split_statements(sql);
    assert_int_equal(statements.size(), expected.size());
    for (size_t i = 0; i < expected.size(); i++) {
        assert_string_equal(statements[i].c_str(), expected[i].c_str());
    }
}

static void a_semicolon_ends_a_statement(void **)
{
    splits("SELECT 1; SELECT 2", {"SELECT 1", "SELECT 2"});
    splits("SELECT 1;", {"SELECT 1"});
    splits(" ;; \n ; SELECT 1 ; ;", {"SELECT 1"});
    splits("", {});
    splits("-- nothing\n/* at all */", {});
}

static void quotes_and_comments_hide_semicolons(void **)
{
    splits("SELECT ';', 'it''s;', \";\", `;`, [;]; SELECT 2",
           {"SELECT ';', 'it''s;', \";\", `;`, [;]", "SELECT 2"});
    splits("SELECT 1 -- a;b\n, 2; SELECT /* c;d */ 3",
           {"SELECT 1 -- a;b\n, 2", "SELECT /* c;d */ 3"});
    splits("/* first; */ SELECT 1; -- last;\n", {"SELECT 1"});
}

static void what_is_open_reaches_to_the_end(void **)
{
    splits("SELECT 'a; SELECT 2;", {"SELECT 'a; SELECT 2;"});
    splits("SELECT 1 /* a; SELECT 2;", {"SELECT 1 /* a; SELECT 2;"});
    splits("SELECT [a; b", {"SELECT [a; b"});
}

static void a_trigger_body_keeps_its_semicolons(void **)
{
    const char *trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n"
                          "  INSERT INTO b VALUES (CASE WHEN 1 THEN 2 END);\n"
                          "  UPDATE c SET d = 'END;';\n"
                          "END";
    splits((std::string(trigger) + "; SELECT 1;").c_str(), {trigger, "SELECT 1"});
    splits("create temp trigger t after delete on a begin select 1; end; select 2",
           {"create temp trigger t after delete on a begin select 1; end", "select 2"});
    splits("CREATE TEMPORARY TRIGGER t BEGIN SELECT 1; END ; SELECT 2",
           {"CREATE TEMPORARY TRIGGER t BEGIN SELECT 1; END", "SELECT 2"});
    splits("EXPLAIN CREATE TRIGGER t BEGIN SELECT 1; END; SELECT 2",
           {"EXPLAIN CREATE TRIGGER t BEGIN SELECT 1; END", "SELECT 2"});
    splits("CREATE TRIGGER t BEGIN SELECT 1; /* x */ END -- y\n; SELECT 2",
           {"CREATE TRIGGER t BEGIN SELECT 1; /* x */ END -- y", "SELECT 2"});
}

static void other_statements_are_not_triggers(void **)
{
    splits("CREATE TABLE trigger_log(a); SELECT 1",
           {"CREATE TABLE trigger_log(a)", "SELECT 1"});
    splits("CREATE TABLE a(b); CREATE TRIGGER t BEGIN SELECT 1; END; DROP TRIGGER t; "
           "SELECT 1",
           {"CREATE TABLE a(b)", "CREATE TRIGGER t BEGIN SELECT 1; END", "DROP TRIGGER t",
            "SELECT 1"});
}

static void the_first_keyword_follows_comments(void **)
{
    assert_string_equal(first_keyword("select 1").c_str(), "SELECT");
    assert_string_equal(first_keyword("/* a */ -- b\n  Values (1)").c_str(), "VALUES");
    assert_string_equal(first_keyword("(SELECT 1)").c_str(), "SELECT");
    assert_string_equal(first_keyword("WITH a AS (SELECT 1) SELECT 2").c_str(), "WITH");
    assert_string_equal(first_keyword("").c_str(), "");
    assert_string_equal(first_keyword("'x'").c_str(), "");
    assert_string_equal(first_keyword("-- only").c_str(), "");
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_semicolon_ends_a_statement),
        cmocka_unit_test(quotes_and_comments_hide_semicolons),
        cmocka_unit_test(what_is_open_reaches_to_the_end),
        cmocka_unit_test(a_trigger_body_keeps_its_semicolons),
        cmocka_unit_test(other_statements_are_not_triggers),
        cmocka_unit_test(the_first_keyword_follows_comments),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
