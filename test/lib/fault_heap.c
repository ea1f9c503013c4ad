#include "fault_heap.h"

#include <sqlite3.h>
#include <stddef.h>

#define FAILING(result, name, parameters, arguments)                                     \
    result __real_##name parameters;                                                     \
    result __wrap_##name parameters;                                                     \
    result __wrap_##name parameters                                                      \
    {                                                                                    \
        return fault_heap_fails(FAULT_HEAP_OURS) ? NULL : __real_##name arguments;       \
    }

FAILING(void *, dbr_malloc, (size_t size), (size))
FAILING(void *, dbr_calloc, (size_t count, size_t size), (count, size))
FAILING(void *, dbr_realloc, (void *ptr, size_t size), (ptr, size))
FAILING(void *, dbr_realloc_array, (void *ptr, size_t count, size_t size),
        (ptr, count, size))
FAILING(char *, dbr_strdup, (const char *text), (text))
FAILING(void *, dbr_memdup, (const void *data, size_t len), (data, len))

static sqlite3_mem_methods memory;

static void *sqlite_malloc(int size)
{
    return fault_heap_fails(FAULT_HEAP_SQLITE) ? NULL : memory.xMalloc(size);
}

static void *sqlite_realloc(void *ptr, int size)
{
    return fault_heap_fails(FAULT_HEAP_SQLITE) ? NULL : memory.xRealloc(ptr, size);
}

bool fault_heap_wrap_sqlite(void)
{
    sqlite3_mem_methods methods;
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory) != SQLITE_OK) {
        return false;
    }
    methods = memory;
    methods.xMalloc = sqlite_malloc;
    methods.xRealloc = sqlite_realloc;
    return sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) == SQLITE_OK;
}
