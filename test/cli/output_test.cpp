#include "output.hpp"

#include "cmocka.hpp"

#include <cmath>

using cli::Cell;
using cli::Format;
using cli::Sheet;
using debros::Value;

static const Sheet sheet{
    {"id", "name"}, {Value(9007199254740993), Value("cup"), Value(), Value("a,\"b\"")}};

static void json_is_an_array_of_objects(void **)
{
    assert_string_equal(render(Format::json, sheet).c_str(),
                        "[{\"id\": 9007199254740993, \"name\": \"cup\"},\n"
                        " {\"id\": null, \"name\": \"a,\\\"b\\\"\"}]\n");
    assert_string_equal(render(Format::json, Sheet{{"a"}, {}}).c_str(), "[]\n");
}

static void jsonl_is_an_object_in_each_line(void **)
{
    assert_string_equal(render(Format::jsonl, sheet).c_str(),
                        "{\"id\": 9007199254740993, \"name\": \"cup\"}\n"
                        "{\"id\": null, \"name\": \"a,\\\"b\\\"\"}\n");
    assert_string_equal(render(Format::jsonl, Sheet{{"a"}, {}}).c_str(), "");
}

static void csv_follows_rfc_4180(void **)
{
    assert_string_equal(render(Format::csv, sheet).c_str(),
                        "id,name\r\n9007199254740993,cup\r\nNULL,\"a,\"\"b\"\"\"\r\n");
    Sheet odd{{"a,b"}, {Value(""), Value("NULL"), Value(), Value("x\ny"), Value("x\r")}};
    assert_string_equal(render(Format::csv, odd).c_str(),
                        "\"a,b\"\r\n\"\"\r\n\"NULL\"\r\nNULL\r\n\"x\ny\"\r\n\"x\r\"\r\n");
}

static void a_table_aligns_numbers_to_the_right(void **)
{
    Sheet numbers{{"n", "name"}, {Value(1), Value("a"), Value(100), Value("b")}};
    assert_string_equal(render(Format::table, numbers).c_str(),
                        "  n name\n  1 a\n100 b\n");
    assert_string_equal(render(Format::table, Sheet{{"a", "b"}, {}}).c_str(), "a b\n");
    assert_string_equal(render(Format::table, Sheet{}).c_str(), "");
    Sheet nulls{{"n"}, {Value(), Value(12345)}};
    assert_string_equal(render(Format::table, nulls).c_str(), "    n\n NULL\n12345\n");
}

static void a_record_stands_upright_in_a_table(void **)
{
    Sheet record{{"node_id", "up"}, {Value("x"), true}};
    assert_string_equal(render_record(Format::table, record).c_str(),
                        "field   value\nnode_id x\nup      yes\n");
    assert_string_equal(render_record(Format::json, record).c_str(),
                        "{\"node_id\": \"x\", \"up\": true}\n");
}

static void reals_read_back_as_themselves(void **)
{
    const std::pair<double, const char *> reals[] = {{0.1, "0.1"},
                                                     {1.0, "1.0"},
                                                     {1e300, "1e+300"},
                                                     {0.1 + 0.2, "0.30000000000000004"}};
    for (const auto &[real, text] : reals) {
        assert_string_equal(cli::cell_text(Value(real)).c_str(), text);
    }
    assert_string_equal(cli::cell_json(Value(0.1)).c_str(), "0.1");
    assert_string_equal(cli::cell_json(Value(1.0)).c_str(), "1.0");
    assert_string_equal(cli::cell_json(Value(HUGE_VAL)).c_str(), "\"Infinity\"");
    assert_string_equal(cli::cell_json(Value(INT64_MIN)).c_str(), "-9223372036854775808");
}

