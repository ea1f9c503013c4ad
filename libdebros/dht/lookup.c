/* A query with the addresses that its answers bring along. They are claims: each is kept
 * with whoever it was told of, what one peer told does not drive out what another did,
 * and they are forgotten with the lookup. */
#include "base/check.h"
#include "base/reader.h"
#include "dht/inner.h"

#define TOLD_MAX 4u /* times that addresses of one candidate are taken */

/* A block of hints: the place of the one before, the length of the addresses, they. */
#define HEAD_SIZE 6u

/* ---- Packed addresses ----------------------------------------------------------------
 */

void dbr_dht_pack(struct dbr_buf *out, const struct dbr_multiaddr *addr)
{
    dbr_buf_be16(out, addr->len);
    dbr_buf_add(out, addr->bytes, addr->len);
}

static bool next_packed(struct dbr_reader *r, debros_bytes *addr)
{
    if (dbr_reader_left(r) == 0) {
        return false;
    }
    *addr = dbr_reader_bytes(r, dbr_reader_be16(r));
    return !r->bad;
}

size_t dbr_dht_unpack_addrs(struct dbr_multiaddr *out, size_t n, debros_bytes packed)
{
    struct dbr_reader r;
    debros_bytes addr;
    dbr_reader_init(&r, packed);
    while (n < DBR_DHT_PEER_ADDRS_MAX && next_packed(&r, &addr)) {
        out[n] = (struct dbr_multiaddr){.len = (uint16_t)addr.len};
        memcpy(out[n].bytes, addr.data, addr.len);
        n++;
    }
    return n;
}

/* ---- Hints of a lookup ---------------------------------------------------------------
 */

/* The block at `hint`; returns the place of the one before it. */
static uint32_t block_at(const struct dbr_dht_op *op, uint32_t hint, debros_bytes *addrs)
{
    struct dbr_reader r;
    dbr_reader_init(&r, dbr_bytes(op->hints.data + hint, op->hints.len - hint));
    uint32_t before = dbr_reader_be32(&r);
    *addrs = dbr_reader_bytes(&r, dbr_reader_be16(&r));
    dbr_assert(!r.bad && before < hint);
    return before;
}

static bool is_hinted(const struct dbr_dht_op *op, uint32_t hint,
                      const struct dbr_multiaddr *addr)
{
    while (hint != 0) {
        struct dbr_reader r;
        debros_bytes addrs;
        debros_bytes known;
        hint = block_at(op, hint, &addrs);
        dbr_reader_init(&r, addrs);
        while (next_packed(&r, &known)) {
            if (dbr_bytes_equal(known, dbr_bytes(addr->bytes, addr->len))) {
                return true;
            }
        }
    }
    return false;
}

static uint32_t blocks_of(const struct dbr_dht_op *op, uint32_t hint)
{
    uint32_t n = 0;
    debros_bytes addrs;
    for (; hint != 0; n++) {
        hint = block_at(op, hint, &addrs);
    }
    return n;
}

/* As many of each who told, so that nobody fills the list alone. */
void dbr_dht_lookup_hints(const struct dbr_dht_op *op, uint32_t hint, struct dbr_buf *out)
{
    uint32_t n = blocks_of(op, hint);
    uint32_t each = n > 0 ? DBR_DHT_PEER_ADDRS_MAX / n : 0;
    while (hint != 0) {
        struct dbr_reader r;
        debros_bytes addrs;
        debros_bytes addr;
        hint = block_at(op, hint, &addrs);
        dbr_reader_init(&r, addrs);
        for (uint32_t i = 0; i < each && next_packed(&r, &addr); i++) {
            dbr_buf_be16(out, (uint16_t)addr.len);
            dbr_buf_add(out, addr.data, addr.len);
        }
    }
}

bool dbr_dht_is_usable(const struct dbr_dht *dht, const struct dbr_multiaddr *addr,
                       bool from_here)
{
    struct dbr_endpoint endpoint;
    if (!dbr_multiaddr_is_dialable(addr)) {
        return false;
    }
    for (size_t i = 0; i < dht->n_addrs; i++) {
        if (dbr_multiaddr_equal(addr, &dht->addrs[i])) {
            return false; /* nobody else is where we are */
        }
    }
    return !dbr_multiaddr_endpoint(addr, &endpoint) ||
           (!dbr_endpoint_is_wildcard(&endpoint) &&
            (from_here || !dbr_endpoint_is_loopback(&endpoint)));
}

