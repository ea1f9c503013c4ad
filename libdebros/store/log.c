#include "log.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/check.h"
#include "base/detail.h"
#include "base/failpoint.h"
#include "log_private.h"
#include "record.h"

#define SEGMENT_MAX UINT32_MAX /* offsets in records have 32 bits */

void dbr_log_path(char out[DBR_PATH_MAX], uint64_t number)
{
    dbr_path_format(out, DBR_LOG_FOLDER "/%016" PRIx64 ".seg", number);
}

int dbr_log_add_segment(struct dbr_log *log, uint64_t number, uint64_t next)
{
    DBR_FAILPOINT("store.log.add_segment");
    if (log->n_segments == log->cap_segments) {
        size_t cap = log->cap_segments == 0 ? 8 : 2 * log->cap_segments;
        void *grown = dbr_realloc_array(log->segments, cap, sizeof(*log->segments));
        if (grown == NULL) {
            return DEBROS_ENOMEM;
        }
        log->segments = grown;
        log->cap_segments = cap;
    }
    log->segments[log->n_segments++] =
        (struct dbr_log_segment){.number = number, .next = next};
    return 0;
}

int dbr_log_set_head(struct dbr_log *log, const struct dbr_log_head *head)
{
    uint8_t *copy = dbr_memdup(head->configuration.data, head->configuration.len);
    if (copy == NULL) {
        return DEBROS_ENOMEM;
    }
    size_t len = head->configuration.len;
    dbr_free(log->configuration);
    log->configuration = copy;
    log->head = *head;
    log->head.configuration = dbr_bytes(copy, len);
    return 0;
}

/* ---- Encoding -------------------------------------------------------------------- */

static size_t op_size(const struct dbr_log_op *op)
{
    size_t size = 0;
    switch (op->type) {
    case DBR_LOG_APPEND:
        for (size_t i = 0; i < op->n_entries; i++) {
            size += dbr_record_size(DBR_ENTRY_HEAD + op->entries[i].data.len);
        }
        return size;
    case DBR_LOG_SNAPSHOT:
    case DBR_LOG_INSTALL:
        return dbr_record_size(36 + op->configuration.len);
    default:
        return dbr_record_size(8);
    }
}

struct encoder {
    struct dbr_buf *out;
    struct dbr_buf *scratch; /* of a record's head */
    uint64_t segment;
    size_t batch;
};

static void encode_record(struct encoder *e, enum dbr_record_type type, debros_bytes data)
{
    struct dbr_record_place place = {
        .segment = e->segment, .offset = e->batch + e->out->len, .batch = e->batch};
    dbr_record_add(e->out, &place, type, dbr_bytes(e->scratch->data, e->scratch->len),
                   data);
    dbr_buf_clear(e->scratch);
}

static void encode_number(struct encoder *e, enum dbr_record_type type, uint64_t value)
{
    dbr_buf_le64(e->scratch, value);
    encode_record(e, type, dbr_bytes(NULL, 0));
}

static void encode_op(struct encoder *e, const struct dbr_log_op *op)
{
    switch (op->type) {
    case DBR_LOG_TERM:
        encode_number(e, DBR_RECORD_TERM, op->value);
        break;
    case DBR_LOG_VOTE:
        encode_number(e, DBR_RECORD_VOTE, op->value);
        break;
    case DBR_LOG_TRUNCATE:
        encode_number(e, DBR_RECORD_TRUNCATE, op->index);
        break;
    case DBR_LOG_APPEND:
        for (size_t i = 0; i < op->n_entries; i++) {
            dbr_entry_head_encode(e->scratch, op->index + i, &op->entries[i]);
            encode_record(e, DBR_RECORD_ENTRY, op->entries[i].data);
        }
        break;
    case DBR_LOG_SNAPSHOT:
    case DBR_LOG_INSTALL:
        dbr_snapshot_encode(e->scratch, op);
        encode_record(
            e, op->type == DBR_LOG_SNAPSHOT ? DBR_RECORD_SNAPSHOT : DBR_RECORD_INSTALL,
            dbr_bytes(NULL, 0));
        break;
    }
}

