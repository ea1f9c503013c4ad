/* An image: all databases of a node at one applied index, in one run of bytes:
 *
 *   "DBRIMAGE" | le32 version | le32 files | le64 index | for each file, by name:
 *   le32 length of the name | le64 length of the content | name | content |
 *   and at the end le32 CRC-32C of everything before
 */
#ifndef DBR_STORE_IMAGE_H
#define DBR_STORE_IMAGE_H

#include "base/buf.h"
#include "base/reader.h"
#include "sql/codec.h"

#define DBR_IMAGE_MAX_FILES 65536u

struct dbr_image {
    uint64_t index;
    uint32_t n_files;
    struct dbr_reader files; /* what is left to read */
};

struct dbr_image_file {
    char name[DBR_SQL_MAX_NAME + 1]; /* the namespace's */
    debros_bytes content;
};

/* 0, or EPROTO: not a whole image. Checks everything, the names too. */
int dbr_image_decode(struct dbr_image *out, debros_bytes bytes);
/* The next file; false at the end. */
bool dbr_image_next(struct dbr_image *image, struct dbr_image_file *out);

/* Files are added in the order of their names. */
void dbr_image_begin(struct dbr_buf *out, uint64_t index, uint32_t n_files);
void dbr_image_add(struct dbr_buf *out, const char *name, debros_bytes content);
void dbr_image_end(struct dbr_buf *out);

#endif
