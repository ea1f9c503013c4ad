/* Multiaddrs: binary form inside, text outside.
 *
 * Spec: github.com/multiformats/multiaddr; codes of libp2p-wire. */
#ifndef DBR_MULTI_MULTIADDR_H
#define DBR_MULTI_MULTIADDR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "peer_id.h"

#define DBR_MULTIADDR_MAX       256 /* bytes of the binary form */
#define DBR_MULTIADDR_TEXT_SIZE 512 /* with NUL */

/* By value. Unused bytes are zero. Whatever the functions below made is well formed and
 * its text fits in DBR_MULTIADDR_TEXT_SIZE. */
struct dbr_multiaddr {
    uint16_t len; /* 0: none */
    uint8_t bytes[DBR_MULTIADDR_MAX];
};

/* A TCP endpoint: what the driver dials and listens on. */
struct dbr_endpoint {
    bool is_ip6;
    uint8_t ip[16]; /* 4 bytes used for IPv4 */
    uint16_t port;
};

#define DBR_NAME_SIZE 254 /* of the DNS, with NUL: RFC 1035 2.3.4 */

/* A TCP endpoint whose address the DNS knows: what the driver resolves and dials. */
struct dbr_name {
    char text[DBR_NAME_SIZE];
    uint8_t ip_version; /* 4, 6, or 0: whatever there is */
    uint16_t port;
};

/* 0, DEBROS_EINVAL, DEBROS_ELIMIT, with a reason in detail, which may be NULL. */
int dbr_multiaddr_parse(struct dbr_multiaddr *out, const char *text,
                        debros_detail *detail);
/* Returns `out`. */
const char *dbr_multiaddr_text(const struct dbr_multiaddr *addr,
                               char out[DBR_MULTIADDR_TEXT_SIZE]);
/* Checks every component. 0, DEBROS_EPROTO empty, unknown or malformed, DEBROS_ELIMIT. */
int dbr_multiaddr_from_bytes(struct dbr_multiaddr *out, debros_bytes bytes);
bool dbr_multiaddr_equal(const struct dbr_multiaddr *a, const struct dbr_multiaddr *b);

/* The trailing /p2p/ID: false when there is none. */
bool dbr_multiaddr_peer(const struct dbr_multiaddr *addr, struct dbr_peer_id *peer);
/* Cuts or sets the trailing /p2p/ID. set: 0 or DEBROS_ELIMIT. */
void dbr_multiaddr_cut_peer(struct dbr_multiaddr *addr);
int dbr_multiaddr_set_peer(struct dbr_multiaddr *addr, const struct dbr_peer_id *peer);
/* /ip4|ip6/../tcp/N, with or without /p2p. False for any other shape. */
bool dbr_multiaddr_endpoint(const struct dbr_multiaddr *addr, struct dbr_endpoint *out);
/* /dns|dns4|dns6/NAME/tcp/N, with or without /p2p. False for any other shape. */
bool dbr_multiaddr_name(const struct dbr_multiaddr *addr, struct dbr_name *out);
/* One of the two: an address that can be dialed. */
bool dbr_multiaddr_is_dialable(const struct dbr_multiaddr *addr);
void dbr_multiaddr_from_endpoint(struct dbr_multiaddr *out,
                                 const struct dbr_endpoint *endpoint);
bool dbr_endpoint_is_loopback(const struct dbr_endpoint *endpoint);
bool dbr_endpoint_is_wildcard(const struct dbr_endpoint *endpoint);

#endif
