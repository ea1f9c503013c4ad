/* Addresses as one text, for tests. */
#ifndef DBR_TEST_SWARM_TEXTS_H
#define DBR_TEST_SWARM_TEXTS_H

#include <string.h>

#include "multi/multiaddr.h"

#define TEXTS_MAX 8

/* With a space between them; until the next call. */
static inline const char *texts_of(const struct dbr_multiaddr *addrs, size_t n)
{
    static char out[TEXTS_MAX * DBR_MULTIADDR_TEXT_SIZE];
    out[0] = '\0';
    for (size_t i = 0; i < n && i < TEXTS_MAX; i++) {
        char text[DBR_MULTIADDR_TEXT_SIZE];
        strcat(out, i == 0 ? "" : " ");
        strcat(out, dbr_multiaddr_text(&addrs[i], text));
    }
    return out;
}

#endif
