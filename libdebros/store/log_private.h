/* Shared by log.c (writing), log_recover.c (opening), log_spare.c (the next segment) and
 * log_vote.c (term and vote once more). */
#ifndef DBR_STORE_LOG_PRIVATE_H
#define DBR_STORE_LOG_PRIVATE_H

#include "log.h"
#include "path.h"
#include "vote.h"

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

/* The file log/vote. */
struct dbr_log_votes {
    struct dbr_file *file; /* NULL: not open */
    struct dbr_vote last;  /* its newest slot */
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
    struct dbr_log_votes votes;
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


/* Opens log/vote or, for a new log, makes it. EIO: damaged or missing. */
int dbr_log_vote_open(struct dbr_log *log, bool is_new, debros_detail *detail);
/* After recovery: whether the log holds what its newest slot says. */
int dbr_log_vote_check(const struct dbr_log *log, debros_detail *detail);
/* Writes the next slot, durably; `seq` is its own. */
int dbr_log_vote_write(struct dbr_log *log, const struct dbr_vote *vote);
/* The same for where the log stands, when the newest slot says something else. */
int dbr_log_vote_settle(struct dbr_log *log);

#endif
