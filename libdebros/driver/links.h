/* The machine's interfaces that are up, with their addresses. */
#ifndef DBR_DRIVER_LINKS_H
#define DBR_DRIVER_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "multi/multiaddr.h"

#define DBR_LINKS_MAX      32u /* addresses that are looked at; more are ignored */
#define DBR_LINK_NAME_SIZE 32u

/* One address of an interface; several may share the interface. */
struct dbr_link {
    char name[DBR_LINK_NAME_SIZE];
    uint32_t index; /* the system's number of it, which a new one of its name changes */
    bool is_loopback;
    struct dbr_endpoint address; /* port 0 */
    uint8_t mask[16];            /* of its network; 4 bytes used for IPv4 */
};

struct dbr_links {
    struct dbr_link items[DBR_LINKS_MAX];
    size_t n;
};

/* None, when the system does not say. */
void dbr_links_look(struct dbr_links *links);
bool dbr_links_equal(const struct dbr_links *a, const struct dbr_links *b);
/* Whoever has the address is on one of the networks, without a router in between: RFC
 * 6762 section 11. */
bool dbr_links_reach(const struct dbr_links *links, const struct dbr_endpoint *address);
/* The address is this machine's. */
bool dbr_links_own(const struct dbr_links *links, const struct dbr_endpoint *address);

#endif
