#include "lib/test.h"
#include "store/image.h"

static const char head[] = "SQLite format 3";

static struct dbr_buf sample(void)
{
    struct dbr_buf buf;
    dbr_buf_init(&buf);
    dbr_image_begin(&buf, 77, 2);
    dbr_image_add(&buf, "_system", dbr_bytes(head, sizeof(head)));
    dbr_image_add(&buf, "default", dbr_bytes("SQLite format 3\0more", 20));
    dbr_image_end(&buf);
    return buf;
}

static void what_was_put_in_comes_out(void **state)
{
    (void)state;
    struct dbr_buf buf = sample();
    struct dbr_image image;
    struct dbr_image_file file;
    assert_int_equal(dbr_image_decode(&image, dbr_bytes(buf.data, buf.len)), 0);
    assert_int_equal(image.index, 77);
    assert_true(dbr_image_next(&image, &file));
    assert_string_equal(file.name, "_system");
    assert_int_equal(file.content.len, sizeof(head));
    assert_true(dbr_image_next(&image, &file));
    assert_string_equal(file.name, "default");
    assert_int_equal(file.content.len, 20);
    assert_false(dbr_image_next(&image, &file));
    dbr_buf_finish(&buf);
}

static void every_flip_and_every_cut_is_noticed(void **state)
{
    (void)state;
    struct dbr_buf buf = sample();
    struct dbr_image image;
    for (size_t i = 0; i < buf.len; i++) {
        assert_int_equal(dbr_image_decode(&image, dbr_bytes(buf.data, i)), DEBROS_EPROTO);
        buf.data[i] ^= 4;
        assert_int_equal(dbr_image_decode(&image, dbr_bytes(buf.data, buf.len)),
                         DEBROS_EPROTO);
        buf.data[i] ^= 4;
    }
    dbr_buf_finish(&buf);
}

struct wrong {
    const char *names[3];
    uint32_t count;
};

static void wrong_names_are_refused(void **state)
{
    (void)state;
    static const struct wrong wrongs[] = {
        {{"default"}, 1},            /* no _system */
        {{"_system", "_system"}, 2}, /* twice */
        {{"_system", "../x"}, 2},    /* no name */
        {{"_system", "b", "a"}, 3},  /* out of order */
        {{"_system"}, 2},            /* one is missing */
        {{""}, 1},
    };
    for (size_t i = 0; i < DBR_COUNT(wrongs); i++) {
        struct dbr_buf buf;
        struct dbr_image image;
        dbr_buf_init(&buf);
        dbr_image_begin(&buf, 1, wrongs[i].count);
        for (size_t n = 0; n < 3 && wrongs[i].names[n] != NULL; n++) {
            dbr_image_add(&buf, wrongs[i].names[n], dbr_bytes(head, sizeof(head)));
        }
        dbr_image_end(&buf);
        assert_int_equal(dbr_image_decode(&image, dbr_bytes(buf.data, buf.len)),
                         DEBROS_EPROTO);
        dbr_buf_finish(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_in_comes_out),
        cmocka_unit_test(every_flip_and_every_cut_is_noticed),
        cmocka_unit_test(wrong_names_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
