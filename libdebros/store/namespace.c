#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/detail.h"
#include "base/failpoint.h"
#include "memory.h"
#include "run.h"
#include "store_private.h"

bool dbr_namespace_name_ok(const char *name)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    static const char rest[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t len = strlen(name);
    return len >= 1 && len <= DBR_SQL_MAX_NAME && strchr(first, name[0]) != NULL &&
           strspn(name, rest) == len;
}

void dbr_namespace_path(char out[DBR_PATH_MAX], const char *name)
{
    dbr_path_format(out, DBR_DB_FOLDER "/%s.db", name);
}

struct dbr_namespace *dbr_namespace_find(struct dbr_store *store, const char *name)
{
    struct dbr_namespace *ns = NULL;
    HASH_FIND_STR(store->namespaces, name, ns);
    return ns;
}

static void namespace_close(struct dbr_store *store, struct dbr_namespace *ns)
{
    /* The applier's connection is the last: it alone may checkpoint. */
    for (size_t i = 0; ns->readers != NULL && i < store->config.n_readers; i++) {
        dbr_db_close(ns->readers[i]);
    }
    dbr_free(ns->readers);
    dbr_db_close(ns->db);
    dbr_free(ns);
}

static struct dbr_namespace *namespace_add(struct dbr_store *store, const char *name)
{
    struct dbr_namespace *ns = dbr_calloc(1, sizeof(*ns));
    if (ns == NULL) {
        return NULL;
    }
    (void)snprintf(ns->name, sizeof(ns->name), "%s", name);
    ns->readers = dbr_calloc(store->config.n_readers, sizeof(struct dbr_db *));
    if (ns->readers != NULL) {
        (void)pthread_mutex_lock(&store->lock);
        HASH_ADD_STR(store->namespaces, name, ns);
        (void)pthread_mutex_unlock(&store->lock);
        if (dbr_hash_added(ns)) {
            return ns;
        }
    }
    namespace_close(store, ns);
    return NULL;
}

static void namespace_remove(struct dbr_store *store, struct dbr_namespace *ns)
{
    (void)pthread_mutex_lock(&store->lock);
    HASH_DEL(store->namespaces, ns);
    (void)pthread_mutex_unlock(&store->lock);
    namespace_close(store, ns);
}

int dbr_namespace_open(struct dbr_store *store, const char *name, uint64_t applied,
                       struct dbr_namespace **out, debros_detail *detail)
{
    DBR_FAILPOINT("store.namespace.open");
    char path[DBR_PATH_MAX];
    dbr_assert(dbr_namespace_name_ok(name));
    *out = dbr_namespace_find(store, name);
    if (*out != NULL) {
        return 0;
    }
    struct dbr_namespace *ns = namespace_add(store, name);
    if (ns == NULL) {
        return dbr_detail_set(detail, DEBROS_ENOMEM, "namespace %s: out of memory", name);
    }
    dbr_namespace_path(path, name);
    bool system = strcmp(name, DBR_SQL_SYSTEM_NAMESPACE) == 0;
    int err = dbr_db_open(&ns->db, store->vfs, DBR_DB_APPLIER, path, system, detail);
    if (err == 0) {
        ns->db->max_steps = store->config.max_steps;
        err = dbr_memory_open(ns->db, applied, &ns->applied, detail);
    }
    if (err != 0) {
        namespace_remove(store, ns);
        return err;
    }
    *out = ns;
    return 0;
}

void dbr_namespaces_close(struct dbr_store *store)
{
    struct dbr_namespace *ns = NULL;
    struct dbr_namespace *next = NULL;
    HASH_ITER(hh, store->namespaces, ns, next)
    {
        namespace_remove(store, ns);
    }
    store->system = NULL;
}

/* ---- At open ----------------------------------------------------------------------- */

struct open_all {
    struct dbr_store *store;
    debros_detail *detail;
    int err;
};

static void open_file(void *data, const char *file)
{
    struct open_all *all = data;
    char name[DBR_SQL_MAX_NAME + 1];
    size_t len = strlen(file);
    if (all->err != 0 || len < 4 || len - 3 > DBR_SQL_MAX_NAME ||
        strcmp(file + len - 3, ".db") != 0) {
        return;
    }
    (void)snprintf(name, sizeof(name), "%.*s", (int)(len - 3), file);
    struct dbr_namespace *ns = NULL;
    if (dbr_namespace_name_ok(name)) {
        all->err = dbr_namespace_open(all->store, name, 0, &ns, all->detail);
    }
}

