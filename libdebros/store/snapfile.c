#include "snapfile.h"

#include <inttypes.h>

#include "base/detail.h"

_Static_assert(DBR_DESCRIPTOR_NAME_MAX == DBR_SQL_MAX_NAME, "names of namespaces fit");

#define ID_TEXT (2 * DBR_SNAPSHOT_ID_SIZE + 1)

static const char *id_text(char out[ID_TEXT], const uint8_t *id)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < DBR_SNAPSHOT_ID_SIZE; i++) {
        out[2 * i] = digits[id[i] >> 4];
        out[2 * i + 1] = digits[id[i] & 15];
    }
    out[ID_TEXT - 1] = '\0';
    return out;
}

void dbr_snapfile_out_path(char out[DBR_PATH_MAX], uint64_t freeze, size_t file)
{
    dbr_path_format(out, DBR_IMAGE_FOLDER "/out-%" PRIu64 "-%zu", freeze, file);
}

void dbr_snapfile_in_path(char out[DBR_PATH_MAX], const uint8_t *id)
{
    char text[ID_TEXT];
    dbr_path_format(out, DBR_IMAGE_FOLDER "/in-%s", id_text(text, id));
}

void dbr_snapfile_in_file_path(char out[DBR_PATH_MAX], const uint8_t *id, size_t file)
{
    char text[ID_TEXT];
    dbr_path_format(out, DBR_DB_FOLDER "/in-%s-%zu", id_text(text, id), file);
}

void dbr_snapfile_noted_path(char out[DBR_PATH_MAX], uint64_t index)
{
    dbr_path_format(out, DBR_IMAGE_FOLDER "/%016" PRIx64 ".img", index);
}

int dbr_snapfile_decode(struct dbr_descriptor *out, debros_bytes bytes)
{
    int err = dbr_descriptor_decode(out, bytes);
    bool has_system = false;
    for (size_t i = 0; err == 0 && i < out->n_files; i++) {
        has_system =
            has_system || strcmp(out->files[i].name, DBR_SQL_SYSTEM_NAMESPACE) == 0;
        if (!dbr_namespace_name_ok(out->files[i].name)) {
            has_system = false;
            break;
        }
    }
    if (err == 0 && !has_system) {
        dbr_descriptor_finish(out);
        err = DEBROS_EPROTO;
    }
    return err;
}

int dbr_snapfile_read(struct dbr_fs *fs, const char *path, struct dbr_descriptor *out,
                      debros_detail *detail)
{
    struct dbr_buf bytes = {0};
    int err = dbr_fs_read_file(fs, path, &bytes, DBR_DESCRIPTOR_MAX);
    *out = (struct dbr_descriptor){.n_files = 0};
    if (err != 0) {
        dbr_detail_set(detail, err, "%s/%s: %s", fs->root, path, debros_strerror(err));
    } else {
        err = dbr_snapfile_decode(out, dbr_bytes(bytes.data, bytes.len));
        if (err == DEBROS_EPROTO) {
            err = dbr_detail_set(detail, DEBROS_EIO, "%s/%s: damaged", fs->root, path);
        }
    }
    dbr_buf_finish(&bytes);
    return err;
}

bool dbr_snapfile_is_in(const char *name, const uint8_t *id)
{
    char text[ID_TEXT];
    return strncmp(name, "in-", 3) == 0 &&
           strncmp(name + 3, id_text(text, id), ID_TEXT - 1) == 0;
}

/* ---- Sweeping ------------------------------------------------------------------------
 */

struct sweep {
    struct dbr_fs *fs;
    const char *folder;
    const char *prefix;
    bool (*wants)(void *data, const char *name);
    void *data;
    int err;
};

static void sweep_one(void *data, const char *name)
{
    struct sweep *sweep = data;
    char path[DBR_PATH_MAX];
    if (sweep->err != 0 || strlen(name) >= DBR_PATH_MAX - 16 ||
        strncmp(name, sweep->prefix, strlen(sweep->prefix)) != 0 ||
        !sweep->wants(sweep->data, name)) {
        return;
    }
    dbr_path_format(path, "%s/%s", sweep->folder, name);
    int err = sweep->fs->ops->remove(sweep->fs, path);
    sweep->err = err == DEBROS_ENOTFOUND ? 0 : err;
}

static int sweep_folder(struct sweep *sweep, const char *folder)
{
    sweep->folder = folder;
    int err = sweep->fs->ops->list(sweep->fs, folder, sweep_one, sweep);
    return err == 0 ? sweep->err : err;
}

int dbr_snapfile_sweep(struct dbr_fs *fs, bool (*wants)(void *data, const char *name),
                       void *data)
{
    struct sweep sweep = {.fs = fs, .prefix = "", .wants = wants, .data = data};
    return sweep_folder(&sweep, DBR_IMAGE_FOLDER);
}

int dbr_snapfile_sweep_in(struct dbr_fs *fs, bool (*wants)(void *data, const char *name),
                          void *data)
{
    struct sweep sweep = {.fs = fs, .prefix = "in-", .wants = wants, .data = data};
    int err = sweep_folder(&sweep, DBR_DB_FOLDER);
    return err == 0 ? sweep_folder(&sweep, DBR_IMAGE_FOLDER) : err;
}
