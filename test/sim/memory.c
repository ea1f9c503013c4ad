/* A heap that fails: from some allocation of a call of a node on, all that follow in it
 * do. The node's own; SQLite's and libraft's have tests of their own. */
#include "fault.h"
#include "world.h"

#define ONE_IN 15 /* calls */
#define LATEST 6  /* allocation that still succeeds */

void sim_short(struct sim_world *w)
{
    if (w->config.poor && w->faults && dbr_rng_below(&w->poor_rng, ONE_IN) == 0) {
        fault_after((size_t)dbr_rng_below(&w->poor_rng, LATEST));
        w->is_short = true;
    }
}

void sim_enough(struct sim_world *w)
{
    if (w->is_short && fault_off()) {
        sim_seen(w, SIM_SEEN_POOR);
    }
    w->is_short = false;
}
