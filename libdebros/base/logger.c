#include "logger.h"

#include <stdarg.h>
#include <stdint.h>

#include "text.h"

#define LINE_SIZE 1024 /* with NUL */

/* Peers choose some of the text: none of it may begin a line or steer a terminal. */
static void blank_controls(char *line)
{
    for (char *c = line; *c != '\0'; c++) {
        uint8_t byte = (uint8_t)*c;
        if (byte < 0x20 || byte == 0x7f) {
            *c = ' ';
        }
    }
}

void dbr_log(const struct dbr_logger *logger, enum debros_log_level level,
             const char *module, const char *format, ...)
{
    if (logger == NULL || logger->sink == NULL || level > logger->level) {
        return;
    }
    char line[LINE_SIZE];
    va_list args;
    va_start(args, format);
    dbr_text_format(line, sizeof(line), format, args);
    va_end(args);
    blank_controls(line);
    logger->sink(logger->data, level, module, line);
}
