#include "check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void dbr_check_failed(const char *expr, const char *file, int line)
{
    fprintf(stderr, "%s:%d: check failed: %s\n", file, line, expr);
    abort();
}
