/* SQL transactions, entries and replies as protobuf (sql.proto): in the log and on
 * /debros/sql/1.0.0. Decoded structs live in the given arena; nothing borrows from
 * `bytes`. Encoders append to `out` and turn it `failed` when memory is short. */
#ifndef DBR_SQL_CODEC_H
#define DBR_SQL_CODEC_H

#include "base/arena.h"
#include "base/buf.h"
#include "sql/types.h"

#define DBR_SQL_MAX_PARAMS       32766u /* of one statement: SQLite's own limit */
#define DBR_SQL_MAX_COLUMNS      2000u  /* of one result: SQLite's own limit */
#define DBR_SQL_MAX_NAME         63u    /* bytes of a namespace's name */
#define DBR_SQL_MAX_LEADER_ADDRS 8u     /* of one redirect */

/* Appends one transaction as the `transactions` field of an entry; an entry begins with
 * the head and then holds as many of these as were added. */
void dbr_sql_entry_head(struct dbr_buf *out, int64_t time_ms, uint64_t seed);
void dbr_sql_entry_add(struct dbr_buf *out,
                       const struct dbr_sql_transaction *transaction);
/* 0, EPROTO malformed, ENOMEM. Texts are checked to be free of NUL, counts against the
 * limits above and of types.h, the client to be 16 bytes. */
int dbr_sql_entry_decode(struct dbr_sql_entry *out, struct dbr_arena *arena,
                         debros_bytes bytes);

/* ---- Frames: what travels on a request stream ---------------------------------- */

enum dbr_sql_frame_kind { DBR_SQL_FRAME_EXEC, DBR_SQL_FRAME_QUERY, DBR_SQL_FRAME_REPLY };

struct dbr_sql_frame {
    uint64_t id;
    enum dbr_sql_frame_kind kind;
    uint32_t timeout_ms;
    uint32_t hops;
    struct dbr_sql_transaction transaction; /* EXEC */
    struct {
        const char *ns;
        debros_statement statement;
        enum debros_level level;
        uint32_t freshness_ms;
    } query; /* QUERY */
    struct dbr_sql_reply
        *reply; /* REPLY: has its own memory, the receiver's to destroy */
};

/* Each appends a frame's body, without its length. */
void dbr_sql_frame_exec(struct dbr_buf *out, uint64_t id, uint32_t timeout_ms,
                        uint32_t hops, const struct dbr_sql_transaction *transaction);
void dbr_sql_frame_query(struct dbr_buf *out, uint64_t id, uint32_t timeout_ms,
                         uint32_t hops, const char *ns, const debros_statement *statement,
                         enum debros_level level, uint32_t freshness_ms);
void dbr_sql_frame_reply(struct dbr_buf *out, uint64_t id,
                         const struct dbr_sql_reply *reply);
/* 0, EPROTO malformed or beyond a limit, ENOMEM (also: the arena's cap). */
int dbr_sql_frame_decode(struct dbr_sql_frame *out, struct dbr_arena *arena,
                         debros_bytes bytes);

#endif
