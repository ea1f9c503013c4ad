/* Shared by log.c (writing), log_recover.c (opening) and log_spare.c (the next segment).
 */
#ifndef DBR_STORE_LOG_PRIVATE_H
#define DBR_STORE_LOG_PRIVATE_H

#include "log.h"
#include "path.h"

/* An older segment may go when everything from its successor's `next` on is enough. */
struct dbr_log_segment {
    uint64_t number;
    uint64_t next; /* index of the next entry when it began */
};

/* The next segment, zeroed ahead of time so that a sync never waits for it. */
struct dbr_log_spare {
    struct dbr_file *file; /* NULL: none */
    uint64_t zeroed;       /* bytes written */
    uint64_t synced;       /* of these durable */
    bool given_up;         /* no room: wait until it is needed */
};

/* Entries and the memory they borrow from, as found at open. */
struct dbr_log_found {
    struct dbr_log_state state;
    struct dbr_log_entry *entries;
    size_t n_entries;
    size_t cap_entries;
    uint64_t first;        /* index of entries[0] */
    struct dbr_buf *files; /* one for each segment */
    size_t n_files;
};

struct dbr_log {
    struct dbr_fs *fs;
    const struct dbr_logger *logger;
    size_t segment_size;
    bool failed; /* EIO is final */
    struct dbr_log_head head;
    uint8_t *configuration; /* owned: head.configuration */
    /* the last segment; file NULL: there is none yet */
    struct dbr_file *file;
    uint64_t size;
    size_t offset;                    /* where the next batch goes */
    struct dbr_log_segment *segments; /* oldest first */
    size_t n_segments;
    size_t cap_segments;
    struct dbr_log_spare spare;
    struct dbr_buf batch;
    struct dbr_buf scratch;
    struct dbr_log_found found;
};

void dbr_log_path(char out[DBR_PATH_MAX], uint64_t number);
int dbr_log_add_segment(struct dbr_log *log, uint64_t number, uint64_t next);
/* Takes a copy of the configuration that `head` borrows. */
int dbr_log_set_head(struct dbr_log *log, const struct dbr_log_head *head);

/* Zeroes some more of the spare; errors only put it off. */
void dbr_log_spare_step(struct dbr_log *log, size_t written);
/* Finishes a spare of at least `size` bytes, makes it segment `number` and hands the
 * file over. */
int dbr_log_spare_take(struct dbr_log *log, struct dbr_file **out, uint64_t *size,
                       uint64_t number, size_t needed);
void dbr_log_spare_drop(struct dbr_log *log);

#endif
