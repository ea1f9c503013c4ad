#include "fixture.h"
#include "store/image.h"

static void an_image_holds_all_namespaces_at_one_index(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_image image;
    struct dbr_image_file file;
    fixture_init_default(&f);
    fixture_must(&f, "_system", "INSERT INTO namespaces VALUES('b', debros_index())");
    fixture_must(&f, "default", "CREATE TABLE t AS SELECT randomblob(100000) AS a");
    assert_int_equal(fixture_job(&f, DBR_APPLY_IMAGE, 0), 0);
    assert_int_equal(
        dbr_image_decode(&image, dbr_bytes(f.job->image.data, f.job->image.len)), 0);
    assert_int_equal(image.index, f.index);
    assert_int_equal(f.job->applied, f.index);
    assert_int_equal(image.n_files, 3);
    assert_true(dbr_image_next(&image, &file));
    assert_string_equal(file.name, "_system");
    assert_true(dbr_image_next(&image, &file));
    assert_string_equal(file.name, "b");
    assert_true(dbr_image_next(&image, &file));
    assert_string_equal(file.name, "default");
    assert_true(file.content.len > 100000);
    fixture_finish(&f);
}

static void an_image_has_a_limit(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init_default(&f);
    struct dbr_apply_job *job = dbr_apply_job_create(DBR_APPLY_IMAGE);
    job->max_image = 10000;
    dbr_store_apply(f.store, job);
    assert_int_equal(job->status, DEBROS_ELIMIT);
    assert_string_equal(job->detail.text,
                        "the databases do not fit into an image of 10000 bytes");
    assert_int_equal(job->image.len, 0);
    dbr_apply_job_destroy(job);
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_holds_all_namespaces_at_one_index),
        cmocka_unit_test(an_image_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
