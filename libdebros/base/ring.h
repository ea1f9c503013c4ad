/* A bounded queue of equal-sized items that grows up to its limit: the events of every
 * machine. A full ring is back-pressure, never loss. */
#ifndef DBR_BASE_RING_H
#define DBR_BASE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dbr_ring {
    uint8_t *items;
    size_t item_size;
    size_t head; /* index of the oldest */
    size_t len;
    size_t cap;   /* allocated, a power of two or 0 */
    size_t limit; /* most items ever */
};

void dbr_ring_init(struct dbr_ring *ring, size_t item_size, size_t limit);
void dbr_ring_finish(struct dbr_ring *ring);
/* Copies the item in. False: full, or memory is short. */
bool dbr_ring_push(struct dbr_ring *ring, const void *item);
bool dbr_ring_pop(struct dbr_ring *ring, void *item);
void *dbr_ring_peek(const struct dbr_ring *ring); /* the oldest, or NULL */
bool dbr_ring_is_full(const struct dbr_ring *ring);

#endif
