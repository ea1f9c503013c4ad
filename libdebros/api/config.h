/* The checked copy of a debros_config. */
#ifndef DBR_API_CONFIG_H
#define DBR_API_CONFIG_H

#include "base/arena.h"
#include "multi/multiaddr.h"
#include "transfer/message.h"

/* Until a client that was answered asks again, and until a lone write of a client's is
 * durable, on most machines. */
#define DBR_CONFIG_BUSY_POLL_US        100u
#define DBR_CONFIG_CLIENT_BUSY_POLL_US 300u

#define DBR_CONFIG_MAX_LISTEN       16u
#define DBR_CONFIG_MAX_BOOTSTRAP    64u
#define DBR_CONFIG_MAX_ADVERTISE    8u /* DBR_MEMBER_ADDRS */
#define DBR_CONFIG_MAX_CONNECTIONS  65536u
#define DBR_CONFIG_MAX_PENDING      (1u << 20)
#define DBR_CONFIG_MAX_BUSY_POLL_US 1000u
#define DBR_CONFIG_MAX_RETRIES      100u
#define DBR_CONFIG_MAX_POOL         16u
#define DBR_CONFIG_MAX_PROTOCOL     80u
#define DBR_CONFIG_MIN_DISCOVERY_MS 1000u
#define DBR_CONFIG_MAX_DISCOVERY_MS 3600000u
#define DBR_CONFIG_MAX_DIALS        64u
#define DBR_CONFIG_MAX_WATER        65536u
#define DBR_CONFIG_MIN_ELECTION_MS  100u
#define DBR_CONFIG_MAX_ELECTION_MS  60000u
#define DBR_CONFIG_MIN_MEMORY       (32u << 20) /* one SQL message, and some more */
#define DBR_CONFIG_MAX_MEMORY       (UINT64_C(1) << 40)
#define DBR_CONFIG_MIN_RATE         (256u << 10) /* a chunk in a second */
#define DBR_CONFIG_MAX_RATE         (UINT64_C(1) << 34)
#define DBR_CONFIG_MIN_CHUNK        4096u
#define DBR_CONFIG_MAX_CHUNK        DBR_TRANSFER_CHUNK

struct dbr_config {
    debros_config c;           /* its strings live in `arena` */
    const char *identity_path; /* NULL: the key lives in memory */
    struct dbr_endpoint listen[DBR_CONFIG_MAX_LISTEN];
    struct dbr_multiaddr bootstrap[DBR_CONFIG_MAX_BOOTSTRAP];
    struct dbr_multiaddr advertise[DBR_CONFIG_MAX_ADVERTISE];
    struct dbr_arena arena;
};

/* Errors: EINVAL with detail, ENOMEM; nothing is to be freed then. */
int dbr_config_init(struct dbr_config *out, const debros_config *from,
                    debros_detail *detail);
void dbr_config_finish(struct dbr_config *config);
/* What may wait for all peers together: as configured, or a quarter of the machine's
 * memory. 0: the system does not say how much it has. */
size_t dbr_config_memory(const debros_config *config);
/* FOLDER/NAME in `arena`; NULL: out of memory. */
char *dbr_config_path(struct dbr_arena *arena, const char *folder, const char *name);

#endif
