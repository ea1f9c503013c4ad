#include "checkpoint.h"

#include <inttypes.h>
#include <string.h>

#include "base/detail.h"
#include "base/failpoint.h"
#include "crypto/hash.h"
#include "store_private.h"

#define MAGIC      "DBCHECK1"
#define MAGIC_SIZE 8u

/* ---- The file's bytes -----------------------------------------------------------------
 */

static bool read_item(struct dbr_reader *r, struct dbr_checkpoint_item *out)
{
    uint32_t len = dbr_reader_le32(r);
    if (r->bad || len > DBR_SQL_MAX_NAME) {
        return false;
    }
    debros_bytes name = dbr_reader_bytes(r, len);
    out->applied = dbr_reader_le64(r);
    if (r->bad) {
        return false;
    }
    memcpy(out->name, name.data, name.len);
    out->name[name.len] = '\0';
    return strlen(out->name) == name.len && dbr_namespace_name_ok(out->name);
}

int dbr_checkpoint_decode(struct dbr_checkpoint *out, debros_bytes bytes)
{
    struct dbr_reader r;
    if (bytes.len < MAGIC_SIZE + 8 || memcmp(bytes.data, MAGIC, MAGIC_SIZE) != 0) {
        return DEBROS_EIO;
    }
    size_t body = bytes.len - 4;
    dbr_reader_init(&r, dbr_bytes(bytes.data + body, 4));
    if (dbr_reader_le32(&r) != dbr_crc32c(0, bytes.data, body)) {
        return DEBROS_EIO;
    }
    dbr_reader_init(&r, dbr_bytes(bytes.data + MAGIC_SIZE, body - MAGIC_SIZE));
    out->n_left = dbr_reader_le32(&r);
    out->rest = r;
    struct dbr_checkpoint_item item;
    for (uint32_t i = 0; i < out->n_left; i++) {
        if (!read_item(&r, &item)) {
            return DEBROS_EIO;
        }
    }
    return dbr_reader_left(&r) == 0 ? 0 : DEBROS_EIO;
}

bool dbr_checkpoint_next(struct dbr_checkpoint *checkpoint,
                         struct dbr_checkpoint_item *out)
{
    if (checkpoint->n_left == 0) {
        return false;
    }
    checkpoint->n_left--;
    return read_item(&checkpoint->rest, out);
}

/* ---- The file -------------------------------------------------------------------------
 */

int dbr_checkpoint_write(struct dbr_store *store, debros_detail *detail)
{
    DBR_FAILPOINT("store.checkpoint.write");
    struct dbr_buf buf;
    const struct dbr_namespace *ns = NULL;
    dbr_buf_init(&buf);
    dbr_buf_add(&buf, MAGIC, MAGIC_SIZE);
    dbr_buf_le32(&buf, (uint32_t)HASH_COUNT(store->namespaces));
    for (ns = store->namespaces; ns != NULL; ns = ns->hh.next) {
        dbr_buf_le32(&buf, (uint32_t)strlen(ns->name));
        dbr_buf_str(&buf, ns->name);
        dbr_buf_le64(&buf, ns->applied);
    }
    dbr_buf_le32(&buf, dbr_crc32c(0, buf.data, buf.len));
    int err = buf.failed ? DEBROS_ENOMEM
              : buf.len > DBR_CHECKPOINT_MAX
                  ? DEBROS_ELIMIT
                  : dbr_fs_write_file(store->fs, DBR_CHECKPOINT_PATH,
                                      dbr_bytes(buf.data, buf.len));
    dbr_buf_finish(&buf);
    return err == 0 ? 0
                    : dbr_detail_set(detail, err, "%s/%s: %s", store->fs->root,
                                     DBR_CHECKPOINT_PATH, debros_strerror(err));
}

static int check_one(struct dbr_store *store, const struct dbr_checkpoint_item *item,
                     debros_detail *detail)
{
    const struct dbr_namespace *ns = dbr_namespace_find(store, item->name);
    if (ns == NULL) {
        return dbr_detail_set(detail, DEBROS_EIO,
                              "%s/db/%s.db: is missing: restore this node from the "
                              "others (a new folder, then join)",
                              store->fs->root, item->name);
    }
    if (ns->applied < item->applied) {
        return dbr_detail_set(
            detail, DEBROS_EIO,
            "%s/db/%s.db-wal: damaged: the database ends at entry %" PRIu64
            ", a checkpoint had made entry %" PRIu64 " durable: restore this node from "
            "the others (a new folder, then join)",
            store->fs->root, item->name, ns->applied, item->applied);
    }
    return 0;
}

int dbr_checkpoint_check(struct dbr_store *store, debros_detail *detail)
{
    DBR_FAILPOINT("store.checkpoint.check");
    struct dbr_buf buf;
    struct dbr_checkpoint checkpoint;
    struct dbr_checkpoint_item item;
    dbr_buf_init(&buf);
    int err = dbr_fs_read_file(store->fs, DBR_CHECKPOINT_PATH, &buf, DBR_CHECKPOINT_MAX);
    if (err == 0 &&
        dbr_checkpoint_decode(&checkpoint, dbr_bytes(buf.data, buf.len)) != 0) {
        err = dbr_detail_set(detail, DEBROS_EIO,
                             "%s/%s: damaged: restore this node from the others (a new "
                             "folder, then join)",
                             store->fs->root, DBR_CHECKPOINT_PATH);
    } else if (err == DEBROS_ENOTFOUND) {
        err = 0; /* none was made since the databases came */
        checkpoint = (struct dbr_checkpoint){0};
    } else if (err != 0) {
        dbr_detail_set(detail, err, "%s/%s: cannot be read: %s", store->fs->root,
                       DBR_CHECKPOINT_PATH, debros_strerror(err));
    }
    while (err == 0 && dbr_checkpoint_next(&checkpoint, &item)) {
        err = check_one(store, &item, detail);
    }
    dbr_buf_finish(&buf);
    return err;
}