/* Keeps what is new about the addresses of `peer`. Returns its place, or `before`. */
static uint32_t keep_hints(const struct dbr_dht *dht, struct dbr_dht_op *op,
                           const struct dbr_dht_peer *peer, uint32_t before,
                           bool from_here)
{
    size_t start = op->hints.len;
    uint8_t head[HEAD_SIZE] = {(uint8_t)(before >> 24), (uint8_t)(before >> 16),
                               (uint8_t)(before >> 8), (uint8_t)before};
    if (blocks_of(op, before) >= TOLD_MAX) {
        return before;
    }
    dbr_buf_add(&op->hints, head, sizeof(head));
    for (size_t i = 0; i < peer->n_addrs && i < DBR_DHT_PEER_ADDRS_MAX; i++) {
        if (dbr_dht_is_usable(dht, &peer->addrs[i], from_here) &&
            !is_hinted(op, before, &peer->addrs[i])) {
            dbr_dht_pack(&op->hints, &peer->addrs[i]);
        }
    }
    size_t len = op->hints.len - start;
    if (op->hints.failed || len <= HEAD_SIZE || start == 0 ||
        op->hints.len > dht->config.limits.hint_bytes) {
        op->hints.len = start;
        op->hints.failed = false;
        return before;
    }
    op->hints.data[start + 4] = (uint8_t)((len - HEAD_SIZE) >> 8);
    op->hints.data[start + 5] = (uint8_t)(len - HEAD_SIZE);
    return (uint32_t)start;
}

/* ---- The query -----------------------------------------------------------------------
 */

void dbr_dht_lookup_seed(struct dbr_dht *dht, struct dbr_dht_op *op)
{
    const struct dbr_dht_entry *entries[DBR_DHT_MESSAGE_PEERS_MAX];
    struct dbr_dht_named named[DBR_DHT_MESSAGE_PEERS_MAX];
    size_t n = dbr_dht_table_closest(&dht->table, entries, dht->config.limits.query.k,
                                     &op->query.target, false);
    for (size_t i = 0; i < n; i++) {
        named[i] = (struct dbr_dht_named){
            .key = entries[i]->key, .id = entries[i]->id, .group = entries[i]->group};
    }
    dbr_buf_u8(&op->hints, 0); /* so that no block stands at 0 */
    dbr_dht_query_seed(&op->query, named, n);
}

void dbr_dht_lookup_pump(struct dbr_dht *dht, struct dbr_dht_op *op)
{
    const struct dbr_dht_candidate *candidate;
    while (dht->n_asked < dht->config.limits.requests &&
           (candidate = dbr_dht_query_next(&op->query, dht->now)) != NULL) {
        struct dbr_buf hints = {0};
        struct dbr_dht_question question = {
            .why = DBR_DHT_WHY_LOOKUP,
            .type = op->type,
            .op = op,
            .peer = candidate->id,
            .data = dbr_bytes(op->request.data, op->request.len)};
        dbr_dht_lookup_hints(op, candidate->hint, &hints);
        question.hints = dbr_bytes(hints.data, hints.len);
        if (!dbr_dht_ask(dht, &question)) {
            (void)dbr_dht_query_failed(&op->query, &question.peer);
        }
        dbr_buf_finish(&hints);
    }
    dht->is_starved = dht->is_starved || dht->n_asked >= dht->config.limits.requests;
}

/* False: nobody could reach it. */
static bool name(struct dbr_dht *dht, struct dbr_dht_op *op, struct dbr_dht_named *out,
                 const struct dbr_dht_peer *peer, bool from_here)
{
    struct dbr_multiaddr known[DBR_DHT_PEER_ADDRS_MAX];
    *out = (struct dbr_dht_named){.id = peer->id};
    dbr_dht_key_of_peer(&out->key, &peer->id);
    const struct dbr_dht_candidate *candidate =
        dbr_dht_query_find(&op->query, &out->key);
    uint32_t before = candidate != NULL ? candidate->hint : 0;
    uint32_t hint = keep_hints(dht, op, peer, before, from_here);
    out->hint = hint != before ? hint : 0;
    for (size_t i = 0; out->group == 0 && i < peer->n_addrs; i++) {
        out->group = dbr_dht_group(&peer->addrs[i]);
    }
    return candidate != NULL || hint != 0 ||
           dbr_peer_id_equal(&peer->id, &dht->config.self) ||
           dbr_dht_addrs_of(dht, &peer->id, known) > 0;
}

void dbr_dht_lookup_told(struct dbr_dht *dht, struct dbr_dht_op *op,
                         const struct dbr_peer_id *from,
                         const struct dbr_dht_message *message)
{
    struct dbr_dht_named named[DBR_DHT_MESSAGE_PEERS_MAX];
    const struct dbr_dht_contact *contact = dbr_dht_contact(dht, from);
    bool from_here = contact != NULL && contact->is_local;
    size_t n = 0;
    if (dbr_dht_query_is_done(&op->query)) {
        return;
    }
    for (size_t i = 0; i < message->n_closer && n < DBR_DHT_MESSAGE_PEERS_MAX; i++) {
        n += name(dht, op, &named[n], &message->closer[i], from_here);
    }
    dht->counts.junk += message->n_closer - n;
    (void)dbr_dht_query_answered(&op->query, from, named, n);
}
