#include "transfer/job.h"

#include "base/alloc.h"

struct dbr_bulk_job *dbr_bulk_job_create(enum dbr_bulk_job_type type)
{
    struct dbr_bulk_job *job = dbr_calloc(1, sizeof(*job));
    if (job != NULL) {
        job->type = type;
    }
    return job;
}

void dbr_bulk_job_destroy(struct dbr_bulk_job *job)
{
    if (job != NULL) {
        dbr_buf_finish(&job->data);
        dbr_free(job);
    }
}
