#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/check.h"
#include "base/detail.h"
#include "base/failpoint.h"
#include "base/reader.h"
#include "log_private.h"
#include "segment.h"
#include "store.h"

/* ---- Entries found --------------------------------------------------------------- */

static int found_push(struct dbr_log_found *found, const struct dbr_log_entry *entry)
{
    if (found->n_entries == found->cap_entries) {
        size_t cap = found->cap_entries == 0 ? 256 : 2 * found->cap_entries;
        void *grown = dbr_realloc_array(found->entries, cap, sizeof(*found->entries));
        if (grown == NULL) {
            return DEBROS_ENOMEM;
        }
        found->entries = grown;
        found->cap_entries = cap;
    }
    found->entries[found->n_entries++] = *entry;
    return 0;
}

/* Entries at `index` and above go; none are left below the first. */
static void found_truncate(struct dbr_log_found *found, uint64_t index)
{
    if (index <= found->first) {
        found->first = index;
        found->n_entries = 0;
    } else if (index - found->first < found->n_entries) {
        found->n_entries = (size_t)(index - found->first);
    }
}

/* Entries below `index` go. */
static void found_drop(struct dbr_log_found *found, uint64_t index)
{
    if (index <= found->first || found->n_entries == 0) {
        return;
    }
    uint64_t gone = index - found->first;
    gone = gone < found->n_entries ? gone : found->n_entries;
    found->n_entries -= (size_t)gone;
    memmove(found->entries, found->entries + gone,
            found->n_entries * sizeof(*found->entries));
    found->first += gone;
}

/* ---- Replaying records ------------------------------------------------------------- */

struct replay {
    struct dbr_log *log;
    struct dbr_log_head head;
    uint64_t number;       /* of the segment being read */
    bool oldest;           /* it is the first that exists */
    bool begun;            /* its first record was read */
    uint64_t previous_end; /* where the segment before ended */
    uint64_t next;         /* out: the next entry's index when it began */
};

static bool same_head(const struct dbr_log_head *a, const struct dbr_log_head *b)
{
    return a->term == b->term && a->vote == b->vote && a->keep_from == b->keep_from &&
           a->next == b->next && a->snapshot_index == b->snapshot_index &&
           a->snapshot_term == b->snapshot_term &&
           a->configuration_index == b->configuration_index &&
           dbr_bytes_equal(a->configuration, b->configuration);
}

static int replay_segment(struct replay *replay, const struct dbr_record *record)
{
    struct dbr_segment_head head;
    int err = dbr_segment_head_decode(&head, record->payload);
    if (err != 0 || head.number != replay->number) {
        return DEBROS_EIO;
    }
    if (replay->oldest) {
        replay->head = head.log;
        replay->log->found.first = head.log.next;
    } else if (head.previous_end != replay->previous_end ||
               !same_head(&head.log, &replay->head)) {
        return DEBROS_EIO; /* the segment before lost its end */
    }
    replay->begun = true;
    replay->next = head.log.next;
    return 0;
}

static int replay_entry(struct replay *replay, const struct dbr_record *record)
{
    uint64_t index = 0;
    struct dbr_log_entry entry;
    if (dbr_entry_decode(&index, &entry, record->payload) != 0 ||
        index != replay->head.next) {
        return DEBROS_EIO;
    }
    replay->head.next++;
    return found_push(&replay->log->found, &entry);
}

static int replay_number(struct replay *replay, const struct dbr_record *record)
{
    struct dbr_reader r;
    dbr_reader_init(&r, record->payload);
    uint64_t value = dbr_reader_le64(&r);
    if (r.bad || dbr_reader_left(&r) != 0) {
        return DEBROS_EIO;
    }
    struct dbr_log_op op = {.value = value, .index = value};
    op.type = record->type == DBR_RECORD_TERM   ? DBR_LOG_TERM
              : record->type == DBR_RECORD_VOTE ? DBR_LOG_VOTE
                                                : DBR_LOG_TRUNCATE;
    if (op.type == DBR_LOG_TRUNCATE) {
        if (value == 0 || value > replay->head.next) {
            return DEBROS_EIO;
        }
        found_truncate(&replay->log->found, value);
    }
    dbr_log_head_apply(&replay->head, &op);
    return 0;
}

