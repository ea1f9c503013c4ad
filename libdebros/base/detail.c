#include "detail.h"

#include <stdarg.h>

#include "text.h"

int dbr_detail_set(debros_detail *detail, int err, const char *format, ...)
{
    if (detail != NULL) {
        va_list args;
        va_start(args, format);
        dbr_text_format(detail->text, sizeof(detail->text), format, args);
        va_end(args);
    }
    return err;
}
