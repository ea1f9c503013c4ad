#include "fault.h"

#include <stdint.h>

static size_t n_left = SIZE_MAX;
static bool has_failed;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *ptr, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *ptr, size_t size);

void fault_after(size_t n)
{
    n_left = n;
    has_failed = false;
}

bool fault_off(void)
{
    n_left = SIZE_MAX;
    return has_failed;
}

static bool fails(void)
{
    if (n_left == 0) {
        has_failed = true;
        return true;
    }
    n_left -= n_left == SIZE_MAX ? 0 : 1;
    return false;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *ptr, size_t size)
{
    return fails() ? NULL : __real_realloc(ptr, size);
}
