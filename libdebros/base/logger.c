#include "logger.h"

#include <stdarg.h>
#include <string.h>

#include "text.h"

#define LINE_SIZE 1024 /* with NUL */

const char *debros_log_level_name(enum debros_log_level level)
{
    switch (level) {
    case DEBROS_LOG_ERROR:
        return "error";
    case DEBROS_LOG_WARN:
        return "warn";
    case DEBROS_LOG_INFO:
        return "info";
    case DEBROS_LOG_DEBUG:
        return "debug";
    }
    return "unknown";
}

static bool is_wanted(const struct dbr_logger *logger, enum debros_log_level level)
{
    return logger != NULL && logger->sink != NULL && level <= logger->level;
}

/* Of an id the end: all Ed25519 ids begin alike. */
static const char *short_peer(const char *peer)
{
    size_t len = strlen(peer);
    return len > DBR_LOG_PEER_LEN ? peer + len - DBR_LOG_PEER_LEN : peer;
}

static void write_line(const struct dbr_logger *logger, enum debros_log_level level,
                       const char *module, const char *peer, const char *format,
                       va_list args)
{
    char line[LINE_SIZE];
    dbr_text_format(line, sizeof(line), format, args);
    dbr_text_clean(line);
    debros_log_record record = {
        .level = level, .module = module, .peer = short_peer(peer), .message = line};
    logger->sink(logger->data, &record, format);
}

void dbr_log(const struct dbr_logger *logger, enum debros_log_level level,
             const char *module, const char *format, ...)
{
    va_list args;
    if (is_wanted(logger, level)) {
        va_start(args, format);
        write_line(logger, level, module, "", format, args);
        va_end(args);
    }
}

void dbr_log_peer(const struct dbr_logger *logger, enum debros_log_level level,
                  const char *module, const char *peer, const char *format, ...)
{
    va_list args;
    if (is_wanted(logger, level)) {
        va_start(args, format);
        write_line(logger, level, module, peer, format, args);
        va_end(args);
    }
}
