/* The whole stack. Byte 0: bit 0 the role of the stack under test; bit 1 whether the rest
 * arrives raw from the first byte, or as text inside Noise from an authentic peer; bit 2
 * no early muxer; bits 3.. the pieces' size. */
#include "base/check.h"
#include "conn/noise.h"
#include "conn/stack.h"
#include "crypto/system.h"

#define INPUT_MAX 512 /* longer ones only run slower */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void drain(struct dbr_stack *stack)
{
    struct dbr_stack_event event;
    uint32_t stream;
    while (dbr_stack_poll(stack, &event)) {
        switch (event.type) {
        case DBR_STACK_SECURED:
            dbr_assert(dbr_stack_open(stack, &stream, dbr_bytes_str("/x"), 1) == 0);
            dbr_assert(dbr_stack_send(stack, stream, dbr_bytes_str("lazy")) == 0);
            break;
        case DBR_STACK_INCOMING:
            if (event.protocol.len % 2 == 0) {
                dbr_stack_accept(stack, event.stream);
            } else {
                dbr_stack_refuse(stack, event.stream);
            }
            break;
        case DBR_STACK_DATA:
            dbr_assert(event.data.len > 0);
            dbr_stack_consume(stack, event.stream, event.data.len);
            (void)dbr_stack_send(stack, event.stream, event.data);
            break;
        case DBR_STACK_FINISHED:
            dbr_stack_finish(stack, event.stream);
            break;
        case DBR_STACK_RESET:
        case DBR_STACK_CLOSED:
        case DBR_STACK_REFUSED:
            dbr_assert(dbr_stack_send(stack, event.stream, dbr_bytes_str("x")) ==
                       DEBROS_ENOTFOUND);
            break;
        default:
            break;
        }
    }
}

static int feed(struct dbr_stack *stack, debros_bytes bytes, dbr_time now)
{
    int err = dbr_stack_recv(stack, bytes, now);
    if (err == 0) {
        drain(stack);
        if (dbr_stack_deadline(stack) <= now) {
            err = dbr_stack_expire(stack, now);
        }
    }
    return err;
}

/* An authentic peer by hand: multistream as fixed text, then Noise. */
struct peer {
    struct dbr_noise noise;
    struct dbr_keypair keys;
    struct dbr_buf in;
    struct dbr_buf out;
};

static void pump(struct peer *peer, struct dbr_stack *stack)
{
    size_t used;
    debros_bytes text;
    struct dbr_buf *out = dbr_stack_out(stack);
    dbr_buf_add(&peer->in, out->data, out->len);
    dbr_buf_clear(out);
    while (dbr_noise_next(&peer->noise, peer->in.data, peer->in.len, &used, &text,
                          &peer->out) == 1) {
        dbr_buf_consume(&peer->in, used);
    }
    dbr_assert(feed(stack, dbr_bytes(peer->out.data, peer->out.len), 1) == 0);
    dbr_buf_clear(&peer->out);
}

static void shake_hands(struct peer *peer, struct dbr_stack *stack, bool initiator,
                        struct dbr_rng *rng)
{
    struct dbr_noise_config config = {
        .initiator = initiator, .offer_muxer = true, .identity = &peer->keys};
    debros_bytes hello = dbr_bytes_str("\x13/multistream/1.0.0\n\x07/noise\n");
    dbr_keypair_generate(&peer->keys, rng);
    dbr_assert(feed(stack, hello, 1) == 0);
    dbr_assert(dbr_stack_out(stack)->len >= hello.len);
    dbr_buf_consume(dbr_stack_out(stack), hello.len);
    dbr_assert(dbr_noise_init(&peer->noise, &config, rng, &peer->out) == 0);
    for (int i = 0; i < 3; i++) {
        pump(peer, stack);
    }
    dbr_assert(peer->noise.done);
}

static int send_piece(struct peer *peer, struct dbr_stack *stack, debros_bytes piece,
                      bool sealed, dbr_time now)
{
    if (!sealed) {
        return feed(stack, piece, now);
    }
    uint8_t *text = dbr_noise_text(&peer->out, piece.len);
    dbr_assert(text != NULL);
    memcpy(text, piece.data, piece.len);
    dbr_assert(dbr_noise_seal(&peer->noise, &peer->out, piece.len) == 0);
    int err = feed(stack, dbr_bytes(peer->out.data, peer->out.len), now);
    dbr_buf_clear(&peer->out);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dbr_stack *stack;
    struct dbr_stack_config config = {0};
    struct dbr_keypair keys;
    struct peer peer = {0};
    struct dbr_rng rng;
    if (size == 0 || size > INPUT_MAX) {
        return 0;
    }
    dbr_assert(dbr_crypto_init() == 0);
    dbr_rng_seed(&rng, 5);
    dbr_keypair_generate(&keys, &rng);
    dbr_stack_limits_default(&config.limits);
    config.limits.negotiate_ms = 30;
    config.limits.streams_in = 8;
    config.dialer = (data[0] & 1) != 0;
    config.identity = &keys;
    config.no_early_muxer = (data[0] & 4) != 0;
    bool sealed = (data[0] & 2) != 0;
    size_t size_of_piece = (size_t)(data[0] >> 3) * 3 + 1;

    dbr_assert(dbr_stack_create(&stack, &config, &rng, 1) == 0);
    if (sealed) {
        shake_hands(&peer, stack, !config.dialer, &rng);
    }
    int err = 0;
    dbr_time now = 1;
    for (size_t at = 1; at < size && err == 0; at += size_of_piece, now++) {
        size_t n = size - at < size_of_piece ? size - at : size_of_piece;
        err = send_piece(&peer, stack, dbr_bytes(data + at, n), sealed, now);
        if (now % 4 == 0) {
            dbr_buf_clear(dbr_stack_out(stack));
        }
    }
    dbr_assert(dbr_stack_reason(stack) != NULL);
    (void)dbr_stack_out(stack);
    dbr_stack_destroy(stack);
    dbr_noise_finish(&peer.noise);
    dbr_buf_finish(&peer.in);
    dbr_buf_finish(&peer.out);
    return 0;
}
