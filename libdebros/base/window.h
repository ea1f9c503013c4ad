/* What was measured in the last minute: the greatest value and percentiles. Six slots of
 * ten seconds, each with a histogram of eight steps for each doubling: a percentile is at
 * most an eighth too large, never too small. Fixed in size; no clock, no heap. */
#ifndef DBR_BASE_WINDOW_H
#define DBR_BASE_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clock.h"

#define DBR_WINDOW_SLOTS   6u
#define DBR_WINDOW_SLOT_MS 10000u
#define DBR_WINDOW_STEPS   248u /* the last one also holds all above 2^33 */

struct dbr_window_slot {
    uint64_t number; /* of the ten seconds since the clock's 0, plus one; 0: empty */
    uint64_t count;
    uint64_t max;
    uint32_t steps[DBR_WINDOW_STEPS];
};

/* Zeroed: empty. */
struct dbr_window {
    struct dbr_window_slot slots[DBR_WINDOW_SLOTS];
};

void dbr_window_add(struct dbr_window *window, uint64_t value, dbr_time now);
/* 0 where nothing was measured. */
uint64_t dbr_window_max(const struct dbr_window *window, dbr_time now);
uint64_t dbr_window_count(const struct dbr_window *window, dbr_time now);
/* The value that `percent` (1 to 100) of the values do not exceed. */
uint64_t dbr_window_percentile(const struct dbr_window *window, unsigned percent,
                               dbr_time now);

#endif
