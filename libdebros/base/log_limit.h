/* What repeats itself fills no disk: of the lines that one place in the code says of one
 * peer, five pass in ten seconds; the rest is counted, and told as one line when the time
 * is over. Fixed in size; debug lines always pass. */
#ifndef DBR_BASE_LOG_LIMIT_H
#define DBR_BASE_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "logger.h"

#define DBR_LOG_LIMIT_BURST 5u
#define DBR_LOG_LIMIT_MS    10000u
#define DBR_LOG_LIMIT_SLOTS 64u /* places and peers that are told apart */
#define DBR_LOG_LIMIT_TEXT  160u

struct dbr_log_limit_slot {
    const char *site; /* NULL: free */
    const char *module;
    enum debros_log_level level;
    char peer[DBR_LOG_PEER_LEN + 1];
    dbr_time begin;
    uint32_t n;                       /* lines since */
    char message[DBR_LOG_LIMIT_TEXT]; /* of the last one that did not pass */
};

/* Zeroed: nothing was said yet. */
struct dbr_log_limit {
    struct dbr_log_limit_slot slots[DBR_LOG_LIMIT_SLOTS];
    struct dbr_log_limit_slot others; /* all that find no slot, together */
    char text[DBR_LOG_LIMIT_TEXT + 64];
};

/* True: the line is to be written. */
bool dbr_log_limit_pass(struct dbr_log_limit *limit, const debros_log_record *record,
                        const char *site, dbr_time now);
/* The next line that tells of others; its texts die with the next call. NEVER as `now`:
 * whatever there is. */
bool dbr_log_limit_poll(struct dbr_log_limit *limit, debros_log_record *record,
                        dbr_time now);
/* When the next such line may be due. */
dbr_time dbr_log_limit_deadline(const struct dbr_log_limit *limit);

#endif
