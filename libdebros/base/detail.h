/* Fills a debros_detail and returns the code, so that an error is made in one line:
 *     return dbr_detail_set(detail, DEBROS_EINVAL, "port %d is above 65535", port); */
#ifndef DBR_BASE_DETAIL_H
#define DBR_BASE_DETAIL_H

#include "debros.h"

#ifdef __GNUC__
__attribute__((format(printf, 3, 4)))
#endif
int dbr_detail_set(debros_detail *detail, int err, const char *format, ...);

#endif
