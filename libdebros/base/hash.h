/* uthash with our allocator. Tables are keyed by a member named `hh`. An insertion that
 * finds no memory leaves the table as it was: ask dbr_hash_added() after HASH_ADD*. */
#ifndef DBR_BASE_HASH_H
#define DBR_BASE_HASH_H

#include "alloc.h"

#define uthash_malloc(size) dbr_malloc(size)
#define uthash_free(ptr, size) dbr_free(ptr)
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) ((element)->hh.tbl = NULL)
#include <uthash.h>

/* After HASH_ADD*: false when memory was short and the element is not in the table. */
#define dbr_hash_added(element) ((element)->hh.tbl != NULL)

#endif
