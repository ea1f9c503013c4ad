#include "transfer/job.h"

#include "test.h"

static void a_job_frees_what_it_holds(void **state)
{
    (void)state;
    struct dbr_bulk_job *job = dbr_bulk_job_create(DBR_BULK_VERIFY);
    assert_int_equal(job->type, DBR_BULK_VERIFY);
    assert_false(job->done);
    dbr_buf_str(&job->data, "some bytes");
    dbr_bulk_job_destroy(job);
    dbr_bulk_job_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_job_frees_what_it_holds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
