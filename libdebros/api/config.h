/* The checked copy of a debros_config. */
#ifndef DBR_API_CONFIG_H
#define DBR_API_CONFIG_H

#include "base/arena.h"
#include "multi/multiaddr.h"

#define DBR_CONFIG_MAX_LISTEN      16u
#define DBR_CONFIG_MAX_BOOTSTRAP   64u
#define DBR_CONFIG_MAX_CONNECTIONS 65536u
#define DBR_CONFIG_MAX_PENDING     (1u << 20)
#define DBR_CONFIG_MAX_RETRIES     100u
#define DBR_CONFIG_MAX_POOL        16u
#define DBR_CONFIG_MIN_ELECTION_MS 100u
#define DBR_CONFIG_MAX_ELECTION_MS 60000u

struct dbr_config {
    debros_config c;           /* its strings live in `arena` */
    const char *identity_path; /* NULL: the key lives in memory */
    struct dbr_endpoint listen[DBR_CONFIG_MAX_LISTEN];
    struct dbr_multiaddr bootstrap[DBR_CONFIG_MAX_BOOTSTRAP];
    struct dbr_arena arena;
};

/* Errors: EINVAL with detail, ENOMEM; nothing is to be freed then. */
int dbr_config_init(struct dbr_config *out, const debros_config *from,
                    debros_detail *detail);
void dbr_config_finish(struct dbr_config *config);
/* FOLDER/NAME in `arena`; NULL: out of memory. */
char *dbr_config_path(struct dbr_arena *arena, const char *folder, const char *name);

#endif