int dbr_namespaces_open(struct dbr_store *store, debros_detail *detail)
{
    struct open_all all = {.store = store, .detail = detail};
    int err =
        dbr_namespace_open(store, DBR_SQL_SYSTEM_NAMESPACE, 0, &store->system, detail);
    if (err != 0) {
        return err;
    }
    store->last_unknown = store->system->applied;
    err = store->fs->ops->list(store->fs, DBR_DB_FOLDER, open_file, &all);
    if (err != 0) {
        return dbr_detail_set(detail, err, "%s/%s: cannot be listed: %s", store->fs->root,
                              DBR_DB_FOLDER, debros_strerror(err));
    }
    return all.err;
}

uint64_t dbr_namespaces_applied(const struct dbr_store *store)
{
    uint64_t applied = UINT64_MAX;
    const struct dbr_namespace *ns = NULL;
    for (ns = store->namespaces; ns != NULL; ns = ns->hh.next) {
        applied = ns->applied < applied ? ns->applied : applied;
    }
    return applied;
}

/* ---- What _system knows ------------------------------------------------------------ */

static int reload_row(struct dbr_store *store, sqlite3_stmt *stmt, debros_detail *detail)
{
    DBR_FAILPOINT("store.namespace.reload_row");
    struct dbr_namespace *ns = NULL;
    const char *name = (const char *)sqlite3_column_text(stmt, 0);
    int64_t created = sqlite3_column_int64(stmt, 1);
    if (name == NULL || !dbr_namespace_name_ok(name) || created < 1 ||
        strcmp(name, DBR_SQL_SYSTEM_NAMESPACE) == 0) {
        return 0;
    }
    /* Entries up to its creation are not for it. */
    int err = dbr_namespace_open(store, name, (uint64_t)created, &ns, detail);
    if (err == 0) {
        ns->created = (uint64_t)created;
    }
    return err;
}

int dbr_namespaces_reload(struct dbr_store *store, debros_detail *detail)
{
    struct dbr_namespace *ns = NULL;
    sqlite3_stmt *stmt = NULL;
    for (ns = store->namespaces; ns != NULL; ns = ns->hh.next) {
        ns->created = 0;
    }
    int rc = dbr_internal_get(store->system->db, DBR_INTERNAL_NAMESPACES, &stmt);
    if (rc == SQLITE_ERROR) {
        store->registry_stale = false; /* the table does not exist yet */
        return 0;
    }
    int err = 0;
    while (rc == SQLITE_OK &&
           (rc = dbr_internal_step(store->system->db, stmt)) == SQLITE_ROW) {
        err = reload_row(store, stmt, detail);
        rc = err == 0 ? SQLITE_OK : SQLITE_DONE;
    }
    (void)sqlite3_reset(stmt);
    if (err == 0 && rc != SQLITE_DONE) {
        char words[DBR_VFS_DAMAGE];
        err = dbr_run_trouble(rc, dbr_vfs_error(store->vfs, false));
        err = err == 0 ? DEBROS_EIO : err;
        dbr_detail_set(detail, err, "%s: the table namespaces: %s",
                       DBR_SQL_SYSTEM_NAMESPACE,
                       dbr_db_message(store->system->db, words));
    }
    store->registry_stale = err != 0;
    return err;
}

void dbr_namespaces_publish(struct dbr_store *store)
{
    (void)pthread_mutex_lock(&store->lock);
    for (struct dbr_namespace *ns = store->namespaces; ns != NULL; ns = ns->hh.next) {
        ns->visible = ns->created != 0 || ns == store->system;
    }
    (void)pthread_mutex_unlock(&store->lock);
}

int dbr_namespace_for(struct dbr_store *store, const char *name, uint64_t index,
                      struct dbr_namespace **out, debros_detail *detail)
{
    *out = NULL;
    if (strcmp(name, DBR_SQL_SYSTEM_NAMESPACE) == 0) {
        *out = store->system;
        return 0;
    }
    if (store->registry_stale) {
        int err = dbr_namespaces_reload(store, detail);
        if (err != 0) {
            return err;
        }
    }
    struct dbr_namespace *ns = dbr_namespace_find(store, name);
    if (ns != NULL && ns->created != 0 && ns->created < index) {
        *out = ns;
    }
    return 0;
}
