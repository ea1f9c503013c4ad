/* The 12-byte header of yamux frames.
 *
 * Spec: github.com/hashicorp/yamux/blob/master/spec.md; libp2p-wire section 4. */
#ifndef DBR_CONN_YAMUX_FRAME_H
#define DBR_CONN_YAMUX_FRAME_H

#include <stdint.h>

#define DBR_YAMUX_HEADER_SIZE 12
#define DBR_YAMUX_WINDOW      262144u /* of every new stream, both directions, always */

enum dbr_yamux_type {
    DBR_YAMUX_TYPE_DATA,   /* `length` bytes follow */
    DBR_YAMUX_TYPE_WINDOW, /* `length` more bytes may be sent */
    DBR_YAMUX_TYPE_PING,   /* `length` is an opaque value to echo */
    DBR_YAMUX_TYPE_GOAWAY  /* `length` is a code */
};

enum dbr_yamux_flag {
    DBR_YAMUX_SYN = 1,
    DBR_YAMUX_ACK = 2,
    DBR_YAMUX_FIN = 4,
    DBR_YAMUX_RST = 8
};

enum dbr_yamux_code {
    DBR_YAMUX_NORMAL,
    DBR_YAMUX_PROTOCOL_ERROR,
    DBR_YAMUX_INTERNAL_ERROR
};

struct dbr_yamux_header {
    uint8_t type;
    uint16_t flags;
    uint32_t stream; /* 0: the session */
    uint32_t length;
};

void dbr_yamux_header_encode(uint8_t out[DBR_YAMUX_HEADER_SIZE],
                             const struct dbr_yamux_header *header);
/* 0 or DEBROS_EPROTO: version, type, a stream id where none belongs or none where one
 * belongs, a ping that is not exactly question or answer. */
int dbr_yamux_header_decode(struct dbr_yamux_header *header,
                            const uint8_t in[DBR_YAMUX_HEADER_SIZE]);

#endif
