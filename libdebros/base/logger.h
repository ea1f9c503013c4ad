/* Log lines: a level, a module, a peer and a sink; no globals. */
#ifndef DBR_BASE_LOGGER_H
#define DBR_BASE_LOGGER_H

#include "debros.h"

#define DBR_LOG_PEER_LEN                                                                 \
    8 /* characters of a peer id's end: its beginning is everyone's */

/* Gets the record without its time, which nothing below the line knows. `site` names the
 * call: the same text for all lines of one place in the code. */
typedef void (*dbr_log_sink)(void *data, const debros_log_record *record,
                             const char *site);

struct dbr_logger {
    enum debros_log_level level;
    dbr_log_sink sink; /* NULL: silent */
    void *data;
};

/* A NULL logger is silent. Lines longer than 1,023 bytes are cut; control characters and
 * what is no UTF-8 are replaced: peers choose some of the text. */
#ifdef __GNUC__
__attribute__((format(printf, 4, 5)))
#endif
void dbr_log(const struct dbr_logger *logger, enum debros_log_level level,
             const char *module, const char *format, ...);

/* The same about one peer: `peer` is its id's text, in full or "". */
#ifdef __GNUC__
__attribute__((format(printf, 5, 6)))
#endif
void dbr_log_peer(const struct dbr_logger *logger, enum debros_log_level level,
                  const char *module, const char *peer, const char *format, ...);

#endif
