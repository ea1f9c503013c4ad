/* Identify messages and records by hand, for the tests of this folder. */
#ifndef DBR_TEST_SWARM_FIELDS_H
#define DBR_TEST_SWARM_FIELDS_H

#include "test.h"

#include "base/buf.h"
#include "multi/multiaddr.h"
#include "multi/peer_id.h"

static inline void assert_text(const struct dbr_multiaddr *addr, const char *expected)
{
    char text[DBR_MULTIADDR_TEXT_SIZE];
    assert_string_equal(dbr_multiaddr_text(addr, text), expected);
}

/* Appends one protobuf field of bytes. */
static inline void field(struct dbr_buf *buf, unsigned number, const void *data,
                         size_t len)
{
    dbr_buf_uvarint(buf, number << 3 | 2);
    dbr_buf_uvarint(buf, len);
    dbr_buf_add(buf, data, len);
}

static inline void text_field(struct dbr_buf *buf, unsigned number, const char *text)
{
    field(buf, number, text, strlen(text));
}

static inline void addr_field(struct dbr_buf *buf, unsigned number, const char *text)
{
    struct dbr_multiaddr addr;
    assert_int_equal(dbr_multiaddr_parse(&addr, text, NULL), 0);
    field(buf, number, addr.bytes, addr.len);
}

static inline void key_field(struct dbr_buf *buf, const struct dbr_keypair *key)
{
    uint8_t message[DBR_PUBLIC_KEY_MESSAGE_SIZE];
    dbr_public_key_encode(message, key->public_key);
    field(buf, 1, message, sizeof(message));
}

static inline debros_bytes view(const struct dbr_buf *buf)
{
    return dbr_bytes(buf->data, buf->len);
}

#endif