static int replay_snapshot(struct replay *replay, const struct dbr_record *record)
{
    struct dbr_log_op op = {
        .type = record->type == DBR_RECORD_INSTALL ? DBR_LOG_INSTALL : DBR_LOG_SNAPSHOT};
    if (dbr_snapshot_decode(&op, record->payload) != 0) {
        return DEBROS_EIO;
    }
    if (op.type == DBR_LOG_INSTALL || op.index >= replay->head.next) {
        replay->log->found.n_entries = 0;
        replay->log->found.first = op.index + 1;
    }
    dbr_log_head_apply(&replay->head, &op);
    return 0;
}

static int replay_record(void *data, const struct dbr_record *record)
{
    struct replay *replay = data;
    if (!replay->begun) {
        return record->type == DBR_RECORD_SEGMENT ? replay_segment(replay, record)
                                                  : DEBROS_EIO;
    }
    switch (record->type) {
    case DBR_RECORD_TERM:
    case DBR_RECORD_VOTE:
    case DBR_RECORD_TRUNCATE:
        return replay_number(replay, record);
    case DBR_RECORD_ENTRY:
        return replay_entry(replay, record);
    case DBR_RECORD_SNAPSHOT:
    case DBR_RECORD_INSTALL:
        return replay_snapshot(replay, record);
    default:
        return DEBROS_EIO;
    }
}

/* ---- Files ---------------------------------------------------------------------------
 */

struct numbers {
    uint64_t *items;
    size_t count;
    size_t cap;
    bool failed;
};

