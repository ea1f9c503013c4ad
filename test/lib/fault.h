/* Makes the heap fail, by wrapping malloc, calloc and realloc at link time. The usual
 * loop walks every path on which memory is short:
 *
 *     for (size_t n = 0;; n++) {
 *         fault_after(n);
 *         int err = work();
 *         if (!fault_off()) {
 *             break; -- it needs n allocations
 *         }
 *         assert_int_equal(err, DEBROS_ENOMEM);
 *     }
 */
#ifndef DBR_TEST_FAULT_H
#define DBR_TEST_FAULT_H

#include <stdbool.h>
#include <stddef.h>

/* The next `n` allocations succeed, all later ones fail, until fault_off(). */
void fault_after(size_t n);
/* Back to normal. True when an allocation failed since fault_after(). */
bool fault_off(void);

#endif
