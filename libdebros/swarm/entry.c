#include "entry.h"

#include "base/logger.h"
#include "book_codec.h"
#include "state.h"

static bool has_entry(const struct dbr_swarm *swarm, const struct dbr_peer *peer)
{
    return swarm->open || peer->keep || peer->cls != DBR_PEER_STRANGER;
}

static uint64_t wall_ms(const struct dbr_swarm *swarm)
{
    int64_t wall = swarm->announcement.wall_ms;
    return wall > 0 ? (uint64_t)wall : 0;
}

static void complain(struct dbr_swarm *swarm, const struct dbr_peer_id *id, int err)
{
    char text[DBR_PEER_ID_TEXT_SIZE];
    if (err == DEBROS_ENOMEM || err == DEBROS_ELIMIT) {
        dbr_peer_id_text(id, text);
        dbr_log_peer(swarm->logger, DEBROS_LOG_WARN, DBR_SWARM_MODULE, text,
                     "the peer book has no room for addresses of %s: %s", text,
                     debros_strerror(err));
    }
}

/* ---- Connections ----------------------------------------------------------- */

void dbr_entry_connected(struct dbr_swarm *swarm, const struct dbr_conn *conn)
{
    const struct dbr_peer *peer = conn->peer;
    if (has_entry(swarm, peer)) {
        complain(swarm, &peer->id,
                 dbr_book_connected(&swarm->book, &peer->id,
                                    conn->inbound ? NULL : &conn->remote, swarm->now,
                                    wall_ms(swarm)));
    }
}

void dbr_entry_identified(struct dbr_swarm *swarm, const struct dbr_conn *conn)
{
    const struct dbr_peer *peer = conn->peer;
    const struct dbr_identify_info *info = &peer->info;
    struct dbr_endpoint endpoint;
    bool local = dbr_multiaddr_endpoint(&conn->remote, &endpoint) &&
                 dbr_endpoint_is_loopback(&endpoint);
    struct dbr_peer_record record = {.peer = peer->id,
                                     .seq = info->record_seq,
                                     .addrs = info->addrs,
                                     .n_addrs = info->n_addrs};
    if (!has_entry(swarm, peer)) {
        return;
    }
    int err = info->record.len > 0
                  ? dbr_book_add_record(&swarm->book, &record, local, swarm->now)
                  : dbr_book_add(&swarm->book, &peer->id, DBR_BOOK_IDENTIFIED,
                                 info->addrs, info->n_addrs, local, swarm->now);
    complain(swarm, &peer->id, err);
}

void dbr_entry_disconnected(struct dbr_swarm *swarm, const struct dbr_peer *peer)
{
    dbr_book_disconnected(&swarm->book, &peer->id, swarm->now, wall_ms(swarm));
}

void dbr_entry_welcome(struct dbr_swarm *swarm, const struct dbr_peer *peer)
{
    const struct dbr_conn *conn = dbr_conn_of(peer);
    if (conn != NULL) {
        dbr_entry_connected(swarm, conn);
        if (peer->info.n_messages > 0) {
            dbr_entry_identified(swarm, conn);
        }
    }
}

/* ---- From above ------------------------------------------------------------ */

void dbr_swarm_give_addrs(struct dbr_swarm *swarm, const struct dbr_peer_id *peer,
                          const struct dbr_multiaddr *addrs, size_t n, dbr_time now)
{
    dbr_swarm_set_now(swarm, now);
    complain(swarm, peer, dbr_book_give(&swarm->book, peer, addrs, n, swarm->now));
    dbr_dialer_found(swarm, peer);
}

void dbr_swarm_hint(struct dbr_swarm *swarm, const struct dbr_peer_id *id,
                    const struct dbr_multiaddr *addrs, size_t n, dbr_time now)
{
    const struct dbr_peer *peer = dbr_peers_find(&swarm->peers, id);
    dbr_swarm_set_now(swarm, now);
    if (swarm->open || (peer != NULL && has_entry(swarm, peer))) {
        /* Full of better ones is no news: hints come by the hundred. */
        (void)dbr_book_add(&swarm->book, id, DBR_BOOK_HINT, addrs, n, false, swarm->now);
        dbr_dialer_found(swarm, id);
    }
}

uint64_t dbr_swarm_book_changes(const struct dbr_swarm *swarm)
{
    return swarm->book.changes;
}

int dbr_swarm_save_book(struct dbr_swarm *swarm, struct dbr_buf *out, dbr_time now)
{
    dbr_swarm_set_now(swarm, now);
    return dbr_book_encode(out, &swarm->book, swarm->now, wall_ms(swarm));
}

int dbr_swarm_load_book(struct dbr_swarm *swarm, debros_bytes bytes, dbr_time now)
{
    dbr_swarm_set_now(swarm, now);
    return dbr_book_decode(&swarm->book, bytes, swarm->now, wall_ms(swarm));
}
