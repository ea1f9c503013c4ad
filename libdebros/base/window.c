#include "window.h"

#include <string.h>

#include "check.h"

#define EXACT 8u /* values below stand for themselves */

/* The step that holds `value`: its exponent and the three bits below the first. */
static unsigned step_of(uint64_t value)
{
    unsigned exponent = 3;
    if (value < EXACT) {
        return (unsigned)value;
    }
    while (exponent < 63 && value >> (exponent + 1) != 0) {
        exponent++;
    }
    unsigned step = (exponent - 2) * EXACT + (unsigned)(value >> (exponent - 3)) % EXACT;
    return step < DBR_WINDOW_STEPS ? step : DBR_WINDOW_STEPS - 1;
}

/* The greatest value of a step. */
static uint64_t end_of(unsigned step)
{
    if (step < EXACT) {
        return step;
    }
    unsigned shift = step / EXACT - 1;
    return ((uint64_t)(EXACT + step % EXACT + 1) << shift) - 1;
}

static uint64_t number_of(dbr_time now)
{
    return now / DBR_WINDOW_SLOT_MS + 1;
}

static bool is_current(const struct dbr_window_slot *slot, dbr_time now)
{
    uint64_t number = number_of(now);
    return slot->number != 0 && slot->number <= number &&
           number - slot->number < DBR_WINDOW_SLOTS;
}

void dbr_window_add(struct dbr_window *window, uint64_t value, dbr_time now)
{
    uint64_t number = number_of(now);
    struct dbr_window_slot *slot = &window->slots[number % DBR_WINDOW_SLOTS];
    if (slot->number != number) {
        memset(slot, 0, sizeof(*slot));
        slot->number = number;
    }
    slot->count++;
    slot->max = value > slot->max ? value : slot->max;
    slot->steps[step_of(value)]++;
}

uint64_t dbr_window_max(const struct dbr_window *window, dbr_time now)
{
    uint64_t max = 0;
    for (size_t i = 0; i < DBR_WINDOW_SLOTS; i++) {
        const struct dbr_window_slot *slot = &window->slots[i];
        if (is_current(slot, now) && slot->max > max) {
            max = slot->max;
        }
    }
    return max;
}

uint64_t dbr_window_count(const struct dbr_window *window, dbr_time now)
{
    uint64_t count = 0;
    for (size_t i = 0; i < DBR_WINDOW_SLOTS; i++) {
        count += is_current(&window->slots[i], now) ? window->slots[i].count : 0;
    }
    return count;
}

uint64_t dbr_window_percentile(const struct dbr_window *window, unsigned percent,
                               dbr_time now)
{
    dbr_assert(percent >= 1 && percent <= 100);
    uint64_t count = dbr_window_count(window, now);
    uint64_t max = dbr_window_max(window, now);
    uint64_t wanted = (count * percent + 99) / 100;
    uint64_t seen = 0;
    for (unsigned step = 0; step < DBR_WINDOW_STEPS && wanted > 0; step++) {
        for (size_t i = 0; i < DBR_WINDOW_SLOTS; i++) {
            const struct dbr_window_slot *slot = &window->slots[i];
            seen += is_current(slot, now) ? slot->steps[step] : 0;
        }
        if (seen >= wanted) {
            bool is_last = step == DBR_WINDOW_STEPS - 1;
            return is_last || end_of(step) > max ? max : end_of(step);
        }
    }
    return 0;
}
