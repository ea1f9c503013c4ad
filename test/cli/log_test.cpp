#include "log.hpp"

#include "errors.hpp"

#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

#include <sys/stat.h>
#include <unistd.h>

#include "cmocka.hpp" // its macros, such as fail, come last

using debros::LogRecord;

static LogRecord record(std::string_view peer, std::string_view message)
{
    return {std::chrono::system_clock::time_point(std::chrono::milliseconds(1500)),
            DEBROS_LOG_WARN, "swarm", peer, message};
}

static void lines_for_people(void **)
{
    assert_string_equal(cli::log_line(record("", "hello"), false).c_str(),
                        "1970-01-01T00:00:01.500Z warn swarm: hello\n");
    assert_string_equal(cli::log_line(record("abcd1234", "hello"), false).c_str(),
                        "1970-01-01T00:00:01.500Z warn swarm abcd1234: hello\n");
}

static void lines_for_programs(void **)
{
    assert_string_equal(
        cli::log_line(record("abcd1234", "say \"hi\"\\"), true).c_str(),
        "{\"time\": \"1970-01-01T00:00:01.500Z\", \"level\": \"warn\", \"module\": "
        "\"swarm\", \"peer\": \"abcd1234\", \"message\": \"say \\\"hi\\\"\\\\\"}\n");
    // Whatever the library would give: one line, valid UTF-8.
    std::string bad = cli::log_line(record("", "a\nb\xff\x01"), true);
    assert_int_equal(bad.find('\n'), bad.size() - 1);
    assert_true(bad.find("a\\nb\xEF\xBF\xBD\\u0001") != bad.npos);
}

static std::string read(const std::string &file)
{
    std::ifstream in(file);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

static void a_file_that_was_moved_is_opened_again(void **)
{
    char dir[] = "/tmp/debros-log-XXXXXX";
    assert_non_null(::mkdtemp(dir));
    std::string file = std::string(dir) + "/log", moved = file + ".1";
    {
        cli::LogWriter log(file, false);
        assert_true(log.has_file());
        log.write(record("", "one"));
        assert_int_equal(std::rename(file.c_str(), moved.c_str()), 0);
        log.write(record("", "two"));
        assert_true(log.reopen());
        log.write(record("", "three"));
        // A folder that is gone leaves the open file in use.
        assert_int_equal(std::rename(file.c_str(), (file + ".2").c_str()), 0);
        assert_int_equal(::mkdir(file.c_str(), 0700), 0);
        assert_false(log.reopen());
        log.write(record("", "four"));
    }
    assert_true(read(moved).find("one\n") != std::string::npos);
    assert_true(read(moved).find("two\n") != std::string::npos);
    assert_true(read(file + ".2").find("three\n") != std::string::npos);
    assert_true(read(file + ".2").find("four\n") != std::string::npos);
    ::rmdir(file.c_str());
    ::unlink(moved.c_str());
    ::unlink((file + ".2").c_str());
    ::rmdir(dir);
}

static void a_file_that_cannot_be_opened_is_named(void **)
{
    try {
        cli::LogWriter log("/nonexistent/log", true);
        fail();
    } catch (const cli::Failure &failure) {
        assert_non_null(std::strstr(failure.what(), "/nonexistent/log: No such file"));
    }
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(lines_for_people),
        cmocka_unit_test(lines_for_programs),
        cmocka_unit_test(a_file_that_was_moved_is_opened_again),
        cmocka_unit_test(a_file_that_cannot_be_opened_is_named),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
