/* The libp2p Noise channel. Byte 0 chooses what the rest is:
 *   0, 1  the bytes that a responder, an initiator receives
 *   2, 3  the payload of a well-made message 2, 3: it reaches the payload's decoder */
#include <string.h>

#include "base/check.h"
#include "conn/noise.h"
#include "crypto/system.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void begin(struct dbr_noise *noise, struct dbr_keypair *keys, bool initiator,
                  struct dbr_buf *out)
{
    struct dbr_rng rng;
    dbr_rng_seed(&rng, initiator ? 1 : 2);
    dbr_keypair_generate(keys, &rng);
    struct dbr_noise_config config = {
        .initiator = initiator, .offer_muxer = true, .identity = keys};
    dbr_assert(dbr_noise_init(noise, &config, &rng, out) == 0);
}

static int feed(struct dbr_noise *noise, struct dbr_buf *in, struct dbr_buf *out)
{
    size_t used = 0;
    debros_bytes text = {NULL, 0};
    int result;
    while ((result = dbr_noise_next(noise, in->data, in->len, &used, &text, out)) > 0) {
        dbr_assert(used <= in->len && text.len <= DBR_NOISE_TEXT_MAX);
        dbr_buf_consume(in, used);
    }
    return result;
}

static void raw(bool initiator, debros_bytes bytes)
{
    struct dbr_noise noise;
    struct dbr_keypair keys;
    struct dbr_buf in = {0};
    struct dbr_buf out = {0};
    begin(&noise, &keys, initiator, &out);
    dbr_buf_add(&in, bytes.data, bytes.len);
    (void)feed(&noise, &in, &out);
    dbr_assert(!noise.done); /* nobody guesses a handshake */
    dbr_noise_finish(&noise);
    dbr_buf_finish(&in);
    dbr_buf_finish(&out);
}

/* Sends the next message of `from` with a payload of its own choice. */
static void forge(struct dbr_noise *from, debros_bytes payload, struct dbr_buf *out)
{
    struct dbr_buf message = {0};
    if (dbr_noise_handshake_write(&from->handshake, &message, payload) == 0) {
        dbr_buf_be16(out, (uint16_t)message.len);
        dbr_buf_add(out, message.data, message.len);
    }
    dbr_buf_finish(&message);
}

static void payload(bool initiator_forges, debros_bytes bytes)
{
    struct dbr_noise a;
    struct dbr_noise b;
    struct dbr_keypair keys[2];
    struct dbr_buf to_a = {0};
    struct dbr_buf to_b = {0};
    debros_bytes got;
    begin(&a, &keys[0], true, &to_b);
    begin(&b, &keys[1], false, &to_a);
    if (initiator_forges) {
        dbr_assert(feed(&b, &to_b, &to_a) == 0);
        dbr_assert(dbr_noise_handshake_read(&a.handshake, to_a.data + 2, to_a.len - 2,
                                            &got) == 0);
        forge(&a, bytes, &to_b);
        (void)feed(&b, &to_b, &to_a);
    } else {
        dbr_assert(dbr_noise_handshake_read(&b.handshake, to_b.data + 2, to_b.len - 2,
                                            &got) == 0);
        forge(&b, bytes, &to_a);
        (void)feed(&a, &to_a, &to_b);
    }
    dbr_noise_finish(&a);
    dbr_noise_finish(&b);
    dbr_buf_finish(&to_a);
    dbr_buf_finish(&to_b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    dbr_assert(dbr_crypto_init() == 0);
    debros_bytes rest = dbr_bytes(data + 1, size - 1);
    if (data[0] % 4 < 2) {
        raw(data[0] % 4 == 1, rest);
    } else {
        payload(data[0] % 4 == 3, rest);
    }
    return 0;
}
