#include "driver/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

void dbr_address_from_endpoint(struct sockaddr_storage *out,
                               const struct dbr_endpoint *endpoint)
{
    memset(out, 0, sizeof(*out));
    if (endpoint->is_ip6) {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
                                   .sin6_port = htons(endpoint->port)};
        memcpy(&in6.sin6_addr, endpoint->ip, 16);
        memcpy(out, &in6, sizeof(in6));
    } else {
        struct sockaddr_in in = {.sin_family = AF_INET,
                                 .sin_port = htons(endpoint->port)};
        memcpy(&in.sin_addr, endpoint->ip, 4);
        memcpy(out, &in, sizeof(in));
    }
}

bool dbr_address_to_endpoint(struct dbr_endpoint *out, const struct sockaddr *address)
{
    memset(out, 0, sizeof(*out));
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, address, sizeof(in6));
        out->is_ip6 = true;
        out->port = ntohs(in6.sin6_port);
        memcpy(out->ip, &in6.sin6_addr, 16);
        return true;
    }
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof(in));
        out->port = ntohs(in.sin_port);
        memcpy(out->ip, &in.sin_addr, 4);
        return true;
    }
    return false;
}

const char *dbr_address_ip_text(const struct dbr_endpoint *endpoint,
                                char out[DBR_ADDRESS_TEXT_SIZE])
{
    if (inet_ntop(endpoint->is_ip6 ? AF_INET6 : AF_INET, endpoint->ip, out,
                  DBR_ADDRESS_TEXT_SIZE) == NULL) {
        out[0] = '\0';
    }
    return out;
}
