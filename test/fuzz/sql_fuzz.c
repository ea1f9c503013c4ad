/* Log entries and frames of /debros/sql/1.0.0. What was decoded is encoded and decoded
 * once more, to the same. */
#include "base/buf.h"
#include "fuzz.h"
#include "sql/codec.h"

#define ARENA_CAP (16u << 20)

static void add_entry(struct dbr_buf *out, const struct dbr_sql_entry *entry)
{
    dbr_sql_entry_head(out, entry->time_ms, entry->seed);
    for (size_t i = 0; i < entry->n_transactions; i++) {
        dbr_sql_entry_add(out, &entry->transactions[i]);
    }
    dbr_assert(!out->failed);
}

static void check_entry(debros_bytes bytes)
{
    struct dbr_arena arena;
    struct dbr_sql_entry entry;
    struct dbr_buf once = {0};
    struct dbr_buf twice = {0};
    dbr_arena_init(&arena, ARENA_CAP);
    if (dbr_sql_entry_decode(&entry, &arena, bytes) == 0) {
        add_entry(&once, &entry);
        dbr_assert(dbr_sql_entry_decode(&entry, &arena, dbr_bytes(once.data, once.len)) ==
                   0);
        add_entry(&twice, &entry);
        dbr_assert(dbr_bytes_equal(dbr_bytes(once.data, once.len),
                                   dbr_bytes(twice.data, twice.len)));
    }
    dbr_buf_finish(&once);
    dbr_buf_finish(&twice);
    dbr_arena_finish(&arena);
}

static void check_frame(debros_bytes bytes)
{
    struct dbr_arena arena;
    struct dbr_sql_frame frame;
    struct dbr_buf out = {0};
    dbr_arena_init(&arena, ARENA_CAP);
    if (dbr_sql_frame_decode(&frame, &arena, bytes) == 0) {
        if (frame.kind == DBR_SQL_FRAME_EXEC) {
            dbr_sql_frame_exec(&out, frame.id, frame.timeout_ms, frame.hops,
                               &frame.transaction);
        } else if (frame.kind == DBR_SQL_FRAME_QUERY) {
            dbr_sql_frame_query(&out, frame.id, frame.timeout_ms, frame.hops,
                                frame.query.ns, &frame.query.statement,
                                frame.query.level, frame.query.freshness_ms);
        } else {
            dbr_sql_frame_reply(&out, frame.id, frame.reply);
            dbr_sql_reply_destroy(frame.reply);
        }
        dbr_assert(!out.failed);
        dbr_assert(dbr_sql_frame_decode(&frame, &arena, dbr_bytes(out.data, out.len)) ==
                   0);
        if (frame.kind == DBR_SQL_FRAME_REPLY) {
            dbr_sql_reply_destroy(frame.reply);
        }
    }
    dbr_buf_finish(&out);
    dbr_arena_finish(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_entry(dbr_bytes(data, size));
    check_frame(dbr_bytes(data, size));
    return 0;
}
