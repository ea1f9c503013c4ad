/* Failpoints: the node that comes to the named one dies there. Its disk takes nothing
 * more, and what it still says is dropped; then it is restarted. */
#include "base/failpoint.h"
#include "world.h"

#ifdef DBR_FAILPOINTS

static struct sim_world *world; /* of this thread's only run */
static int acting = -1;

static void hit(const char *name)
{
    struct sim_world *w = world;
    if (w == NULL || acting < 0 || strcmp(name, w->config.failpoint) != 0 ||
        w->nodes[acting].is_doomed || w->point_countdown-- > 0) {
        return;
    }
    sim_trace(w, "n%d dies at %s", acting, name);
    w->nodes[acting].is_doomed = true;
    w->result->point_hits++;
    w->point_countdown = 1 + dbr_rng_below(&w->aim_rng, 40);
    if (w->nodes[acting].disk != NULL) {
        sim_disk_crash_after(w->nodes[acting].disk, 0);
    }
}

void sim_act(struct sim_world *w, int node)
{
    (void)w;
    acting = node;
}

void sim_points_begin(struct sim_world *w)
{
    if (w->config.failpoint != NULL) {
        w->point_countdown = dbr_rng_below(&w->aim_rng, 4);
        world = w;
        dbr_failpoint_hook = hit;
    }
}

void sim_points_end(struct sim_world *w)
{
    (void)w;
    world = NULL;
    dbr_failpoint_hook = NULL;
}

#else

void sim_act(struct sim_world *w, int node)
{
    (void)w;
    (void)node;
}

void sim_points_begin(struct sim_world *w)
{
    (void)w;
}

void sim_points_end(struct sim_world *w)
{
    (void)w;
}

#endif
