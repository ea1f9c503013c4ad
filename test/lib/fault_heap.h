/* Makes single allocations fail under a whole node or store: ours, by wrapping the doors
 * of base/alloc.h at link time (dep_fault_heap), and SQLite's. The test says which. */
#ifndef DBR_TEST_FAULT_HEAP_H
#define DBR_TEST_FAULT_HEAP_H

#include <stdbool.h>

enum fault_heap { FAULT_HEAP_OURS, FAULT_HEAP_SQLITE };

/* The test's: whether this allocation is to fail. Called on any thread. */
bool fault_heap_fails(enum fault_heap heap);
/* Before SQLite is used. False: it refuses. */
bool fault_heap_wrap_sqlite(void);

#endif
