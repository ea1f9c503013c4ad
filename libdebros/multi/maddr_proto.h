/* The protocols of a multiaddr: their codes, names and values.
 *
 * Spec: github.com/multiformats/multiaddr/blob/master/protocols.csv */
#ifndef DBR_MULTI_MADDR_PROTO_H
#define DBR_MULTI_MADDR_PROTO_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define DBR_MADDR_IP4 4
#define DBR_MADDR_TCP 6
#define DBR_MADDR_IP6 41
#define DBR_MADDR_DNS 53
#define DBR_MADDR_DNS4 54
#define DBR_MADDR_DNS6 55
#define DBR_MADDR_P2P 421

enum dbr_maddr_kind {
    DBR_MADDR_FLAG, /* no value */
    DBR_MADDR_IP4_ADDR,
    DBR_MADDR_IP6_ADDR,
    DBR_MADDR_PORT,
    DBR_MADDR_BYTE,
    DBR_MADDR_NAME, /* printable text without '/' */
    DBR_MADDR_PATH, /* text from its '/' to the end of the address */
    DBR_MADDR_ESCAPED_PATH,
    DBR_MADDR_PEER,
    DBR_MADDR_CERTHASH
};

#define DBR_MADDR_PREFIXED (-1) /* a uvarint length goes before the value */

struct dbr_maddr_proto {
    uint16_t code;
    int8_t size; /* of the value, or DBR_MADDR_PREFIXED */
    enum dbr_maddr_kind kind;
    const char *name;
};

/* NULL: unknown. */
const struct dbr_maddr_proto *dbr_maddr_by_code(uint64_t code);
const struct dbr_maddr_proto *dbr_maddr_by_name(const char *name, size_t len);

/* A value's bytes from its text. Returns their number, or DEBROS_EINVAL, DEBROS_ELIMIT.
 */
int dbr_maddr_value_parse(const struct dbr_maddr_proto *proto, uint8_t *out, size_t cap,
                          const char *text, size_t len);
/* A value's text, with NUL. Returns its length, or DEBROS_EPROTO malformed,
 * DEBROS_ELIMIT. */
int dbr_maddr_value_text(const struct dbr_maddr_proto *proto, char *out, size_t cap,
                         debros_bytes value);

#endif
