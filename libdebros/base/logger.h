/* Log lines: a level, a module and a sink; no globals. */
#ifndef DBR_BASE_LOGGER_H
#define DBR_BASE_LOGGER_H

#include "debros.h"

struct dbr_logger {
    enum debros_log_level level;
    debros_log_cb sink; /* NULL: silent */
    void *data;
};

/* A NULL logger is silent. Lines longer than 1,023 bytes are cut. */
#ifdef __GNUC__
__attribute__((format(printf, 4, 5)))
#endif
void dbr_log(const struct dbr_logger *logger, enum debros_log_level level,
             const char *module, const char *format, ...);

#endif
