/* The one door to the heap for everything below api/. All return NULL when memory is
 * short; sizes are checked for overflow. dbr_free(NULL) is allowed. */
#ifndef DBR_BASE_ALLOC_H
#define DBR_BASE_ALLOC_H

#include <stddef.h>

void *dbr_malloc(size_t size);
void *dbr_calloc(size_t count, size_t size); /* zeroed */
void *dbr_realloc(void *ptr, size_t size);
/* Grows or shrinks an array of `count` elements of `size` bytes. */
void *dbr_realloc_array(void *ptr, size_t count, size_t size);
void dbr_free(void *ptr);
char *dbr_strdup(const char *text);
void *dbr_memdup(const void *data, size_t len); /* never NULL for len 0 unless OOM */

#endif
