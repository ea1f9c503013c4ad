/* The library's only calls of the C heap. */
#include "alloc.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void *dbr_malloc(size_t size)
{
    return malloc(size == 0 ? 1 : size);
}

static bool overflows(size_t count, size_t size)
{
    return size != 0 && count > SIZE_MAX / size;
}

void *dbr_calloc(size_t count, size_t size)
{
    if (overflows(count, size)) {
        return NULL;
    }
    return count == 0 || size == 0 ? calloc(1, 1) : calloc(count, size);
}

void *dbr_realloc(void *ptr, size_t size)
{
    return realloc(ptr, size == 0 ? 1 : size);
}

void *dbr_realloc_array(void *ptr, size_t count, size_t size)
{
    if (overflows(count, size)) {
        return NULL;
    }
    return dbr_realloc(ptr, count * size);
}

void dbr_free(void *ptr)
{
    free(ptr);
}

char *dbr_strdup(const char *text)
{
    return dbr_memdup(text, strlen(text) + 1);
}

void *dbr_memdup(const void *data, size_t len)
{
    void *copy = dbr_malloc(len);
    if (copy != NULL && len > 0) {
        memcpy(copy, data, len);
    }
    return copy;
}
