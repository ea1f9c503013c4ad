/* The resolver's functions, which a program may define itself: the names below have the
 * addresses that a test wants, and all others go to the system's own. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "resolver.h"

#define EXPORTED __attribute__((visibility("default")))

struct entry {
    struct addrinfo info;
    struct sockaddr_in address;
};

/* "two.test": 127.0.0.2, then 127.0.0.1. */
static int two(const char *service, struct addrinfo **out)
{
    struct entry *list = calloc(2, sizeof(*list));
    if (list == NULL) {
        return EAI_MEMORY;
    }
    for (size_t i = 0; i < 2; i++) {
        list[i].address.sin_family = AF_INET;
        list[i].address.sin_port = htons((uint16_t)strtoul(service, NULL, 10));
        list[i].address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 - (uint32_t)i);
        list[i].info.ai_family = AF_INET;
        list[i].info.ai_socktype = SOCK_STREAM;
        list[i].info.ai_addrlen = sizeof(list[i].address);
        list[i].info.ai_addr = (struct sockaddr *)&list[i].address;
        list[i].info.ai_next = i == 0 ? &list[1].info : NULL;
        list[i].info.ai_flags = RESOLVER_OURS;
    }
    *out = &list[0].info;
    return 0;
}

EXPORTED int getaddrinfo(const char *node, const char *service,
                         const struct addrinfo *hints, struct addrinfo **out)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    return strcmp(node, "two.test") == 0 ? two(service, out)
                                         : real(node, service, hints, out);
}

EXPORTED void freeaddrinfo(struct addrinfo *info)
{
    void (*real)(struct addrinfo *);
    *(void **)&real = dlsym(RTLD_NEXT, "freeaddrinfo");
    if (info != NULL && info->ai_flags == RESOLVER_OURS) {
        free(info); /* the first member of its entry */
    } else if (info != NULL) {
        real(info);
    }
}