/* ---- Writing --------------------------------------------------------------------- */

/* Where a batch goes. */
struct target {
    struct dbr_file *file;
    uint64_t size;
    uint64_t number;
    size_t offset;
};

static int report(struct dbr_log *log, int err, debros_detail *detail)
{
    if (err == DEBROS_ENOMEM || err == DEBROS_ENOSPC) {
        return dbr_detail_set(detail, DEBROS_ENOSPC, "%s/%s: %s; the log waits for room",
                              log->fs->root, DBR_LOG_FOLDER, debros_strerror(err));
    }
    log->failed = true;
    char path[DBR_PATH_MAX] = DBR_LOG_FOLDER;
    if (log->n_segments > 0) {
        dbr_log_path(path, log->segments[log->n_segments - 1].number);
    }
    return dbr_detail_set(detail, DEBROS_EIO,
                          "%s/%s: writing failed (%s): check the disk, then start again",
                          log->fs->root, path, debros_err_name(err));
}

/* Begins the batch of a new segment with the state so far. */
static int roll(struct dbr_log *log, struct target *target, size_t needed)
{
    DBR_FAILPOINT("store.log.roll");
    uint64_t number =
        log->n_segments == 0 ? 1 : log->segments[log->n_segments - 1].number + 1;
    struct dbr_segment_head head = {
        .number = number, .previous_end = log->offset, .log = log->head};
    struct encoder e = {.out = &log->batch, .scratch = &log->scratch, .segment = number};
    dbr_segment_head_encode(&log->scratch, &head);
    encode_record(&e, DBR_RECORD_SEGMENT, dbr_bytes(NULL, 0));
    int err = dbr_log_add_segment(log, number, log->head.next);
    if (err != 0) {
        return err;
    }
    log->n_segments--; /* room for it: commit() cannot fail */
    *target = (struct target){.number = number};
    return dbr_log_spare_take(log, &target->file, &target->size, number,
                              log->batch.len + needed);
}

static int choose_target(struct dbr_log *log, struct target *target, size_t needed)
{
    if (log->file != NULL && needed <= log->size - log->offset) {
        *target = (struct target){.file = log->file,
                                  .size = log->size,
                                  .number = log->segments[log->n_segments - 1].number,
                                  .offset = log->offset};
        return 0;
    }
    return roll(log, target, needed);
}

static void commit(struct dbr_log *log, const struct target *target)
{
    DBR_FAILPOINT("store.log.commit");
    if (target->file != log->file) {
        if (log->file != NULL) {
            log->fs->ops->close(log->fs, log->file);
        }
        log->file = target->file;
        log->size = target->size;
        (void)dbr_log_add_segment(log, target->number, log->head.next);
    }
    log->offset = target->offset + log->batch.len;
}

/* Segments that only hold entries below keep_from go, oldest first; one that stays is
 * tried again after the next snapshot. */
static void remove_old(struct dbr_log *log)
{
    DBR_FAILPOINT("store.log.remove_old");
    while (log->n_segments > 1 && log->segments[1].next <= log->head.keep_from) {
        char path[DBR_PATH_MAX];
        dbr_log_path(path, log->segments[0].number);
        int err = log->fs->ops->remove(log->fs, path);
        if (err == 0 || err == DEBROS_ENOTFOUND) {
            err = log->fs->ops->sync_dir(log->fs, DBR_LOG_FOLDER);
        }
        if (err != 0) {
            dbr_log(log->logger, DEBROS_LOG_WARN, "store", "%s stays: %s", path,
                    debros_strerror(err));
            return;
        }
        log->n_segments--;
        memmove(log->segments, log->segments + 1,
                log->n_segments * sizeof(*log->segments));
    }
}

/* What goes on while a batch is being written. */
struct meanwhile {
    void (*run)(void *data); /* NULL: nothing */
    void *data;
};

