#include "path.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

void dbr_path_format(char out[DBR_PATH_MAX], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(out, DBR_PATH_MAX, format, args);
    va_end(args);
    dbr_assert(len > 0 && len < DBR_PATH_MAX);
}

void dbr_path_parent(char out[DBR_PATH_MAX], const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        dbr_path_format(out, ".");
    } else {
        dbr_path_format(out, "%.*s", (int)(slash - path), path);
    }
}