static void blobs_are_hex_and_bad_text_is_repaired(void **)
{
    assert_string_equal(cli::cell_text(Value(debros::Blob{{0, 171}})).c_str(), "00ab");
    assert_string_equal(cli::cell_json(Value(debros::Blob{{0, 171}})).c_str(),
                        "\"00ab\"");
    assert_string_equal(cli::json_string("a\xff z\xc3\xa9").c_str(),
                        "\"a\xEF\xBF\xBD z\xc3\xa9\"");
    assert_string_equal(cli::json_string(std::string("a\0b", 3)).c_str(),
                        "\"a\\u0000b\"");
    Cell list = cli::List{"x", "y"};
    assert_string_equal(cli::cell_json(list).c_str(), "[\"x\",\"y\"]");
    assert_string_equal(cli::cell_text(list).c_str(), "x y");
}

static void numbers_stand_in_a_row(void **)
{
    Cell numbers = cli::Numbers{3, 0, -1};
    assert_string_equal(cli::cell_json(numbers).c_str(), "[3, 0, -1]");
    assert_string_equal(cli::cell_text(numbers).c_str(), "3 0 -1");
    assert_string_equal(cli::cell_json(Cell(cli::Numbers{})).c_str(), "[]");
}

static void times_are_utc_and_never_is_null(void **)
{
    using debros::UnixTime;
    using std::chrono::milliseconds;
    Value time = cli::time_value(UnixTime(milliseconds(1764358320999)));
    assert_string_equal(time.as<std::string>().c_str(), "2025-11-28T19:32:00Z");
    assert_true(cli::time_value(UnixTime()).is_null());
    assert_string_equal(cli::time_value(UnixTime::max()).as<std::string>().c_str(),
                        "9999-12-31T23:59:59Z");
}

static void what_is_no_text_is_a_blob(void **)
{
    assert_true(cli::text_or_blob("a\tb\n").is<std::string>());
    assert_true(cli::text_or_blob("").is<std::string>());
    assert_true(cli::text_or_blob("a\1").is<debros::Blob>());
    assert_true(cli::text_or_blob("\xff").is<debros::Blob>());
    assert_true(cli::text_or_blob("\x7f").is<debros::Blob>());
    assert_true(cli::text_or_blob("gr\xc3\xbc\xc3\x9f").is<std::string>());
}

static void columns_of_one_name_get_numbers(void **)
{
    debros::Rows rows;
    rows.columns = {"id", "id", "id_2", "id"};
    rows.cells = {Value(1), Value(2), Value(3), Value(4)};
    rows.n_rows = 1;
    Sheet out = cli::sheet_of(rows);
    const char *const expected[] = {"id", "id_3", "id_2", "id_4"};
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(out.columns[i].c_str(), expected[i]);
    }
}

static void numbers_beyond_sqlite_s_are_text(void **)
{
    assert_string_equal(cli::cell_text(cli::integer(INT64_MAX)).c_str(),
                        "9223372036854775807");
    assert_string_equal(cli::cell_json(cli::integer(UINT64_MAX)).c_str(),
                        "\"18446744073709551615\"");
}

static void one_is_singular(void **)
{
    assert_string_equal(cli::plural(0, "bucket").c_str(), "0 buckets");
    assert_string_equal(cli::plural(1, "bucket").c_str(), "1 bucket");
    assert_string_equal(cli::plural(2, "bucket").c_str(), "2 buckets");
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(json_is_an_array_of_objects),
        cmocka_unit_test(jsonl_is_an_object_in_each_line),
        cmocka_unit_test(csv_follows_rfc_4180),
        cmocka_unit_test(a_table_aligns_numbers_to_the_right),
        cmocka_unit_test(a_record_stands_upright_in_a_table),
        cmocka_unit_test(reals_read_back_as_themselves),
        cmocka_unit_test(blobs_are_hex_and_bad_text_is_repaired),
        cmocka_unit_test(numbers_stand_in_a_row),
        cmocka_unit_test(times_are_utc_and_never_is_null),
        cmocka_unit_test(what_is_no_text_is_a_blob),
        cmocka_unit_test(columns_of_one_name_get_numbers),
        cmocka_unit_test(numbers_beyond_sqlite_s_are_text),
        cmocka_unit_test(one_is_singular),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