/* Makes the batch durable. */
static int put_batch(struct dbr_log *log, const struct target *target,
                     const struct meanwhile *meanwhile)
{
    const struct dbr_fs_ops *ops = log->fs->ops;
    const struct dbr_buf *batch = &log->batch;
    int err = ops->write(log->fs, target->file, batch->data, batch->len, target->offset);
    if (err == 0 && meanwhile->run != NULL) {
        ops->start_writeback(log->fs, target->file, batch->len, target->offset);
        meanwhile->run(meanwhile->data);
    }
    return err == 0 ? ops->sync(log->fs, target->file) : err;
}

/* Adds the operations to the batch; `head` becomes what they leave. */
static int encode_batch(struct dbr_log *log, const struct dbr_log_op *ops,
                        const struct target *target, struct dbr_log_head *head)
{
    struct encoder e = {.out = &log->batch,
                        .scratch = &log->scratch,
                        .segment = target->number,
                        .batch = target->offset};
    for (const struct dbr_log_op *op = ops; op != NULL; op = op->next) {
        dbr_assert(op->type != DBR_LOG_APPEND || op->index == head->next);
        dbr_assert(op->type != DBR_LOG_TRUNCATE || op->index <= head->next);
        encode_op(&e, op);
        dbr_log_head_apply(head, op);
    }
    bool failed = log->batch.failed || log->scratch.failed;
    log->batch.failed = false;
    log->scratch.failed = false;
    return failed ? DEBROS_ENOMEM : 0;
}

static int write_batch(struct dbr_log *log, const struct dbr_log_op *ops, size_t size,
                       const struct meanwhile *meanwhile)
{
    DBR_FAILPOINT("store.log.write_batch");
    struct target target;
    struct dbr_log_head head = log->head;
    dbr_buf_clear(&log->batch);
    dbr_buf_clear(&log->scratch);
    int err = choose_target(log, &target, size);
    if (err != 0) {
        return err;
    }
    err = encode_batch(log, ops, &target, &head);
    if (err == 0) {
        dbr_record_mask(log->batch.data, log->batch.len, target.offset);
        err = put_batch(log, &target, meanwhile);
    }
    if (err == 0 && (head.term != log->head.term || head.vote != log->head.vote)) {
        err = dbr_log_vote_write(
            log, &(struct dbr_vote){.term = head.term,
                                    .vote = head.vote,
                                    .segment = target.number,
                                    .offset = target.offset + log->batch.len});
    }
    if (err != 0) {
        if (target.file != log->file) {
            log->fs->ops->close(log->fs, target.file);
        }
        return err;
    }
    commit(log, &target);
    /* Short of memory only here: the batch is durable, so this cannot ask for a retry. */
    return dbr_log_set_head(log, &head) == 0 ? 0 : DEBROS_EIO;
}

int dbr_log_write_while(struct dbr_log *log, const struct dbr_log_op *ops,
                        void (*run)(void *data), void *data, debros_detail *detail)
{
    DBR_FAILPOINT("store.log.write");
    struct meanwhile meanwhile = {.run = run, .data = data};
    if (log->failed) {
        return report(log, DEBROS_EIO, detail);
    }
    size_t size = 0;
    for (const struct dbr_log_op *op = ops; op != NULL; op = op->next) {
        size += op_size(op);
    }
    if (size == 0) {
        return 0;
    }
    dbr_assert(size < SEGMENT_MAX / 2);
    int err = write_batch(log, ops, size, &meanwhile);
    if (err != 0) {
        return report(log, err, detail);
    }
    dbr_log_spare_step(log, size);
    remove_old(log);
    if (log->batch.cap > log->segment_size) {
        dbr_buf_finish(&log->batch); /* one huge batch keeps no memory */
    }
    return 0;
}

int dbr_log_write(struct dbr_log *log, const struct dbr_log_op *ops,
                  debros_detail *detail)
{
    return dbr_log_write_while(log, ops, NULL, NULL, detail);
}
