#include <stdio.h>

#include "test.h"

#include "base/text.h"

static size_t format(char *out, size_t cap, const char *pattern, ...)
{
    va_list args;
    va_start(args, pattern);
    size_t len = dbr_text_format(out, cap, pattern, args);
    va_end(args);
    return len;
}

static void what_fits_is_whole(void **state)
{
    (void)state;
    char out[8];
    assert_int_equal(format(out, sizeof(out), "%s-%d", "abc", 123), 7);
    assert_string_equal(out, "abc-123");
    assert_int_equal(format(out, sizeof(out), "%s", ""), 0);
    assert_string_equal(out, "");
}

static void what_does_not_fit_is_cut(void **state)
{
    (void)state;
    char out[8];
    assert_int_equal(format(out, sizeof(out), "%s", "12345678"), 7);
    assert_string_equal(out, "1234567");
    assert_int_equal(format(out, 1, "%s", "x"), 0);
    assert_string_equal(out, "");
}

/* Every cap, with characters of one to four bytes. */
static void characters_are_never_split(void **state)
{
    (void)state;
    static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x8c\x8d";
    static const size_t ends[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10};
    for (size_t cap = 1; cap <= DBR_COUNT(ends); cap++) {
        char out[16];
        assert_int_equal(format(out, cap, "%s", text), ends[cap - 1]);
        assert_memory_equal(out, text, ends[cap - 1]);
        assert_int_equal(out[ends[cap - 1]], 0);
    }
}

static void bytes_that_are_no_text_are_cut_anywhere(void **state)
{
    (void)state;
    char out[8];
    assert_int_equal(format(out, sizeof(out), "%s", "\x80\x80\x80\x80\x80\x80\x80\x80"),
                     7);
    assert_int_equal(format(out, 2, "%s", "\x80\x80"), 1);
}

static void clean(const char *in, const char *wanted)
{
    char text[64];
    snprintf(text, sizeof(text), "%s", in);
    dbr_text_clean(text);
    assert_string_equal(text, wanted);
}

static void lines_become_clean(void **state)
{
    (void)state;
    clean("", "");
    clean("plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
          "plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
    clean("a\nb\x1b[2Jc\x7f", "a b [2Jc ");
    clean("\xc2\x9b"
          "2J",
          "  2J");                                    /* C1: CSI in one character */
    clean("\xff\x80\xc0\xaf", "????");                /* no beginning, overlong */
    clean("\xed\xa0\x80", "???");                     /* a surrogate */
    clean("\xf4\x90\x80\x80\xe0\x80\x80", "???????"); /* above U+10FFFF, overlong */
    clean("ab\xe2\x82", "ab??");                      /* cut at the end */
    clean("\xf0\x9f\x98", "???");
    clean("\xc3", "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_become_clean),
        cmocka_unit_test(what_fits_is_whole),
        cmocka_unit_test(what_does_not_fit_is_cut),
        cmocka_unit_test(characters_are_never_split),
        cmocka_unit_test(bytes_that_are_no_text_are_cut_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
