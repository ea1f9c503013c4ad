/* multistream-select 1.0, both roles, without I/O.
 *
 * Spec: github.com/multiformats/multistream-select; libp2p-wire section 2.
 *
 * A message is uvarint(length with newline) || text || '\n'. Each side begins with the
 * header; the dialer proposes, the listener echoes the proposal or answers `na`. */
#ifndef DBR_CONN_MULTISTREAM_H
#define DBR_CONN_MULTISTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"

#define DBR_MULTISTREAM_MAX          1024 /* one message with its newline */
#define DBR_MULTISTREAM_PROTOCOL_MAX 1000 /* what we propose */
#define DBR_MULTISTREAM_PROPOSALS    32   /* that a listener hears on one stream */

enum dbr_multistream_step {
    DBR_MULTISTREAM_MORE,     /* input is used up, nothing is decided */
    DBR_MULTISTREAM_PROPOSED, /* listener: answer `protocol` by _accept() or _refuse() */
    DBR_MULTISTREAM_AGREED,   /* dialer: the peer echoed; what follows belongs to it */
    DBR_MULTISTREAM_REFUSED   /* dialer: `na` */
};

struct dbr_multistream {
    bool dialer;
    bool has_header; /* the peer's header was read */
    uint8_t proposals;
    uint16_t len; /* bytes gathered in `message`, length prefix included */
    uint16_t proposal_len;
    uint8_t message[DBR_MULTISTREAM_MAX + 2];
    uint8_t proposal[DBR_MULTISTREAM_PROTOCOL_MAX];
};

/* Appends header and proposal to `out`. The protocol is copied, 1 to 1,000 bytes. */
void dbr_multistream_dial(struct dbr_multistream *ms, debros_bytes protocol,
                          struct dbr_buf *out);
/* Writes nothing: our header goes behind the peer's. */
void dbr_multistream_listen(struct dbr_multistream *ms);

/* Reads up to the next decision and no byte further: what is behind it belongs to the
 * protocol. *used tells how many bytes it took. Returns a step, DEBROS_EPROTO, or
 * DEBROS_ELIMIT: message or number of proposals too large. `protocol` is valid until the
 * next call. */
int dbr_multistream_recv(struct dbr_multistream *ms, debros_bytes in, size_t *used,
                         debros_bytes *protocol, struct dbr_buf *out);

/* The listener's answers to the last proposal. */
void dbr_multistream_accept(const struct dbr_multistream *ms, struct dbr_buf *out);
void dbr_multistream_refuse(const struct dbr_multistream *ms, struct dbr_buf *out);

#endif
