#include "ahead.h"

#include "base/failpoint.h"

void dbr_ahead_run(struct dbr_store *store, struct dbr_apply_entry *entry)
{
    DBR_FAILPOINT("store.ahead.run");
    struct dbr_ahead *ahead = store->ahead;
    dbr_ahead_drop(store);
    if (!store->ready || store->failed_at != 0) {
        return;
    }
    ahead->job.entries = entry;
    ahead->apply =
        (struct dbr_apply){.store = store, .job = &ahead->job, .quick = true};
    dbr_vfs_error(store->vfs, true);
    if (dbr_apply_run(&ahead->apply) == 0) {
        ahead->index = entry->index;
        ahead->term = entry->term;
    } else {
        dbr_apply_rollback(&ahead->apply);
    }
    ahead->job.entries = NULL;
}

static bool is_its_job(const struct dbr_ahead *ahead, const struct dbr_apply_job *job)
{
    const struct dbr_apply_entry *e = job->entries;
    return job->type == DBR_APPLY_ENTRIES && e != NULL && e->next == NULL &&
           e->index == ahead->index && e->term == ahead->term;
}

bool dbr_ahead_commit(struct dbr_store *store, struct dbr_apply_job *job)
{
    DBR_FAILPOINT("store.ahead.commit");
    struct dbr_ahead *ahead = store->ahead;
    if (ahead->index == 0) {
        return false;
    }
    if (!is_its_job(ahead, job)) {
        dbr_ahead_drop(store);
        return false;
    }
    ahead->index = 0;
    ahead->apply.job = job;
    if (!job->entries->wanted) {
        dbr_apply_drop_outcomes(&ahead->apply);
    }
    if (dbr_apply_end(&ahead->apply) != 0) {
        /* Whatever it is, whoever runs the job anew meets it again and tells. */
        dbr_apply_rollback(&ahead->apply);
        return false;
    }
    dbr_apply_publish(store, job);
    return true;
}

void dbr_ahead_drop(struct dbr_store *store)
{
    struct dbr_ahead *ahead = store->ahead;
    if (ahead->index != 0) {
        ahead->index = 0;
        dbr_apply_rollback(&ahead->apply);
    }
}
