#include "multistream.h"

#include <string.h>

#include "base/check.h"
#include "base/reader.h"

#define HEADER        "/multistream/1.0.0"
#define NOT_AVAILABLE "na"

static void write_message(struct dbr_buf *out, debros_bytes text)
{
    dbr_buf_uvarint(out, text.len + 1);
    dbr_buf_add(out, text.data, text.len);
    dbr_buf_u8(out, '\n');
}

/* Takes bytes until `message` holds one whole message. 1, 0 for more, or an error. */
static int gather(struct dbr_multistream *ms, debros_bytes in, size_t *used,
                  debros_bytes *text)
{
    uint64_t length = 0;
    int prefix = dbr_uvarint_decode(ms->message, ms->len, &length);
    while (prefix == DEBROS_EAGAIN) {
        if (ms->len == 2) { /* 1,024 needs two bytes of uvarint */
            return DEBROS_ELIMIT;
        }
        if (*used == in.len) {
            return 0;
        }
        ms->message[ms->len++] = in.data[(*used)++];
        prefix = dbr_uvarint_decode(ms->message, ms->len, &length);
    }
    if (prefix < 0) {
        return prefix;
    }
    if (length == 0) {
        return DEBROS_EPROTO;
    }
    if (length > DBR_MULTISTREAM_MAX) {
        return DEBROS_ELIMIT;
    }
    size_t want = (size_t)prefix + (size_t)length - ms->len;
    size_t n = want < in.len - *used ? want : in.len - *used;
    if (n > 0) {
        memcpy(ms->message + ms->len, in.data + *used, n);
    }
    ms->len = (uint16_t)(ms->len + n);
    *used += n;
    if (n < want) {
        return 0;
    }
    *text = dbr_bytes(ms->message + prefix, (size_t)length - 1);
    ms->len = 0;
    return text->data[text->len] == '\n' ? 1 : DEBROS_EPROTO;
}

static int take_header(struct dbr_multistream *ms, debros_bytes text, struct dbr_buf *out)
{
    if (!dbr_bytes_equal(text, dbr_bytes_str(HEADER))) {
        return DEBROS_EPROTO;
    }
    ms->has_header = true;
    if (!ms->dialer) {
        write_message(out, text);
    }
    return DBR_MULTISTREAM_MORE;
}

static int take_answer(const struct dbr_multistream *ms, debros_bytes text)
{
    if (dbr_bytes_equal(text, dbr_bytes(ms->proposal, ms->proposal_len))) {
        return DBR_MULTISTREAM_AGREED;
    }
    if (dbr_bytes_equal(text, dbr_bytes_str(NOT_AVAILABLE))) {
        return DBR_MULTISTREAM_REFUSED;
    }
    return DEBROS_EPROTO;
}

/* `ls` and every other text without a leading '/' is a proposal that nobody accepts. */
static int take_proposal(struct dbr_multistream *ms, debros_bytes text)
{
    if (ms->proposals == DBR_MULTISTREAM_PROPOSALS) {
        return DEBROS_ELIMIT;
    }
    ms->proposals++;
    memmove(ms->message, text.data, text.len);
    ms->proposal_len = (uint16_t)text.len;
    return DBR_MULTISTREAM_PROPOSED;
}

void dbr_multistream_dial(struct dbr_multistream *ms, debros_bytes protocol,
                          struct dbr_buf *out)
{
    dbr_assert(protocol.len > 0 && protocol.len <= DBR_MULTISTREAM_PROTOCOL_MAX);
    memset(ms, 0, sizeof(*ms));
    ms->dialer = true;
    ms->proposal_len = (uint16_t)protocol.len;
    memcpy(ms->proposal, protocol.data, protocol.len);
    write_message(out, dbr_bytes_str(HEADER));
    write_message(out, protocol);
}

void dbr_multistream_listen(struct dbr_multistream *ms)
{
    memset(ms, 0, sizeof(*ms));
}

int dbr_multistream_recv(struct dbr_multistream *ms, debros_bytes in, size_t *used,
                         debros_bytes *protocol, struct dbr_buf *out)
{
    debros_bytes text;
    int step = DBR_MULTISTREAM_MORE;

    *used = 0;
    while (step == DBR_MULTISTREAM_MORE) {
        int whole = gather(ms, in, used, &text);
        if (whole <= 0) {
            return whole;
        }
        if (!ms->has_header) {
            step = take_header(ms, text, out);
        } else if (ms->dialer) {
            step = take_answer(ms, text);
        } else {
            step = take_proposal(ms, text);
            *protocol = dbr_bytes(ms->message, ms->proposal_len);
        }
    }
    return step;
}

void dbr_multistream_accept(const struct dbr_multistream *ms, struct dbr_buf *out)
{
    write_message(out, dbr_bytes(ms->message, ms->proposal_len));
}

void dbr_multistream_refuse(const struct dbr_multistream *ms, struct dbr_buf *out)
{
    (void)ms;
    write_message(out, dbr_bytes_str(NOT_AVAILABLE));
}
