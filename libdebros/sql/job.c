#include "job.h"

#include <string.h>

#include "base/alloc.h"

struct dbr_apply_job *dbr_apply_job_create(enum dbr_apply_job_type type)
{
    struct dbr_apply_job *job = dbr_calloc(1, sizeof(*job));
    if (job != NULL) {
        job->type = type;
    }
    return job;
}

void dbr_apply_job_destroy(struct dbr_apply_job *job)
{
    if (job == NULL) {
        return;
    }
    while (job->entries != NULL) {
        struct dbr_apply_entry *next = job->entries->next;
        dbr_free(job->entries);
        job->entries = next;
    }
    while (job->outcomes != NULL) {
        struct dbr_apply_outcome *next = job->outcomes->next;
        dbr_sql_reply_destroy(job->outcomes->reply);
        dbr_free(job->outcomes);
        job->outcomes = next;
    }
    dbr_free(job);
}

struct dbr_apply_entry *dbr_apply_entry_create(uint64_t index, uint64_t term, bool wanted,
                                               debros_bytes data)
{
    if (data.len > SIZE_MAX - sizeof(struct dbr_apply_entry)) {
        return NULL;
    }
    struct dbr_apply_entry *entry = dbr_malloc(sizeof(*entry) + data.len);
    if (entry == NULL) {
        return NULL;
    }
    uint8_t *copy = (uint8_t *)(entry + 1);
    if (data.len > 0) {
        memcpy(copy, data.data, data.len);
    }
    *entry = (struct dbr_apply_entry){.index = index,
                                      .term = term,
                                      .wanted = wanted,
                                      .data = dbr_bytes(copy, data.len)};
    return entry;
}

struct dbr_query_job *dbr_query_job_create(uint64_t token, const char *ns,
                                           const debros_statement *statement)
{
    struct dbr_query_job *job = dbr_calloc(1, sizeof(*job));
    if (job == NULL) {
        return NULL;
    }
    dbr_arena_init(&job->arena, 0);
    job->token = token;
    job->ns = dbr_arena_strdup(&job->arena, ns);
    if (job->ns == NULL ||
        !dbr_sql_statement_copy(&job->arena, &job->statement, statement)) {
        dbr_query_job_destroy(job);
        return NULL;
    }
    return job;
}

void dbr_query_job_destroy(struct dbr_query_job *job)
{
    if (job != NULL) {
        dbr_sql_reply_destroy(job->reply);
        dbr_arena_finish(&job->arena);
        dbr_free(job);
    }
}
