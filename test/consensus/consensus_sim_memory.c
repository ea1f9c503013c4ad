/* A heap that fails: from some allocation of a call on, all that follow in it do. Ours,
 * not libraft's own: what it does then is not to be repaired from outside. */
#include "consensus_sim_inner.h"
#include "fault.h"

#define POOR_FROM_MS 3000
#define ONE_IN       50 /* calls */
#define LATEST       8  /* allocation that still succeeds */

void sim_short(struct sim *s)
{
    if (s->config.poor && !s->healed && s->now > POOR_FROM_MS &&
        sim_below(s, ONE_IN) == 0) {
        fault_after((size_t)sim_below(s, LATEST));
        s->is_short = true;
    }
}

bool sim_enough(struct sim *s)
{
    s->was_poor = s->is_short && fault_off();
    s->is_short = false;
    s->counts.poor += s->was_poor;
    return s->was_poor;
}
