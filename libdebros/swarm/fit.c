#include "fit.h"

#include <string.h>

/* The four bytes of an IPv4 address, also of one mapped into IPv6 (RFC 4291 2.5.5.2). */
static const uint8_t *ip4_of(const struct dbr_endpoint *endpoint)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (!endpoint->is_ip6) {
        return endpoint->ip;
    }
    return memcmp(endpoint->ip, mapped, sizeof(mapped)) == 0 ? endpoint->ip + 12 : NULL;
}

static bool is_nowhere(const struct dbr_endpoint *endpoint)
{
    const uint8_t *ip4 = ip4_of(endpoint);
    return endpoint->port == 0 || dbr_endpoint_is_wildcard(endpoint) ||
           (ip4 != NULL ? ip4[0] == 0 || ip4[0] >= 224 : endpoint->ip[0] == 0xff);
}

static bool is_private(const struct dbr_endpoint *endpoint)
{
    const uint8_t *ip4 = ip4_of(endpoint);
    const uint8_t *ip6 = endpoint->ip;
    if (ip4 == NULL) {
        return (ip6[0] & 0xfe) == 0xfc || (ip6[0] == 0xfe && (ip6[1] & 0xc0) == 0x80);
    }
    return ip4[0] == 10 || (ip4[0] == 172 && (ip4[1] & 0xf0) == 16) ||
           (ip4[0] == 192 && ip4[1] == 168) || (ip4[0] == 169 && ip4[1] == 254) ||
           (ip4[0] == 100 && (ip4[1] & 0xc0) == 64);
}

enum dbr_fit dbr_fit_addr(struct dbr_multiaddr *addr, const struct dbr_peer_id *id,
                          struct dbr_fit_rules rules)
{
    struct dbr_peer_id named;
    struct dbr_endpoint endpoint;
    struct dbr_name name;
    if (dbr_multiaddr_peer(addr, &named)) {
        if (!dbr_peer_id_equal(&named, id)) {
            return DBR_FIT_FOREIGN;
        }
        dbr_multiaddr_cut_peer(addr);
    }
    if (dbr_multiaddr_name(addr, &name)) {
        return !rules.names     ? DBR_FIT_STRANGE
               : name.port == 0 ? DBR_FIT_NOWHERE
                                : DBR_FIT;
    }
    if (!dbr_multiaddr_endpoint(addr, &endpoint)) {
        return DBR_FIT_STRANGE;
    }
    if (is_nowhere(&endpoint)) {
        return DBR_FIT_NOWHERE;
    }
    if (dbr_endpoint_is_loopback(&endpoint)) {
        return rules.loopback ? DBR_FIT : DBR_FIT_LOOPBACK;
    }
    return !rules.is_private && is_private(&endpoint) ? DBR_FIT_PRIVATE : DBR_FIT;
}
