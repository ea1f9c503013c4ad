#include "book_codec.h"

#include <string.h>

#include "base/proto.h"
#include "base/reader.h"
#include "book.pb-c.h"
#include "crypto/hash.h"

#define MAGIC        "DBBOOK01"
#define MAGIC_SIZE   8u
#define CRC_SIZE     4u
#define UNPACKED_MAX (64u * 1024)

/* ---- Encoding -------------------------------------------------------------- */

/* What is kept as what; false: it is not kept. */
static bool kept_as(const struct dbr_book_addr *addr, uint32_t *source)
{
    bool is_found = addr->source == DBR_BOOK_GIVEN && addr->worked;
    *source = is_found ? DBR_BOOK_IDENTIFIED : addr->source;
    return *source == DBR_BOOK_IDENTIFIED || *source == DBR_BOOK_SIGNED;
}

static bool fill_addr(DbrPb__BookAddr *out, const struct dbr_book *book,
                      const struct dbr_book_peer *peer, const struct dbr_book_addr *addr,
                      dbr_time now, uint64_t wall_ms)
{
    dbr_pb__book_addr__init(out);
    if (!kept_as(addr, &out->source)) {
        return false;
    }
    bool is_fresh = peer->is_connected || addr->until == DBR_TIME_NEVER;
    uint64_t left = is_fresh ? dbr_book_ttl(book, (enum dbr_book_source)out->source)
                    : addr->until > now ? addr->until - now
                                        : 0;
    out->addr = dbr_proto_bytes(dbr_bytes(addr->bytes, addr->len));
    out->until_ms = wall_ms + left;
    out->worked = addr->worked;
    out->fails = addr->fails;
    return left > 0;
}

static void encode_peer(struct dbr_buf *out, const struct dbr_book *book,
                        const struct dbr_book_peer *peer, dbr_time now, uint64_t wall_ms)
{
    DbrPb__BookPeer message = DBR_PB__BOOK_PEER__INIT;
    DbrPb__BookAddr items[DBR_BOOK_ADDRS_MAX];
    DbrPb__BookAddr *list[DBR_BOOK_ADDRS_MAX];
    message.id = dbr_proto_bytes(dbr_bytes(peer->id.bytes, peer->id.len));
    message.seq = peer->seq;
    message.seen_ms = peer->seen_ms;
    message.rtt_us = peer->rtt_us;
    message.successes = peer->successes;
    message.failures = peer->failures;
    message.addrs = list;
    for (size_t i = 0; i < peer->addrs.n; i++) {
        DbrPb__BookAddr *item = &items[message.n_addrs];
        if (fill_addr(item, book, peer, peer->addrs.items[i], now, wall_ms)) {
            list[message.n_addrs++] = item;
        }
    }
    if (message.n_addrs > 0) {
        dbr_proto_pack_frame(&message.base, out);
    }
}

int dbr_book_encode(struct dbr_buf *out, const struct dbr_book *book, dbr_time now,
                    uint64_t wall_ms)
{
    const struct dbr_book_peer *peer;
    const struct dbr_book_peer *tmp;
    size_t start = out->len;
    dbr_buf_add(out, MAGIC, MAGIC_SIZE);
    HASH_ITER(hh, book->table, peer, tmp)
    {
        encode_peer(out, book, peer, now, wall_ms);
    }
    if (!out->failed) {
        dbr_buf_le32(out, dbr_crc32c(0, out->data + start, out->len - start));
    }
    return out->failed ? DEBROS_ENOMEM : 0;
}

/* ---- Decoding -------------------------------------------------------------- */

/* The frames between magic and checksum. */
static bool open_bytes(debros_bytes bytes, debros_bytes *frames)
{
    struct dbr_reader r;
    if (bytes.len < MAGIC_SIZE + CRC_SIZE || memcmp(bytes.data, MAGIC, MAGIC_SIZE) != 0) {
        return false;
    }
    size_t body = bytes.len - CRC_SIZE;
    dbr_reader_init(&r, dbr_bytes(bytes.data + body, CRC_SIZE));
    *frames = dbr_bytes(bytes.data + MAGIC_SIZE, body - MAGIC_SIZE);
    return dbr_reader_le32(&r) == dbr_crc32c(0, bytes.data, body);
}

