#include "introduce.h"

#include "base/logger.h"
#include "base/reader.h"
#include "peer_record.h"
#include "state.h"

static struct dbr_introduction *of(const struct dbr_stream *stream)
{
    struct dbr_conn *conn = stream->conn;
    struct dbr_introduction *intro =
        stream->kind == DBR_STREAM_IDENTIFY_ASK ? &conn->asked : &conn->pushed;
    return intro->stream == stream ? intro : NULL;
}

static void begin(struct dbr_swarm *swarm, struct dbr_introduction *intro,
                  struct dbr_stream *stream)
{
    intro->stream = stream;
    intro->at = dbr_time_add(swarm->now, DBR_IDENTIFY_MS);
}

void dbr_introduce_ask(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    uint32_t raw;
    int err =
        dbr_stack_open(conn->stack, &raw, dbr_bytes_str(DBR_IDENTIFY_ID), swarm->now);
    if (err != 0) {
        return;
    }
    struct dbr_stream *stream =
        dbr_stream_create(swarm, conn, raw, DBR_STREAM_IDENTIFY_ASK, 0);
    if (stream == NULL) {
        dbr_stack_reset(conn->stack, raw);
    }
    begin(swarm, &conn->asked, stream);
    dbr_conn_touch(swarm, conn);
}

bool dbr_introduce_may_push(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    bool may = conn->pushed.stream == NULL &&
               dbr_bucket_take(&conn->peer->pushes, swarm->limits.push_burst,
                               (uint64_t)swarm->limits.push_every_ms * 1000, swarm->now);
    swarm->stats.pushes_refused += !may;
    return may;
}

void dbr_introduce_pushed(struct dbr_swarm *swarm, struct dbr_stream *stream)
{
    begin(swarm, &stream->conn->pushed, stream);
    dbr_conn_touch(swarm, stream->conn);
}

/* No more of this stream: what was merged so far is dropped. */
static void give_up(struct dbr_swarm *swarm, struct dbr_conn *conn,
                    struct dbr_introduction *intro, const char *why)
{
    char text[DBR_PEER_ID_TEXT_SIZE];
    dbr_peer_id_text(&conn->peer->id, text);
    dbr_log_peer(swarm->logger, DEBROS_LOG_DEBUG, DBR_SWARM_MODULE, text,
                 "identify%s of %s failed: %s", intro == &conn->pushed ? " push" : "",
                 text, why);
    intro->stream = NULL;
    dbr_identify_info_finish(&intro->info);
}

/* ---- The whole answer ------------------------------------------------------ */

static void refuse_record(struct dbr_swarm *swarm, const struct dbr_peer *peer,
                          struct dbr_identify_info *info, const char *why)
{
    char text[DBR_PEER_ID_TEXT_SIZE];
    swarm->stats.records_refused++;
    dbr_peer_id_text(&peer->id, text);
    dbr_log_peer(swarm->logger, DEBROS_LOG_WARN, DBR_SWARM_MODULE, text,
                 "the signed peer record that %s sent is ignored: %s", text, why);
    info->record = dbr_bytes(NULL, 0);
}

/* A record counts when its key, its peer and the connection's peer are one, and when it
 * is no older than the one we have. Then its addresses are the peer's. */
static void check_record(struct dbr_swarm *swarm, const struct dbr_peer *peer,
                         struct dbr_identify_info *info)
{
    struct dbr_peer_record record;
    if (info->record.len == 0) {
        return;
    }
    int err = dbr_peer_record_open(&record, &info->arena, info->record);
    if (err == 0 && !dbr_peer_id_equal(&record.peer, &peer->id)) {
        refuse_record(swarm, peer, info, "it is of another peer");
    } else if (err == 0 && record.seq < peer->info.record_seq) {
        (void)dbr_identify_inherit_record(info, &peer->info);
    } else if (err == 0) {
        info->record_seq = record.seq;
        info->addrs = record.addrs;
        info->n_addrs = record.n_addrs;
    } else {
        refuse_record(swarm, peer, info,
                      err == DEBROS_EAUTH ? "its signature or key is wrong"
                                          : debros_strerror(err));
    }
}

