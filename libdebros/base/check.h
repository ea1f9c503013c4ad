/* Assertions for programmer errors; input of peers, disks and users never trips one.
 * They stay on in every build. */
#ifndef DBR_BASE_CHECK_H
#define DBR_BASE_CHECK_H

#include <stddef.h>

#define dbr_assert(expr) ((expr) ? (void)0 : dbr_check_failed(#expr, __FILE__, __LINE__))
#define dbr_unreachable() dbr_check_failed("unreachable", __FILE__, __LINE__)

#define DBR_CONTAINER_OF(ptr, type, member) \
    ((type *)(void *)((char *)(ptr) - offsetof(type, member)))
#define DBR_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Prints to stderr and aborts. */
_Noreturn void dbr_check_failed(const char *expr, const char *file, int line);

#endif
