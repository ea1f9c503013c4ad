/* How much of the heap is in use, by wrapping malloc, calloc, realloc and free at link
 * time: what tests hold against the limits of memory. */
#ifndef DBR_TEST_COUNT_H
#define DBR_TEST_COUNT_H

#include <stddef.h>

/* Bytes that are in use now, as the heap rounds them. */
size_t count_used(void);
/* The most since count_reset_peak(). */
size_t count_peak(void);
void count_reset_peak(void);

#endif