static void note_number(void *data, const char *name)
{
    struct numbers *numbers = data;
    uint64_t number = 0;
    char suffix[5] = "";
    if (strlen(name) != 20 || sscanf(name, "%16" SCNx64 "%4s", &number, suffix) != 2 ||
        strcmp(suffix, ".seg") != 0) {
        return;
    }
    if (numbers->count == numbers->cap) {
        size_t cap = numbers->cap == 0 ? 16 : 2 * numbers->cap;
        void *grown = dbr_realloc_array(numbers->items, cap, sizeof(*numbers->items));
        if (grown == NULL) {
            numbers->failed = true;
            return;
        }
        numbers->items = grown;
        numbers->cap = cap;
    }
    numbers->items[numbers->count++] = number;
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static int list_segments(struct dbr_log *log, struct numbers *numbers,
                         debros_detail *detail)
{
    int err = log->fs->ops->list(log->fs, DBR_LOG_FOLDER, note_number, numbers);
    if (err == 0 && numbers->failed) {
        err = DEBROS_ENOMEM;
    }
    if (err != 0) {
        return dbr_detail_set(detail, err, "%s/%s: cannot be listed: %s", log->fs->root,
                              DBR_LOG_FOLDER, debros_strerror(err));
    }
    if (numbers->count > 0) {
        qsort(numbers->items, numbers->count, sizeof(*numbers->items), compare_numbers);
    }
    for (size_t i = 1; i < numbers->count; i++) {
        if (numbers->items[i] != numbers->items[i - 1] + 1) {
            char path[DBR_PATH_MAX];
            dbr_log_path(path, numbers->items[i - 1] + 1);
            return dbr_detail_set(detail, DEBROS_EIO, "%s/%s: is missing", log->fs->root,
                                  path);
        }
    }
    return 0;
}

/* Makes the end of the last segment what it was read as: zero behind it, and durable,
 * since bytes that a dead process left in the cache count from now on. */
static int settle_end(struct dbr_log *log, const char *path,
                      const struct dbr_segment_end *end)
{
    DBR_FAILPOINT("store.log_recover.settle_end");
    int err = log->fs->ops->open(log->fs, &log->file, path, 0);
    if (err != 0) {
        return err;
    }
    if (end->dirty > end->offset) {
        size_t len = end->dirty - end->offset;
        uint8_t *zeroes = dbr_calloc(1, len);
        err = zeroes == NULL
                  ? DEBROS_ENOMEM
                  : log->fs->ops->write(log->fs, log->file, zeroes, len, end->offset);
        dbr_free(zeroes);
        dbr_log(log->logger, DEBROS_LOG_INFO, "store",
                "%s: cut %zu bytes of an unfinished write at %zu", path, len,
                end->offset);
    }
    if (err == 0) {
        err = log->fs->ops->size(log->fs, log->file, &log->size);
    }
    if (err == 0) {
        err = log->fs->ops->sync(log->fs, log->file);
    }
    log->offset = end->offset;
    return err;
}

static int damaged(struct dbr_log *log, int err, const char *path, size_t offset,
                   debros_detail *detail)
{
    if (err != DEBROS_EIO) {
        return dbr_detail_set(detail, err, "%s/%s: %s", log->fs->root, path,
                              debros_strerror(err));
    }
    return dbr_detail_set(
        detail, DEBROS_EIO,
        "%s/%s: damaged at offset %zu: restore this node from the others "
        "(a new folder, then join)",
        log->fs->root, path, offset);
}

/* Replays one segment. *begun is false for a last one that no batch had reached. */
static int recover_segment(struct replay *replay, bool last, bool *begun,
                           debros_detail *detail)
{
    DBR_FAILPOINT("store.log_recover.recover_segment");
    struct dbr_log *log = replay->log;
    char path[DBR_PATH_MAX];
    dbr_log_path(path, replay->number);
    struct dbr_buf *bytes = &log->found.files[log->found.n_files++];
    int err = dbr_fs_read_written(log->fs, path, bytes);
    if (err != 0) {
        return dbr_detail_set(detail, err, "%s/%s: cannot be read: %s", log->fs->root,
                              path, debros_strerror(err));
    }
    debros_bytes written = dbr_segment_unmask(bytes->data, bytes->len);
    struct dbr_segment_end end;
    replay->begun = false;
    err = dbr_segment_scan(&end, written, replay->number, last, replay_record, replay);
    if (err == 0 && !replay->begun && !last) {
        err = DEBROS_EIO;
    }
    if (err != 0) {
        return damaged(log, err, path, end.offset, detail);
    }
    *begun = replay->begun;
    if (!replay->begun) {
        return 0;
    }
    replay->oldest = false;
    replay->previous_end = end.offset;
    err = dbr_log_add_segment(log, replay->number, replay->next);
    if (err == 0 && log->file != NULL) {
        log->fs->ops->close(log->fs, log->file);
        log->file = NULL;
    }
    /* The one before the last too: the last may turn out never to have begun. */
    if (err == 0) {
        err = settle_end(log, path, &end);
    }
    return err == 0 ? 0
                    : dbr_detail_set(detail, err, "%s/%s: %s", log->fs->root, path,
                                     debros_strerror(err));
}

/* A segment that was named but whose first batch never came. */
static int remove_unbegun(struct dbr_log *log, uint64_t number, debros_detail *detail)
{
    char path[DBR_PATH_MAX];
    dbr_log_path(path, number);
    int err = log->fs->ops->remove(log->fs, path);
    if (err == 0) {
        err = log->fs->ops->sync_dir(log->fs, DBR_LOG_FOLDER);
    }
    return err == 0 ? 0
                    : dbr_detail_set(detail, err, "%s/%s: cannot be removed: %s",
                                     log->fs->root, path, debros_strerror(err));
}

static int recover_all(struct dbr_log *log, const struct numbers *numbers,
                       struct dbr_log_head *head, debros_detail *detail)
{
    struct replay replay = {
        .log = log, .oldest = true, .head = {.keep_from = 1, .next = 1}};
    log->found.first = 1;
    log->found.files = dbr_calloc(numbers->count, sizeof(*log->found.files));
    if (log->found.files == NULL) {
        return dbr_detail_set(detail, DEBROS_ENOMEM, "%s/%s: out of memory",
                              log->fs->root, DBR_LOG_FOLDER);
    }
    for (size_t i = 0; i < numbers->count; i++) {
        bool begun = false;
        replay.number = numbers->items[i];
        int err = recover_segment(&replay, i + 1 == numbers->count, &begun, detail);
        if (err == 0 && !begun) {
            err = remove_unbegun(log, replay.number, detail);
        }
        if (err != 0) {
            return err;
        }
    }
    *head = replay.head;
    if (log->found.first > head->keep_from && head->next > head->keep_from) {
        return dbr_detail_set(
            detail, DEBROS_EIO,
            "%s/%s: the entries from %" PRIu64 " to %" PRIu64 " are missing",
            log->fs->root, DBR_LOG_FOLDER, head->keep_from, log->found.first - 1);
    }
    found_drop(&log->found, head->keep_from);
    return 0;
}

static int recover(struct dbr_log *log, debros_detail *detail)
{
    struct numbers numbers = {0};
    struct dbr_log_head head = {0};
    int err = list_segments(log, &numbers, detail);
    if (err == 0) {
        err = dbr_log_vote_open(log, numbers.count == 0, detail);
    }
    if (err == 0) {
        err = recover_all(log, &numbers, &head, detail);
    }
    dbr_free(numbers.items);
    if (err != 0) {
        return err;
    }
    struct dbr_log_found *found = &log->found;
    found->state = (struct dbr_log_state){.term = head.term,
                                          .vote = head.vote,
                                          .snapshot_index = head.snapshot_index,
                                          .snapshot_term = head.snapshot_term,
                                          .configuration_index = head.configuration_index,
                                          .configuration = head.configuration,
                                          .first_index = head.next - found->n_entries,
                                          .entries = found->entries,
                                          .n_entries = found->n_entries};
    if (dbr_log_set_head(log, &head) != 0) {
        return dbr_detail_set(detail, DEBROS_ENOMEM, "log: out of memory");
    }
    err = dbr_log_vote_check(log, detail);
    if (err != 0) {
        return err;
    }
    err = dbr_log_vote_settle(log);
    return err == 0 ? 0
                    : dbr_detail_set(detail, err, "%s/%s: term and vote: %s",
                                     log->fs->root, DBR_LOG_FOLDER, debros_strerror(err));
}

int dbr_log_open(struct dbr_log **out, struct dbr_fs *fs, size_t segment_size,
                 const struct dbr_logger *logger, debros_detail *detail)
{
    DBR_FAILPOINT("store.log_recover.log_open");
    struct dbr_log *log = dbr_calloc(1, sizeof(*log));
    if (log == NULL) {
        return dbr_detail_set(detail, DEBROS_ENOMEM, "log: out of memory");
    }
    *log = (struct dbr_log){.fs = fs, .logger = logger, .segment_size = segment_size};
    int err = fs->ops->mkdir(fs, DBR_LOG_FOLDER);
    if (err == 0) {
        err = fs->ops->sync_dir(fs, ".");
    }
    if (err != 0) {
        dbr_detail_set(detail, err, "%s/%s: cannot be made: %s", fs->root, DBR_LOG_FOLDER,
                       debros_strerror(err));
    } else {
        dbr_log_spare_drop(log);
        err = recover(log, detail);
    }
    if (err != 0) {
        dbr_log_close(log);
        return err;
    }
    *out = log;
    return 0;
}

const struct dbr_log_state *dbr_log_state(const struct dbr_log *log)
{
    return &log->found.state;
}

void dbr_log_forget_state(struct dbr_log *log)
{
    for (size_t i = 0; i < log->found.n_files; i++) {
        dbr_buf_finish(&log->found.files[i]);
    }
    dbr_free(log->found.files);
    dbr_free(log->found.entries);
    log->found = (struct dbr_log_found){0};
}

void dbr_log_close(struct dbr_log *log)
{
    if (log == NULL) {
        return;
    }
    (void)dbr_log_vote_settle(log); /* what does not succeed is known from the log */
    dbr_log_forget_state(log);
    if (log->votes.file != NULL) {
        log->fs->ops->close(log->fs, log->votes.file);
    }
    if (log->file != NULL) {
        log->fs->ops->close(log->fs, log->file);
    }
    if (log->spare.file != NULL) {
        log->fs->ops->close(log->fs, log->spare.file);
    }
    dbr_buf_finish(&log->batch);
    dbr_buf_finish(&log->scratch);
    dbr_free(log->segments);
    dbr_free(log->configuration);
    dbr_free(log);
}
