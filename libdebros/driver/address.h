/* Endpoints as the system's socket addresses, and as text for people. */
#ifndef DBR_DRIVER_ADDRESS_H
#define DBR_DRIVER_ADDRESS_H

#include <sys/socket.h>

#include "multi/multiaddr.h"

#define DBR_ADDRESS_TEXT_SIZE 64

void dbr_address_from_endpoint(struct sockaddr_storage *out,
                               const struct dbr_endpoint *endpoint);
/* False: neither IPv4 nor IPv6. */
bool dbr_address_to_endpoint(struct dbr_endpoint *out, const struct sockaddr *address);
/* "127.0.0.1", "::1"; returns `out`. */
const char *dbr_address_ip_text(const struct dbr_endpoint *endpoint,
                                char out[DBR_ADDRESS_TEXT_SIZE]);

#endif
