#include "base/failpoint.h"

#include <stddef.h>

void (*dbr_failpoint_hook)(const char *name) = NULL;
