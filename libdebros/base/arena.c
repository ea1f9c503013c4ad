/* Blocks that double in size; the newest one with room comes first. */
#include "arena.h"

#include <string.h>

#include "alloc.h"
#include "check.h"

#define ALIGNMENT 16
#define BLOCK_MIN 1024
#define BLOCK_MAX 65536

struct dbr_arena_block {
    struct dbr_arena_block *next;
    size_t used;
    size_t size; /* of data */
    uint8_t data[];
};

void dbr_arena_init(struct dbr_arena *arena, size_t cap)
{
    *arena = (struct dbr_arena){.cap = cap};
}

void dbr_arena_finish(struct dbr_arena *arena)
{
    struct dbr_arena_block *block = arena->blocks;
    while (block != NULL) {
        struct dbr_arena_block *next = block->next;
        dbr_free(block);
        block = next;
    }
    arena->blocks = NULL;
    arena->used = 0;
}

/* `size` bytes of the block, or NULL when it has no room. */
static void *block_take(struct dbr_arena_block *block, size_t size)
{
    uintptr_t address = (uintptr_t)(block->data + block->used);
    size_t pad = (size_t)(-address & (ALIGNMENT - 1));
    size_t room = block->size - block->used;
    if (pad > room || size > room - pad) {
        return NULL;
    }
    void *taken = block->data + block->used + pad;
    block->used += pad + size;
    return taken;
}

/* What the next block holds: twice the last, as far as the cap can use it. */
static size_t next_block_size(const struct dbr_arena *arena, size_t needed)
{
    size_t size = BLOCK_MIN;
    if (arena->blocks != NULL && arena->blocks->size >= BLOCK_MIN) {
        size = arena->blocks->size >= BLOCK_MAX / 2 ? BLOCK_MAX : 2 * arena->blocks->size;
    }
    if (arena->cap != 0 && size > arena->cap - arena->used) {
        size = arena->cap - arena->used;
    }
    return (size < needed ? needed : size) + ALIGNMENT;
}

void *dbr_arena_alloc(struct dbr_arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2) {
        return NULL;
    }
    /* Rounded up, and never 0, so that empty allocations count against the cap too. */
    size_t whole =
        size == 0 ? ALIGNMENT : (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (arena->cap != 0 && whole > arena->cap - arena->used) {
        return NULL;
    }
    void *taken = arena->blocks == NULL ? NULL : block_take(arena->blocks, whole);
    if (taken == NULL) {
        size_t block_size = next_block_size(arena, whole);
        struct dbr_arena_block *block = dbr_malloc(sizeof(*block) + block_size);
        if (block == NULL) {
            return NULL;
        }
        *block = (struct dbr_arena_block){.next = arena->blocks, .size = block_size};
        arena->blocks = block;
        taken = block_take(block, whole);
        dbr_assert(taken != NULL);
    }
    arena->used += whole;
    return taken;
}

void *dbr_arena_calloc(struct dbr_arena *arena, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) {
        return NULL;
    }
    void *taken = dbr_arena_alloc(arena, count * size);
    if (taken != NULL) {
        memset(taken, 0, count * size);
    }
    return taken;
}

void *dbr_arena_memdup(struct dbr_arena *arena, const void *data, size_t len)
{
    void *copy = dbr_arena_alloc(arena, len);
    if (copy != NULL && len > 0) {
        memcpy(copy, data, len);
    }
    return copy;
}

char *dbr_arena_strndup(struct dbr_arena *arena, const char *text, size_t len)
{
    if (len == SIZE_MAX) {
        return NULL;
    }
    char *copy = dbr_arena_alloc(arena, len + 1);
    if (copy != NULL) {
        if (len > 0) {
            memcpy(copy, text, len);
        }
        copy[len] = '\0';
    }
    return copy;
}

char *dbr_arena_strdup(struct dbr_arena *arena, const char *text)
{
    return dbr_arena_strndup(arena, text, strlen(text));
}
