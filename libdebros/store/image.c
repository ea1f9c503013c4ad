#include "image.h"

#include <string.h>

#include "crypto/hash.h"
#include "store_private.h"

#define MAGIC       "DBRIMAGE"
#define MAGIC_SIZE  8
#define VERSION     1u
#define SQLITE_HEAD "SQLite format 3"

bool dbr_image_next(struct dbr_image *image, struct dbr_image_file *out)
{
    struct dbr_reader *r = &image->files;
    if (dbr_reader_left(r) == 0) {
        return false;
    }
    uint32_t name_len = dbr_reader_le32(r);
    uint64_t size = dbr_reader_le64(r);
    debros_bytes name = dbr_reader_bytes(r, name_len);
    if (r->bad || name.len > DBR_SQL_MAX_NAME || size > dbr_reader_left(r)) {
        r->bad = true;
        return false;
    }
    memcpy(out->name, name.data, name.len);
    out->name[name.len] = '\0';
    out->content = dbr_reader_bytes(r, (size_t)size);
    return !r->bad;
}

static bool file_ok(const struct dbr_image_file *file, const char *previous)
{
    return strcmp(file->name, previous) > 0 && dbr_namespace_name_ok(file->name) &&
           file->content.len >= sizeof(SQLITE_HEAD) &&
           memcmp(file->content.data, SQLITE_HEAD, sizeof(SQLITE_HEAD)) == 0;
}

/* Walks a copy to the end. */
static bool files_ok(struct dbr_image image)
{
    struct dbr_image_file file;
    char previous[DBR_SQL_MAX_NAME + 1] = "";
    bool has_system = false;
    uint32_t count = 0;
    while (dbr_image_next(&image, &file)) {
        if (!file_ok(&file, previous)) {
            return false;
        }
        has_system = has_system || strcmp(file.name, DBR_SQL_SYSTEM_NAMESPACE) == 0;
        memcpy(previous, file.name, sizeof(previous));
        count++;
    }
    return !image.files.bad && has_system && count == image.n_files;
}

int dbr_image_decode(struct dbr_image *out, debros_bytes bytes)
{
    struct dbr_reader r;
    if (bytes.len < MAGIC_SIZE + 16 + 4) {
        return DEBROS_EPROTO;
    }
    debros_bytes body = dbr_bytes(bytes.data, bytes.len - 4);
    dbr_reader_init(&r, dbr_bytes(bytes.data + body.len, 4));
    if (dbr_reader_le32(&r) != dbr_crc32c(0, body.data, body.len)) {
        return DEBROS_EPROTO;
    }
    dbr_reader_init(&r, body);
    debros_bytes magic = dbr_reader_bytes(&r, MAGIC_SIZE);
    uint32_t version = dbr_reader_le32(&r);
    out->n_files = dbr_reader_le32(&r);
    out->index = dbr_reader_le64(&r);
    out->files = r;
    if (r.bad || memcmp(magic.data, MAGIC, MAGIC_SIZE) != 0 || version != VERSION ||
        out->n_files > DBR_IMAGE_MAX_FILES || !files_ok(*out)) {
        return DEBROS_EPROTO;
    }
    return 0;
}

void dbr_image_begin(struct dbr_buf *out, uint64_t index, uint32_t n_files)
{
    dbr_buf_add(out, MAGIC, MAGIC_SIZE);
    dbr_buf_le32(out, VERSION);
    dbr_buf_le32(out, n_files);
    dbr_buf_le64(out, index);
}

void dbr_image_add(struct dbr_buf *out, const char *name, debros_bytes content)
{
    dbr_buf_le32(out, (uint32_t)strlen(name));
    dbr_buf_le64(out, content.len);
    dbr_buf_str(out, name);
    dbr_buf_add(out, content.data, content.len);
}

void dbr_image_end(struct dbr_buf *out)
{
    dbr_buf_le32(out, dbr_crc32c(0, out->data, out->len));
}