static void complete(struct dbr_swarm *swarm, struct dbr_conn *conn,
                     struct dbr_introduction *intro)
{
    struct dbr_peer *peer = conn->peer;
    intro->stream = NULL;
    check_record(swarm, peer, &intro->info);
    if (intro == &conn->pushed) {
        swarm->stats.pushes++;
        if (dbr_identify_inherit(&intro->info, &peer->info) != 0) {
            give_up(swarm, conn, intro, "out of memory");
            return;
        }
    }
    if (conn->inbound && (peer->cls != DBR_PEER_STRANGER || swarm->open) &&
        intro->info.observed.len > 0 &&
        dbr_observed_add(&swarm->observed, &intro->info.observed, &conn->remote,
                         swarm->now)) {
        dbr_announce_moved(swarm);
    }
    dbr_peer_set_info(peer, &intro->info);
    dbr_entry_identified(swarm, conn);
    dbr_note_push(&swarm->notes, &peer->identified);
    dbr_announce_identified(swarm, conn);
}

/* False: the key is not the one that Noise has proven, and the connection ends. */
static bool check_key(struct dbr_swarm *swarm, struct dbr_conn *conn,
                      struct dbr_introduction *intro, int err)
{
    bool other = err == 0 && !dbr_peer_id_is_none(&intro->info.key_peer) &&
                 !dbr_peer_id_equal(&intro->info.key_peer, &conn->peer->id);
    if (err != DEBROS_EAUTH && !other) {
        return true;
    }
    intro->stream = NULL;
    dbr_conn_end(swarm, conn, DBR_CONN_POLITELY, DEBROS_EAUTH,
                 "identify names another key than the connection's");
    return false;
}

/* ---- Its messages ---------------------------------------------------------- */

void dbr_introduce_data(struct dbr_swarm *swarm, struct dbr_stream *stream,
                        debros_bytes data)
{
    struct dbr_conn *conn = stream->conn;
    struct dbr_introduction *intro = of(stream);
    debros_bytes message;
    size_t used;
    int err = 1;
    if (intro == NULL) {
        return;
    }
    dbr_buf_add(&stream->in, data.data, data.len);
    while (err > 0) {
        err = stream->in.failed
                  ? DEBROS_ENOMEM
                  : dbr_frame_decode(dbr_bytes(stream->in.data, stream->in.len),
                                     DBR_IDENTIFY_MESSAGE_MAX, &message, &used);
        if (err > 0) {
            err = dbr_identify_merge(&intro->info, message);
            if (!check_key(swarm, conn, intro, err)) {
                return;
            }
            err = err == 0 ? 1 : err;
        }
        if (err > 0) {
            dbr_buf_consume(&stream->in, used);
        }
    }
    if (err < 0) {
        give_up(swarm, conn, intro, debros_strerror(err));
        dbr_stream_abort(swarm, stream, err);
    }
}

void dbr_introduce_end(struct dbr_swarm *swarm, struct dbr_stream *stream)
{
    struct dbr_introduction *intro = of(stream);
    if (intro == NULL) {
        return;
    }
    if (stream->in.len > 0 || intro->info.n_messages == 0) {
        give_up(swarm, stream->conn, intro, "the answer ends early");
    } else {
        complete(swarm, stream->conn, intro);
    }
    dbr_stream_finish(swarm, stream);
}

void dbr_introduce_lost(struct dbr_swarm *swarm, struct dbr_stream *stream,
                        const char *why)
{
    struct dbr_introduction *intro = of(stream);
    if (intro != NULL) {
        give_up(swarm, stream->conn, intro, why);
    }
}

/* ---- Time ------------------------------------------------------------------ */

dbr_time dbr_introduce_deadline(const struct dbr_conn *conn)
{
    dbr_time asked = conn->asked.stream != NULL ? conn->asked.at : DBR_TIME_NEVER;
    dbr_time pushed = conn->pushed.stream != NULL ? conn->pushed.at : DBR_TIME_NEVER;
    return dbr_time_min(asked, pushed);
}

static void expire(struct dbr_swarm *swarm, struct dbr_conn *conn,
                   struct dbr_introduction *intro)
{
    struct dbr_stream *stream = intro->stream;
    if (stream == NULL || swarm->now < intro->at) {
        return;
    }
    /* Some never end the stream: what they said in whole messages counts. */
    if (intro->info.n_messages > 0 && stream->in.len == 0) {
        complete(swarm, conn, intro);
    } else {
        give_up(swarm, conn, intro, "no answer in time");
    }
    dbr_stream_abort(swarm, stream, DEBROS_ETIMEDOUT);
}

void dbr_introduce_expire(struct dbr_swarm *swarm, struct dbr_conn *conn)
{
    expire(swarm, conn, &conn->asked);
    expire(swarm, conn, &conn->pushed);
}
