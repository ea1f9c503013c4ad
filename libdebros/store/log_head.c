#include "log_head.h"

#include "base/check.h"
#include "base/reader.h"

#define MAGIC   0x474f4c44u /* "DLOG" */
#define VERSION 2u

static void add_bytes(struct dbr_buf *out, debros_bytes bytes)
{
    dbr_buf_le32(out, (uint32_t)bytes.len);
    dbr_buf_add(out, bytes.data, bytes.len);
}

static debros_bytes read_bytes(struct dbr_reader *r)
{
    return dbr_reader_bytes(r, dbr_reader_le32(r));
}

/* A payload must be used up: another layout has another version. */
static int reader_end(const struct dbr_reader *r)
{
    return r->bad || dbr_reader_left(r) != 0 ? DEBROS_EIO : 0;
}

void dbr_segment_head_encode(struct dbr_buf *out, const struct dbr_segment_head *head)
{
    dbr_buf_le32(out, MAGIC);
    dbr_buf_le32(out, VERSION);
    dbr_buf_le64(out, head->number);
    dbr_buf_le64(out, head->previous_end);
    dbr_buf_le64(out, head->log.term);
    dbr_buf_le64(out, head->log.vote);
    dbr_buf_le64(out, head->log.keep_from);
    dbr_buf_le64(out, head->log.next);
    dbr_buf_le64(out, head->log.snapshot_index);
    dbr_buf_le64(out, head->log.snapshot_term);
    dbr_buf_le64(out, head->log.configuration_index);
    add_bytes(out, head->log.configuration);
}

int dbr_segment_head_decode(struct dbr_segment_head *out, debros_bytes payload)
{
    struct dbr_reader r;
    dbr_reader_init(&r, payload);
    uint32_t magic = dbr_reader_le32(&r);
    uint32_t version = dbr_reader_le32(&r);
    out->number = dbr_reader_le64(&r);
    out->previous_end = dbr_reader_le64(&r);
    out->log.term = dbr_reader_le64(&r);
    out->log.vote = dbr_reader_le64(&r);
    out->log.keep_from = dbr_reader_le64(&r);
    out->log.next = dbr_reader_le64(&r);
    out->log.snapshot_index = dbr_reader_le64(&r);
    out->log.snapshot_term = dbr_reader_le64(&r);
    out->log.configuration_index = dbr_reader_le64(&r);
    out->log.configuration = read_bytes(&r);
    return magic != MAGIC || version != VERSION ? DEBROS_EIO : reader_end(&r);
}

void dbr_entry_head_encode(struct dbr_buf *out, uint64_t index,
                           const struct dbr_log_entry *entry)
{
    dbr_buf_le64(out, index);
    dbr_buf_le64(out, entry->term);
    dbr_buf_le64(out, (uint64_t)entry->type);
}

int dbr_entry_decode(uint64_t *index, struct dbr_log_entry *out, debros_bytes payload)
{
    struct dbr_reader r;
    dbr_reader_init(&r, payload);
    *index = dbr_reader_le64(&r);
    out->term = dbr_reader_le64(&r);
    uint64_t type = dbr_reader_le64(&r);
    out->data = dbr_reader_bytes(&r, dbr_reader_left(&r));
    if (r.bad || *index == 0 || type < DBR_ENTRY_COMMAND || type > DBR_ENTRY_CHANGE) {
        return DEBROS_EIO;
    }
    out->type = (enum dbr_entry_type)type;
    return 0;
}

void dbr_snapshot_encode(struct dbr_buf *out, const struct dbr_log_op *op)
{
    dbr_buf_le64(out, op->index);
    dbr_buf_le64(out, op->term);
    dbr_buf_le64(out, op->keep_from);
    dbr_buf_le64(out, op->configuration_index);
    add_bytes(out, op->configuration);
}

int dbr_snapshot_decode(struct dbr_log_op *out, debros_bytes payload)
{
    struct dbr_reader r;
    dbr_reader_init(&r, payload);
    out->index = dbr_reader_le64(&r);
    out->term = dbr_reader_le64(&r);
    out->keep_from = dbr_reader_le64(&r);
    out->configuration_index = dbr_reader_le64(&r);
    out->configuration = read_bytes(&r);
    return reader_end(&r);
}

static void take_snapshot(struct dbr_log_head *head, const struct dbr_log_op *op)
{
    head->snapshot_index = op->index;
    head->snapshot_term = op->term;
    head->configuration_index = op->configuration_index;
    head->configuration = op->configuration;
}

void dbr_log_head_apply(struct dbr_log_head *head, const struct dbr_log_op *op)
{
    switch (op->type) {
    case DBR_LOG_TERM:
        head->term = op->value;
        head->vote = 0;
        break;
    case DBR_LOG_VOTE:
        head->vote = op->value;
        break;
    case DBR_LOG_APPEND:
        head->next = op->index + op->n_entries;
        break;
    case DBR_LOG_TRUNCATE:
        head->next = op->index;
        break;
    case DBR_LOG_SNAPSHOT:
        take_snapshot(head, op);
        head->keep_from =
            op->keep_from > head->keep_from ? op->keep_from : head->keep_from;
        head->next = head->next > op->index ? head->next : op->index + 1;
        break;
    case DBR_LOG_INSTALL:
        take_snapshot(head, op);
        head->keep_from = op->index + 1;
        head->next = op->index + 1;
        break;
    default:
        dbr_unreachable();
    }
}
