#include "api/cluster_file.h"

#include <jansson.h>
#include <string.h>

#include "base/buf.h"
#include "base/detail.h"
#include "multi/base58.h"
#include "store/store.h"

#define FILE_MAX (64u << 10)

static int damaged(struct dbr_fs *fs, const char *why, debros_detail *detail)
{
    return dbr_detail_set(detail, DEBROS_EINVAL, "'%s/%s' is damaged: %s", fs->root,
                          DBR_CLUSTER_FILE, why);
}

/* Returns NULL, or what is wrong. */
static const char *decode(struct dbr_cluster_file *out, const json_t *root)
{
    const json_t *id = json_object_get(root, "cluster_id");
    if (!json_is_string(id) || json_string_length(id) != 2 * sizeof(out->cluster_id) ||
        dbr_hex_decode(out->cluster_id, sizeof(out->cluster_id), json_string_value(id)) !=
            0) {
        return "cluster_id is not 32 hex digits";
    }
    const json_t *members = json_object_get(root, "members");
    if (!json_is_array(members) ||
        json_array_size(members) > DBR_CLUSTER_FILE_MAX_MEMBERS) {
        return "members is not a list of addresses";
    }
    out->n_members = json_array_size(members);
    for (size_t i = 0; i < out->n_members; i++) {
        const json_t *member = json_array_get(members, i);
        struct dbr_peer_id peer;
        if (!json_is_string(member) ||
            dbr_multiaddr_parse(&out->members[i], json_string_value(member), NULL) != 0 ||
            !dbr_multiaddr_peer(&out->members[i], &peer)) {
            return "an address of members is none";
        }
    }
    return NULL;
}

int dbr_cluster_file_read(struct dbr_cluster_file *out, struct dbr_fs *fs,
                          debros_detail *detail)
{
    struct dbr_buf content;
    dbr_buf_init(&content);
    memset(out, 0, sizeof(*out));
    int err = dbr_fs_read_file(fs, DBR_CLUSTER_FILE, &content, FILE_MAX);
    if (err != 0) {
        dbr_buf_finish(&content);
        return err == DEBROS_ELIMIT
                   ? damaged(fs, "it is too long", detail)
                   : dbr_detail_set(detail, err, "'%s/%s': %s", fs->root,
                                    DBR_CLUSTER_FILE, debros_strerror(err));
    }
    json_error_t why;
    json_t *root = json_loadb((const char *)content.data, content.len, 0, &why);
    const char *wrong = root == NULL ? why.text : decode(out, root);
    err = wrong == NULL ? 0 : damaged(fs, wrong, detail);
    json_decref(root);
    dbr_buf_finish(&content);
    return err;
}

static json_t *encode(const struct dbr_cluster_file *file)
{
    char id[2 * DBR_CLUSTER_ID_SIZE + 1];
    dbr_hex_encode(id, dbr_bytes(file->cluster_id, sizeof(file->cluster_id)));
    json_t *members = json_array();
    for (size_t i = 0; members != NULL && i < file->n_members; i++) {
        char text[DBR_MULTIADDR_TEXT_SIZE];
        json_t *member = json_string(dbr_multiaddr_text(&file->members[i], text));
        if (json_array_append_new(members, member) != 0) {
            json_decref(members);
            members = NULL;
        }
    }
    /* Takes `members`; NULL when anything is. */
    return json_pack("{s:s, s:o}", "cluster_id", id, "members", members);
}

static int add_text(const char *text, size_t len, void *out)
{
    dbr_buf_add(out, text, len);
    return 0;
}

int dbr_cluster_file_write(const struct dbr_cluster_file *file, struct dbr_fs *fs,
                           debros_detail *detail)
{
    struct dbr_buf content;
    dbr_buf_init(&content);
    json_t *root = encode(file);
    bool encoded =
        root != NULL && json_dump_callback(root, add_text, &content, JSON_INDENT(2)) == 0;
    json_decref(root);
    dbr_buf_str(&content, "\n");
    int err = !encoded || content.failed
                  ? DEBROS_ENOMEM
                  : dbr_fs_write_file(fs, DBR_CLUSTER_FILE,
                                      dbr_bytes(content.data, content.len));
    dbr_buf_finish(&content);
    if (err != 0) {
        return dbr_detail_set(detail, err, "cannot write '%s/%s': %s", fs->root,
                              DBR_CLUSTER_FILE, debros_strerror(err));
    }
    return 0;
}
