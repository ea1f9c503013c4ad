#include "count.h"

#include <malloc.h>

static size_t used;
static size_t peak;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *ptr, size_t size);
void __real_free(void *ptr);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *ptr, size_t size);
void __wrap_free(void *ptr);

size_t count_used(void)
{
    return used;
}

size_t count_peak(void)
{
    return peak;
}

void count_reset_peak(void)
{
    peak = used;
}

static void *add(void *ptr)
{
    used += ptr != NULL ? malloc_usable_size(ptr) : 0;
    peak = used > peak ? used : peak;
    return ptr;
}

/* What was allocated by parts that are not wrapped may be freed here. */
static size_t take(size_t size)
{
    used -= size < used ? size : used;
    return size;
}

void *__wrap_malloc(size_t size)
{
    return add(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return add(__real_calloc(count, size));
}

void *__wrap_realloc(void *ptr, size_t size)
{
    size_t before = take(ptr != NULL ? malloc_usable_size(ptr) : 0);
    void *grown = add(__real_realloc(ptr, size));
    used += grown == NULL && size > 0 ? before : 0;
    return grown;
}

void __wrap_free(void *ptr)
{
    (void)take(ptr != NULL ? malloc_usable_size(ptr) : 0);
    __real_free(ptr);
}
