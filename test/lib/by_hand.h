/* Noise and yamux spoken by hand: for tests that play a peer which says what no stack of
 * ours would. */
#ifndef DBR_TEST_BY_HAND_H
#define DBR_TEST_BY_HAND_H

#include "conn/noise.h"
#include "conn/yamux_frame.h"
#include "test.h"

#define HELLO "\x13/multistream/1.0.0\n"

/* Opens what has come whole of `in`; what the handshake says goes to `out`. */
static inline void hear_sealed(struct dbr_noise *noise, struct dbr_buf *in,
                               struct dbr_buf *text, struct dbr_buf *out)
{
    size_t used;
    debros_bytes opened;
    while (dbr_noise_next(noise, in->data, in->len, &used, &opened, out) == 1) {
        dbr_buf_add(text, opened.data, opened.len);
        dbr_buf_consume(in, used);
    }
}

/* Seals as many messages as `text` needs, one at least. */
static inline void seal_text(struct dbr_noise *noise, struct dbr_buf *out,
                             debros_bytes text)
{
    for (size_t at = 0; at < text.len || at == 0; at += DBR_NOISE_TEXT_MAX) {
        size_t n =
            text.len - at < DBR_NOISE_TEXT_MAX ? text.len - at : DBR_NOISE_TEXT_MAX;
        uint8_t *to = dbr_noise_text(out, n);
        assert_non_null(to);
        if (n > 0) {
            memcpy(to, text.data + at, n);
        }
        assert_int_equal(dbr_noise_seal(noise, out, n), 0);
    }
}

/* A header that says `length`, and `body`, whatever its length. */
static inline void add_frame(struct dbr_buf *buf, uint8_t type, uint16_t flags,
                             uint32_t id, uint32_t length, debros_bytes body)
{
    struct dbr_yamux_header h = {type, flags, id, length};
    uint8_t *to = dbr_buf_extend(buf, DBR_YAMUX_HEADER_SIZE);
    assert_non_null(to);
    dbr_yamux_header_encode(to, &h);
    dbr_buf_add(buf, body.data, body.len);
}

#endif
