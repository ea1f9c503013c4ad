#include "pair.h"

#include "base/alloc.h"
#include "crypto/system.h"
#include "test.h"

struct pair *pair_new(uint64_t seed, enum pair_split split)
{
    struct pair *p = dbr_calloc(1, sizeof(*p));
    assert_non_null(p);
    assert_int_equal(dbr_crypto_init(), 0);
    dbr_rng_seed(&p->rng, seed);
    p->split = split;
    p->now = 1000;
    for (int i = 0; i < 2; i++) {
        dbr_rng_seed(&p->side[i].rng, seed * 2 + (uint64_t)i + 77);
        dbr_keypair_generate(&p->side[i].keys, &p->side[i].rng);
        dbr_peer_id_from_key(&p->side[i].id, p->side[i].keys.public_key);
        p->config[i].dialer = i == 0;
        p->config[i].identity = &p->side[i].keys;
        dbr_stack_limits_default(&p->config[i].limits);
        p->corrupt_at[i] = UINT64_MAX;
    }
    return p;
}

void pair_start(struct pair *p)
{
    for (int i = 0; i < 2; i++) {
        struct pair_side *side = &p->side[i];
        assert_int_equal(
            dbr_stack_create(&side->stack, &p->config[i], &side->rng, p->now), 0);
    }
}

void pair_free(struct pair *p)
{
    for (int i = 0; i < 2; i++) {
        dbr_stack_destroy(p->side[i].stack);
        dbr_buf_finish(&p->side[i].data);
    }
    dbr_free(p);
}

static void record(struct pair_side *side, const struct dbr_stack_event *event)
{
    assert_true(side->n_records < PAIR_RECORDS);
    struct pair_record *r = &side->records[side->n_records++];
    r->type = event->type;
    r->stream = event->stream;
    r->peer = event->peer;
    size_t len = event->protocol.len < sizeof(r->protocol) - 1 ? event->protocol.len
                                                               : sizeof(r->protocol) - 1;
    if (len > 0) {
        memcpy(r->protocol, event->protocol.data, len);
    }
    r->protocol[len] = '\0';
    dbr_buf_add(&side->data, event->data.data, event->data.len);
}

void pair_drain(struct pair *p, int which)
{
    struct pair_side *side = &p->side[which];
    struct dbr_stack_event event;

    while (dbr_stack_poll(side->stack, &event)) {
        record(side, &event);
        if (event.type == DBR_STACK_INCOMING) {
            bool speaks = side->speaks == NULL ||
                          dbr_bytes_equal(event.protocol, dbr_bytes_str(side->speaks));
            (speaks ? dbr_stack_accept : dbr_stack_refuse)(side->stack, event.stream);
        }
        if (event.type == DBR_STACK_DATA && !side->hold) {
            dbr_stack_consume(side->stack, event.stream, event.data.len);
        }
    }
}

int pair_inject(struct pair *p, int which, debros_bytes bytes)
{
    struct pair_side *side = &p->side[which];
    size_t at = 0;
    while (at < bytes.len && side->err == 0) {
        size_t left = bytes.len - at;
        size_t n = p->split == PAIR_WHOLE   ? left
                   : p->split == PAIR_BYTES ? 1
                                            : 1 + dbr_rng_below(&p->rng, left);
        side->err = dbr_stack_recv(side->stack, dbr_bytes(bytes.data + at, n), p->now);
        at += n;
        if (side->err == 0) {
            pair_drain(p, which);
        }
    }
    return side->err;
}

/* Carries what `from` has written. False: nothing. */
static bool carry(struct pair *p, int from)
{
    struct dbr_buf *out = dbr_stack_out(p->side[from].stack);
    if (out->len == 0) {
        return false;
    }
    struct dbr_buf bytes = dbr_buf_take(out);
    uint64_t at = p->corrupt_at[from] - p->wire_bytes[from];
    if (at < bytes.len) {
        bytes.data[at] ^= 0x40;
    }
    p->wire_bytes[from] += bytes.len;
    (void)pair_inject(p, 1 - from, dbr_bytes(bytes.data, bytes.len));
    dbr_buf_finish(&bytes);
    return true;
}

int pair_run(struct pair *p)
{
    bool busy = true;
    pair_drain(p, 0);
    pair_drain(p, 1);
    while (busy && p->side[0].err == 0 && p->side[1].err == 0) {
        busy = carry(p, 0);
        busy = carry(p, 1) || busy;
        pair_drain(p, 0);
        pair_drain(p, 1);
    }
    return p->side[0].err != 0 ? p->side[0].err : p->side[1].err;
}

void pair_connect(struct pair *p)
{
    pair_start(p);
    assert_int_equal(pair_run(p), 0);
    assert_int_equal(pair_count(&p->side[0], DBR_STACK_SECURED), 1);
    assert_int_equal(pair_count(&p->side[1], DBR_STACK_SECURED), 1);
    pair_forget(&p->side[0]);
    pair_forget(&p->side[1]);
}

uint32_t pair_open(struct pair *p, const char *protocol)
{
    uint32_t stream = 0;
    assert_int_equal(
        dbr_stack_open(p->side[0].stack, &stream, dbr_bytes_str(protocol), p->now), 0);
    assert_int_equal(pair_run(p), 0);
    return stream;
}

size_t pair_count(const struct pair_side *side, enum dbr_stack_event_type type)
{
    size_t n = 0;
    for (size_t i = 0; i < side->n_records; i++) {
        n += side->records[i].type == type;
    }
    return n;
}

const struct pair_record *pair_find(const struct pair_side *side,
                                    enum dbr_stack_event_type type)
{
    for (size_t i = 0; i < side->n_records; i++) {
        if (side->records[i].type == type) {
            return &side->records[i];
        }
    }
    return NULL;
}

void pair_forget(struct pair_side *side)
{
    side->n_records = 0;
    dbr_buf_clear(&side->data);
}

int pair_send_text(struct pair *p, int side, uint32_t stream, const char *text)
{
    return dbr_stack_send(p->side[side].stack, stream, dbr_bytes_str(text));
}
