/* debros_init(): a cluster of one node, in an order that a crash cannot turn against the
 * user: cluster.json comes last and makes the folder a member's. */
#include <string.h>

#include "api/cluster_file.h"
#include "api/config.h"
#include "api/failpoints.h"
#include "api/identity.h"
#include "base/detail.h"
#include "base/failpoint.h"
#include "crypto/system.h"
#include "driver/loop.h"
#include "store/store.h"

static int check_empty(struct dbr_fs *fs, debros_detail *detail)
{
    if (fs->ops->exists(fs, DBR_CLUSTER_FILE)) {
        return dbr_detail_set(detail, DEBROS_EEXISTS, "%s holds a cluster already",
                              fs->root);
    }
    return 0;
}

static int check_log(const struct dbr_store *store, const char *root,
                     debros_detail *detail)
{
    const struct dbr_log_state *log = dbr_store_log_state(store);
    if (log->term != 0 || log->n_entries != 0 || log->snapshot_index != 0) {
        return dbr_detail_set(
            detail, DEBROS_EEXISTS,
            "%s holds a log but no cluster.json: an init was cut off, or "
            "the file was lost. Restore it, or choose another folder",
            root);
    }
    return 0;
}

static int write_log(struct dbr_store *store, const struct dbr_cluster_file *file,
                     const struct dbr_keypair *identity,
                     const struct dbr_keypair *operator_key, struct dbr_rng *rng,
                     debros_detail *detail)
{
    DBR_FAILPOINT("api.init.write_log");
    struct dbr_arena arena;
    struct dbr_log_op *ops = NULL;
    dbr_arena_init(&arena, 0);
    int err = dbr_core_bootstrap(&ops, &arena, file->cluster_id, identity->public_key,
                                 operator_key->public_key, rng, dbr_loop_wall_ms());
    if (err == 0) {
        err = dbr_store_write_log(store, ops, false, detail);
    } else {
        dbr_detail_set(detail, err, "cannot make a cluster: %s", debros_strerror(err));
    }
    dbr_arena_finish(&arena);
    return err;
}

static int make_keys(struct dbr_keypair *identity, struct dbr_keypair *operator_key,
                     struct dbr_config *config, struct dbr_rng *rng,
                     debros_detail *detail)
{
    DBR_FAILPOINT("api.init.make_keys");
    const char *path =
        dbr_config_path(&config->arena, config->c.data_dir, "operator.key");
    if (path == NULL) {
        return dbr_detail_set(detail, DEBROS_ENOMEM, "out of memory");
    }
    int err = dbr_identity_load_or_create(identity, config->identity_path, rng, detail);
    if (err == 0) {
        err = dbr_identity_load_or_create(operator_key, path, rng, detail);
    }
    return err;
}

/* The folder is locked and empty of clusters. */
static int make_cluster(struct dbr_fs *fs, struct dbr_store *store,
                        struct dbr_config *config, debros_detail *detail)
{
    DBR_FAILPOINT("api.init.make_cluster");
    struct dbr_rng rng;
    struct dbr_keypair identity = {0}, operator_key = {0};
    struct dbr_cluster_file file = {0};
    dbr_rng_system(&rng);
    dbr_rng_fill(&rng, file.cluster_id, sizeof(file.cluster_id));
    int err = check_log(store, fs->root, detail);
    if (err == 0) {
        err = make_keys(&identity, &operator_key, config, &rng, detail);
    }
    if (err == 0) {
        err = write_log(store, &file, &identity, &operator_key, &rng, detail);
    }
    if (err == 0) {
        err = dbr_cluster_file_write(&file, fs, detail);
    }
    dbr_keypair_wipe(&identity);
    dbr_keypair_wipe(&operator_key);
    return err;
}

static int init_folder(struct dbr_config *config, debros_detail *detail)
{
    struct dbr_fs *fs = NULL;
    struct dbr_store *store = NULL;
    int err = dbr_fs_posix_create(&fs, config->c.data_dir, detail);
    if (err != 0) {
        return err;
    }
    err = check_empty(fs, detail);
    if (err == 0) {
        struct dbr_store_config store_config;
        dbr_store_config_default(&store_config);
        store_config.fs = fs;
        err = dbr_store_open(&store, &store_config, detail);
    }
    /* Once more: another init may have held the folder until now. */
    if (err == 0) {
        err = check_empty(fs, detail);
    }
    if (err == 0) {
        err = make_cluster(fs, store, config, detail);
    }
    dbr_store_close(store);
    dbr_fs_posix_destroy(fs);
    return err;
}

int debros_init(const debros_config *from, debros_detail *detail)
{
    struct dbr_config config;
    dbr_failpoints_from_environment();
    int err = dbr_crypto_init();
    if (err != 0) {
        return dbr_detail_set(detail, err, "libsodium does not start");
    }
    err = dbr_config_init(&config, from, detail);
    if (err != 0) {
        return err;
    }
    if (config.c.client) {
        err = dbr_detail_set(detail, DEBROS_EINVAL, "a client makes no cluster");
    } else {
        err = init_folder(&config, detail);
    }
    dbr_config_finish(&config);
    return err;
}
