/* Lanes: work that blocks, off the loop's thread. A lane is a first-in first-out queue of
 * jobs and one thread that takes all that waits as one batch, or several threads that
 * take one job each. What was run comes back to the loop's thread. */
#ifndef DBR_DRIVER_WORKER_H
#define DBR_DRIVER_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "driver/chain.h"

struct dbr_loop;
struct dbr_lane;

#define DBR_LANE_MAX_THREADS 16

struct dbr_lane_config {
    const char *name;   /* of its threads, at most 15 characters */
    size_t n_threads;   /* above 1: a batch is one job */
    size_t link_offset; /* of a job's pointer to the next job */
    /* On thread `thread` of the lane. Leaves the jobs linked as they are. */
    void (*run)(void *data, struct dbr_lane *lane, size_t thread, void *jobs);
    /* On the loop's thread: jobs that were run, in the order in which they were done.
     * Their memory is the receiver's. */
    void (*done)(void *data, void *jobs);
    void *data;
};

/* On the loop's thread, or before the loop runs. `config` is copied. Errors: ENOMEM; *out
 * is then NULL, or a lane without threads to be freed like any other. */
int dbr_lane_create(struct dbr_lane **out, struct dbr_loop *loop,
                    const struct dbr_lane_config *config);
/* Takes all jobs of the chain, as one batch if it can. Loop's thread. */
void dbr_lane_add(struct dbr_lane *lane, struct dbr_chain *jobs);
/* Nothing waits, runs or comes back: what its thread would touch is the caller's until
 * the next add. Loop's thread. */
bool dbr_lane_is_idle(struct dbr_lane *lane);
/* Inside `run`: sleeps. False, at once: the lane is to end. */
bool dbr_lane_pause(struct dbr_lane *lane, uint32_t ms);
/* Ends the threads: after the jobs that wait (`finish`), or after those that run. Blocks.
 * `done` is not called any more. Harmless twice. */
void dbr_lane_stop(struct dbr_lane *lane, bool finish);
/* After stop: the next job that `done` has not seen, run or not, or NULL. */
void *dbr_lane_take(struct dbr_lane *lane);
/* Stopped, with nothing left to take, once the loop has ended. NULL is allowed. */
void dbr_lane_free(struct dbr_lane *lane);

#endif
