/* An arena: many small allocations, freed all at once, with a cap in bytes. Also the
 * allocator of protobuf-c messages, so that an untrusted one costs at most the cap. */
#ifndef DBR_BASE_ARENA_H
#define DBR_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct dbr_arena_block;

struct dbr_arena {
    struct dbr_arena_block *blocks;
    size_t used; /* bytes handed out */
    size_t cap;  /* 0: no cap */
};

void dbr_arena_init(struct dbr_arena *arena, size_t cap);
void dbr_arena_finish(struct dbr_arena *arena); /* frees all; zeroed arena allowed */
/* 16-byte aligned, not zeroed. NULL: out of memory or cap reached. */
void *dbr_arena_alloc(struct dbr_arena *arena, size_t size);
void *dbr_arena_calloc(struct dbr_arena *arena, size_t count, size_t size);
void *dbr_arena_memdup(struct dbr_arena *arena, const void *data, size_t len);
char *dbr_arena_strndup(struct dbr_arena *arena, const char *text, size_t len);
char *dbr_arena_strdup(struct dbr_arena *arena, const char *text);

#endif