static int take_addr(struct dbr_book *book, struct dbr_book_peer *peer,
                     const DbrPb__BookAddr *message, dbr_time now, uint64_t wall_ms)
{
    struct dbr_multiaddr addr;
    enum dbr_book_source source =
        message->source == DBR_BOOK_SIGNED ? DBR_BOOK_SIGNED : DBR_BOOK_IDENTIFIED;
    if (message->until_ms <= wall_ms ||
        dbr_multiaddr_from_bytes(&addr, dbr_proto_view(message->addr)) != 0 ||
        !dbr_book_is_fit(book, &peer->id, &addr, source, false)) {
        return 0;
    }
    /* A clock that was wrong makes nothing live longer than it may. */
    uint64_t left = message->until_ms - wall_ms;
    uint64_t most = dbr_book_ttl(book, source);
    if (dbr_book_addrs_add(&peer->addrs, book->config.limits.addrs, &addr, source,
                           dbr_time_add(now, left < most ? left : most)) ==
        DBR_BOOK_NO_MEMORY) {
        return DEBROS_ENOMEM;
    }
    struct dbr_book_addr *added = dbr_book_addrs_find(&peer->addrs, &addr);
    if (added != NULL) {
        added->worked = added->worked || message->worked;
        added->fails =
            message->fails < UINT16_MAX ? (uint16_t)message->fails : UINT16_MAX;
    }
    return 0;
}

/* Who is not fit, or finds no room, is skipped. */
static int take_peer(struct dbr_book *book, const DbrPb__BookPeer *message, dbr_time now,
                     uint64_t wall_ms)
{
    struct dbr_peer_id id;
    struct dbr_book_peer *peer;
    if (dbr_peer_id_from_bytes(&id, dbr_proto_view(message->id)) != 0) {
        return 0;
    }
    int err = dbr_book_get(book, &id, DBR_BOOK_IDENTIFIED, &peer);
    if (err != 0) {
        return err == DEBROS_ENOMEM ? err : 0;
    }
    peer->seq = message->seq > peer->seq ? message->seq : peer->seq;
    if (!peer->is_connected) {
        peer->seen_ms = message->seen_ms < wall_ms ? message->seen_ms : wall_ms;
        peer->rtt_us = message->rtt_us;
        peer->successes = message->successes;
        peer->failures = message->failures;
    }
    for (size_t i = 0; i < message->n_addrs && err == 0; i++) {
        err = take_addr(book, peer, message->addrs[i], now, wall_ms);
    }
    dbr_book_settle(book, peer);
    return err;
}

static int take_frame(struct dbr_book *book, debros_bytes frame, bool is_trial,
                      dbr_time now, uint64_t wall_ms)
{
    struct dbr_arena arena;
    dbr_arena_init(&arena, UNPACKED_MAX);
    const DbrPb__BookPeer *message =
        dbr_proto_unpack(&dbr_pb__book_peer__descriptor, &arena, frame);
    int err = message == NULL ? DEBROS_EPROTO
              : is_trial      ? 0
                              : take_peer(book, message, now, wall_ms);
    dbr_arena_finish(&arena);
    return err;
}

static int take_frames(struct dbr_book *book, debros_bytes frames, bool is_trial,
                       dbr_time now, uint64_t wall_ms)
{
    int err = 0;
    while (frames.len > 0 && err == 0) {
        debros_bytes frame;
        size_t used;
        if (dbr_frame_decode(frames, DBR_BOOK_PEER_MAX, &frame, &used) != 1) {
            return DEBROS_EPROTO;
        }
        err = take_frame(book, frame, is_trial, now, wall_ms);
        frames = dbr_bytes(frames.data + used, frames.len - used);
    }
    return err;
}

int dbr_book_decode(struct dbr_book *book, debros_bytes bytes, dbr_time now,
                    uint64_t wall_ms)
{
    debros_bytes frames;
    if (bytes.len > DBR_BOOK_BYTES_MAX) {
        return DEBROS_ELIMIT;
    }
    if (!open_bytes(bytes, &frames)) {
        return DEBROS_EPROTO;
    }
    /* First whether all of it can be read, then for good. */
    int err = take_frames(book, frames, true, now, wall_ms);
    return err == 0 ? take_frames(book, frames, false, now, wall_ms) : err;
}
