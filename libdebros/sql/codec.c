#include "codec.h"

#include "base/proto.h"
#include "codec_pb.h"

/* Appends the message, or turns `out` failed when it could not be built. */
static void pack(struct dbr_buf *out, const void *message)
{
    if (message == NULL) {
        out->failed = true;
    } else {
        dbr_proto_pack(message, out);
    }
}

void dbr_sql_entry_head(struct dbr_buf *out, int64_t time_ms, uint64_t seed)
{
    DbrPb__Entry entry = DBR_PB__ENTRY__INIT;
    entry.time_ms = time_ms;
    entry.seed = seed;
    pack(out, &entry);
}

void dbr_sql_entry_add(struct dbr_buf *out, const struct dbr_sql_transaction *transaction)
{
    /* A field appended to a message is that message with the field added. */
    struct dbr_arena arena;
    dbr_arena_init(&arena, 0);
    DbrPb__Transaction *message = dbr_sql_pb_transaction(&arena, transaction);
    DbrPb__Entry entry = DBR_PB__ENTRY__INIT;
    entry.n_transactions = 1;
    entry.transactions = &message;
    pack(out, message == NULL ? NULL : &entry);
    dbr_arena_finish(&arena);
}

int dbr_sql_entry_decode(struct dbr_sql_entry *out, struct dbr_arena *arena,
                         debros_bytes bytes)
{
    void *unpacked = NULL;
    int err = dbr_sql_pb_unpack(&unpacked, &dbr_pb__entry__descriptor, arena, bytes);
    if (err != 0) {
        return err;
    }
    const DbrPb__Entry *entry = unpacked;
    *out = (struct dbr_sql_entry){.time_ms = entry->time_ms, .seed = entry->seed};
    out->transactions =
        dbr_arena_calloc(arena, entry->n_transactions, sizeof(*out->transactions));
    if (out->transactions == NULL) {
        return DEBROS_ENOMEM;
    }
    for (size_t i = 0; i < entry->n_transactions; i++) {
        err = dbr_sql_pb_read_transaction(&out->transactions[i], arena,
                                          entry->transactions[i]);
        if (err != 0) {
            return err;
        }
    }
    out->n_transactions = entry->n_transactions;
    return 0;
}

/* ---- Frames ------------------------------------------------------------------------ */

void dbr_sql_frame_exec(struct dbr_buf *out, uint64_t id, uint32_t timeout_ms,
                        uint32_t hops, const struct dbr_sql_transaction *transaction)
{
    struct dbr_arena arena;
    dbr_arena_init(&arena, 0);
    DbrPb__Frame frame = DBR_PB__FRAME__INIT;
    frame.id = id;
    frame.timeout_ms = timeout_ms;
    frame.hops = hops;
    frame.body_case = DBR_PB__FRAME__BODY_EXEC;
    frame.exec = dbr_sql_pb_transaction(&arena, transaction);
    pack(out, frame.exec == NULL ? NULL : &frame);
    dbr_arena_finish(&arena);
}

void dbr_sql_frame_query(struct dbr_buf *out, uint64_t id, uint32_t timeout_ms,
                         uint32_t hops, const char *ns, const debros_statement *statement,
                         enum debros_level level, uint32_t freshness_ms)
{
    struct dbr_arena arena;
    dbr_arena_init(&arena, 0);
    DbrPb__Query query = DBR_PB__QUERY__INIT;
    query.ns = dbr_proto_text(ns);
    query.statement = dbr_sql_pb_statement(&arena, statement);
    query.level = (uint32_t)level;
    query.freshness_ms = freshness_ms;
    DbrPb__Frame frame = DBR_PB__FRAME__INIT;
    frame.id = id;
    frame.timeout_ms = timeout_ms;
    frame.hops = hops;
    frame.body_case = DBR_PB__FRAME__BODY_QUERY;
    frame.query = &query;
    pack(out, query.statement == NULL ? NULL : &frame);
    dbr_arena_finish(&arena);
}

void dbr_sql_frame_reply(struct dbr_buf *out, uint64_t id,
                         const struct dbr_sql_reply *reply)
{
    struct dbr_arena arena;
    dbr_arena_init(&arena, 0);
    DbrPb__Frame frame = DBR_PB__FRAME__INIT;
    frame.id = id;
    frame.body_case = DBR_PB__FRAME__BODY_REPLY;
    frame.reply = dbr_sql_pb_reply(&arena, reply);
    pack(out, frame.reply == NULL ? NULL : &frame);
    dbr_arena_finish(&arena);
}

static int decode_query(struct dbr_sql_frame *out, struct dbr_arena *arena,
                        const DbrPb__Query *query)
{
    if (query->statement == NULL || query->level > (uint32_t)DEBROS_AUTO) {
        return DEBROS_EPROTO;
    }
    out->kind = DBR_SQL_FRAME_QUERY;
    out->query.level = (enum debros_level)query->level;
    out->query.freshness_ms = query->freshness_ms;
    int err = dbr_sql_pb_read_text(&out->query.ns, arena, query->ns, DBR_SQL_MAX_NAME);
    if (err != 0) {
        return err;
    }
    return dbr_sql_pb_read_statement(&out->query.statement, arena, query->statement);
}

static int decode_reply(struct dbr_sql_frame *out, const DbrPb__Reply *message)
{
    struct dbr_sql_reply *reply = dbr_sql_reply_create();
    if (reply == NULL) {
        return DEBROS_ENOMEM;
    }
    int err = dbr_sql_pb_read_reply(reply, message);
    if (err != 0) {
        dbr_sql_reply_destroy(reply);
        return err;
    }
    out->kind = DBR_SQL_FRAME_REPLY;
    out->reply = reply;
    return 0;
}

int dbr_sql_frame_decode(struct dbr_sql_frame *out, struct dbr_arena *arena,
                         debros_bytes bytes)
{
    void *unpacked = NULL;
    int err = dbr_sql_pb_unpack(&unpacked, &dbr_pb__frame__descriptor, arena, bytes);
    if (err != 0) {
        return err;
    }
    const DbrPb__Frame *frame = unpacked;
    *out = (struct dbr_sql_frame){
        .id = frame->id, .timeout_ms = frame->timeout_ms, .hops = frame->hops};
    switch (frame->body_case) {
    case DBR_PB__FRAME__BODY_EXEC:
        out->kind = DBR_SQL_FRAME_EXEC;
        return dbr_sql_pb_read_transaction(&out->transaction, arena, frame->exec);
    case DBR_PB__FRAME__BODY_QUERY:
        return decode_query(out, arena, frame->query);
    case DBR_PB__FRAME__BODY_REPLY:
        return decode_reply(out, frame->reply);
    default:
        return DEBROS_EPROTO;
    }
}
