/* Two stacks back to back in memory: a dialer (side 0) and a listener (side 1).
 *
 * Bytes travel whole, one by one or in random splits; every event is written down with a
 * copy of its data. Time is a number that only the test moves. */
#ifndef TEST_CONN_PAIR_H
#define TEST_CONN_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/rng.h"
#include "conn/stack.h"
#include "crypto/keypair.h"

#define PAIR_RECORDS 8192

enum pair_split { PAIR_WHOLE, PAIR_BYTES, PAIR_RANDOM };

struct pair_record {
    enum dbr_stack_event_type type;
    uint32_t stream;
    char protocol[64];
    struct dbr_peer_id peer;
};

struct pair_side {
    struct dbr_stack *stack;
    struct dbr_keypair keys;
    struct dbr_peer_id id;
    struct dbr_rng rng;
    int err;
    const char *speaks; /* accepts this protocol; NULL: all, "": none */
    bool hold;          /* does not consume what arrives */
    struct pair_record records[PAIR_RECORDS];
    size_t n_records;
    struct dbr_buf data; /* all DATA of all streams, in order */
};

struct pair {
    struct pair_side side[2];
    struct dbr_stack_config config[2]; /* change between init and start */
    struct dbr_rng rng;
    enum pair_split split;
    dbr_time now;
    uint64_t wire_bytes[2]; /* written by each side */
    uint64_t corrupt_at[2]; /* flip a bit of this byte; UINT64_MAX: never */
};

struct pair *pair_new(uint64_t seed, enum pair_split split);
void pair_start(struct pair *p);
void pair_free(struct pair *p);
/* Moves bytes until both are quiet. Returns the first error of either side, or 0. */
int pair_run(struct pair *p);
/* Takes the events of one side. */
void pair_drain(struct pair *p, int side);
/* Gives bytes to one side as if its peer had written them. */
int pair_inject(struct pair *p, int side, debros_bytes bytes);
/* pair_start() and pair_run(): both sides are secured. */
void pair_connect(struct pair *p);
/* Opens a stream of side 0 and runs until it is agreed. */
uint32_t pair_open(struct pair *p, const char *protocol);

size_t pair_count(const struct pair_side *side, enum dbr_stack_event_type type);
const struct pair_record *pair_find(const struct pair_side *side,
                                    enum dbr_stack_event_type type);
void pair_forget(struct pair_side *side); /* empties records and data */
int pair_send_text(struct pair *p, int side, uint32_t stream, const char *text);
#define pair_assert_data(side, text)                                                     \
    do {                                                                                 \
        assert_int_equal((side)->data.len, strlen(text));                                \
        assert_memory_equal((side)->data.data, text, strlen(text));                      \
    } while (0)

#endif
