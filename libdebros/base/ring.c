#include "ring.h"

#include <string.h>

#include "alloc.h"
#include "check.h"

#define CAP_MIN 8

void dbr_ring_init(struct dbr_ring *ring, size_t item_size, size_t limit)
{
    dbr_assert(item_size > 0);
    *ring = (struct dbr_ring){.item_size = item_size, .limit = limit};
}

void dbr_ring_finish(struct dbr_ring *ring)
{
    dbr_free(ring->items);
    ring->items = NULL;
    ring->head = 0;
    ring->len = 0;
    ring->cap = 0;
}

static uint8_t *slot(const struct dbr_ring *ring, size_t index)
{
    return ring->items + ((ring->head + index) & (ring->cap - 1)) * ring->item_size;
}

/* Doubles the memory. The items that had wrapped around follow the old end. */
static bool grow(struct dbr_ring *ring)
{
    size_t cap = ring->cap == 0 ? CAP_MIN : 2 * ring->cap;
    if (cap < ring->cap) {
        return false;
    }
    uint8_t *items = dbr_realloc_array(ring->items, cap, ring->item_size);
    if (items == NULL) {
        return false;
    }
    if (ring->head > 0) {
        memcpy(items + ring->cap * ring->item_size, items, ring->head * ring->item_size);
    }
    ring->items = items;
    ring->cap = cap;
    return true;
}

bool dbr_ring_push(struct dbr_ring *ring, const void *item)
{
    if (dbr_ring_is_full(ring) || (ring->len == ring->cap && !grow(ring))) {
        return false;
    }
    memcpy(slot(ring, ring->len), item, ring->item_size);
    ring->len++;
    return true;
}

bool dbr_ring_pop(struct dbr_ring *ring, void *item)
{
    if (ring->len == 0) {
        return false;
    }
    memcpy(item, slot(ring, 0), ring->item_size);
    ring->head = (ring->head + 1) & (ring->cap - 1);
    ring->len--;
    return true;
}

void *dbr_ring_peek(const struct dbr_ring *ring)
{
    return ring->len == 0 ? NULL : slot(ring, 0);
}

bool dbr_ring_is_full(const struct dbr_ring *ring)
{
    return ring->len >= ring->limit;
}
