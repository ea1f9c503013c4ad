/* IMAGE: all namespaces' databases, as the applier sees them between two batches. */
#include <stdlib.h>
#include <string.h>

#include "base/detail.h"
#include "image.h"
#include "page.h"
#include "run.h"
#include "store_private.h"

static int compare(const void *a, const void *b)
{
    const struct dbr_namespace *const *x = a;
    const struct dbr_namespace *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* Those that _system knows, and itself, by name. */
static struct dbr_namespace **sorted(struct dbr_store *store, size_t *count)
{
    size_t n = HASH_COUNT(store->namespaces);
    struct dbr_namespace **list = dbr_calloc(n, sizeof(struct dbr_namespace *));
    *count = 0;
    struct dbr_namespace *ns = NULL;
    for (ns = store->namespaces; list != NULL && ns != NULL; ns = ns->hh.next) {
        if (ns->created != 0 || ns == store->system) {
            list[(*count)++] = ns;
        }
    }
    if (list != NULL) {
        qsort(list, *count, sizeof(struct dbr_namespace *), compare);
    }
    return list;
}

static int failed(struct dbr_store *store, struct dbr_namespace *ns,
                  debros_detail *detail)
{
    int rc = sqlite3_extended_errcode(ns->db->sql);
    int err = dbr_run_trouble(rc, dbr_vfs_error(store->vfs, false));
    err = err == 0 ? DEBROS_ENOMEM : err;
    return dbr_detail_set(detail, err, "%s/db/%s.db: cannot be copied: %s",
                          store->fs->root, ns->name, debros_strerror(err));
}

static int add_one(struct dbr_store *store, struct dbr_namespace *ns,
                   struct dbr_apply_job *job)
{
    sqlite3_int64 size = 0;
    ns->db->trusted = true;
    (void)sqlite3_serialize(ns->db->sql, "main", &size, SQLITE_SERIALIZE_NOCOPY);
    bool fits = size >= 0 && (uint64_t)size <= job->max_image &&
                job->image.len <= job->max_image - (size_t)size;
    unsigned char *content =
        fits ? sqlite3_serialize(ns->db->sql, "main", &size, 0) : NULL;
    ns->db->trusted = false;
    if (size >= 0 && !fits) {
        return dbr_detail_set(&job->detail, DEBROS_ELIMIT,
                              "the databases do not fit into an image of %zu bytes",
                              job->max_image);
    }
    if (content == NULL) {
        return failed(store, ns, &job->detail);
    }
    dbr_page_seal_all(content, (size_t)size);
    dbr_image_add(&job->image, ns->name, dbr_bytes(content, (size_t)size));
    sqlite3_free(content);
    return 0;
}

/* The log's last entries may be none of ours (barriers, configurations): all commands up
 * to the asked index are applied when the job's turn comes. */
static uint64_t image_index(struct dbr_store *store, const struct dbr_apply_job *job)
{
    uint64_t applied = atomic_load(&store->applied);
    return job->index > applied ? job->index : applied;
}

void dbr_apply_image(struct dbr_store *store, struct dbr_apply_job *job)
{
    size_t count = 0;
    struct dbr_namespace **list = sorted(store, &count);
    int err = list == NULL
                  ? dbr_detail_set(&job->detail, DEBROS_ENOMEM, "image: out of memory")
                  : 0;
    dbr_vfs_error(store->vfs, true);
    dbr_buf_clear(&job->image);
    dbr_image_begin(&job->image, image_index(store, job), (uint32_t)count);
    for (size_t i = 0; err == 0 && i < count; i++) {
        err = add_one(store, list[i], job);
    }
    dbr_image_end(&job->image);
    if (err == 0 && job->image.failed) {
        err = dbr_detail_set(&job->detail, DEBROS_ENOMEM, "image: out of memory");
    }
    if (err == 0 && job->image.len > job->max_image) {
        err = dbr_detail_set(&job->detail, DEBROS_ELIMIT,
                             "the databases do not fit into an image of %zu bytes",
                             job->max_image);
    }
    if (err != 0) {
        dbr_buf_finish(&job->image);
    }
    dbr_free(list);
    job->status = err;
}
