#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const char *const sim_seen_names[SIM_SEEN_COUNT] = {
#define SIM_SEEN_TEXT(name, text, mixed) text,
    SIM_SEEN(SIM_SEEN_TEXT)
#undef SIM_SEEN_TEXT
};

void sim_seen(struct sim_world *w, enum sim_seen what)
{
    w->result->seen[what]++;
}

void sim_fail(struct sim_world *w, const char *format, ...)
{
    if (w->result->why[0] != '\0') {
        return;
    }
    va_list args;
    va_start(args, format);
    vsnprintf(w->result->why, sizeof(w->result->why), format, args);
    va_end(args);
    sim_trace(w, "FAILED: %s", w->result->why);
}

/* Every fact goes into the hash: two runs of one seed must agree. */
void sim_trace(struct sim_world *w, const char *format, ...)
{
    char *line = w->tail[w->n_tail++ % SIM_TRACE_KEPT];
    int n = snprintf(line, sizeof(*w->tail), "%8llu ", (unsigned long long)w->now);
    va_list args;
    va_start(args, format);
    vsnprintf(line + n, sizeof(*w->tail) - (size_t)n, format, args);
    va_end(args);
    uint64_t hash = w->result->trace;
    for (const char *c = line; *c != '\0'; c++) {
        hash = (hash ^ (uint8_t)*c) * 0x100000001b3;
    }
    w->result->trace = hash;
    if (w->config.verbose) {
        puts(line);
    }
}

/* ---- Events ------------------------------------------------------------------------ */

static bool before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

void sim_push(struct sim_world *w, struct sim_event event)
{
    if (w->n_heap == w->cap_heap) {
        w->cap_heap = w->cap_heap == 0 ? 1024 : 2 * w->cap_heap;
        w->heap = realloc(w->heap, w->cap_heap * sizeof(*w->heap));
    }
    event.seq = ++w->seq;
    size_t i = w->n_heap++;
    while (i > 0 && before(&event, &w->heap[(i - 1) / 2])) {
        w->heap[i] = w->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    w->heap[i] = event;
}

static struct sim_event pop(struct sim_world *w)
{
    struct sim_event first = w->heap[0];
    struct sim_event last = w->heap[--w->n_heap];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= w->n_heap) {
            break;
        }
        if (child + 1 < w->n_heap && before(&w->heap[child + 1], &w->heap[child])) {
            child++;
        }
        if (before(&last, &w->heap[child])) {
            break;
        }
        w->heap[i] = w->heap[child];
        i = child;
    }
    w->heap[i] = last;
    return first;
}

/* ---- One step ---------------------------------------------------------------------- */

void sim_node_event(struct sim_world *w, struct sim_event *event)
{
    struct sim_node *node = &w->nodes[event->node];
    if (event->incarnation != node->incarnation) {
        dbr_query_job_destroy(event->query);
        return;
    }
    switch (event->type) {
    case SIM_LOG:
        sim_log_done(w, event->node);
        break;
    case SIM_APPLY:
        sim_apply_done(w, event->node);
        break;
    case SIM_QUERY:
        sim_query_done(w, event->node, event->query);
        break;
    case SIM_BULK:
        sim_bulk_done(w, event->node);
        break;
    case SIM_NETWORK:
        sim_network_done(w, event->node);
        break;
    case SIM_CRASH:
        sim_crash_and_return(w, event->node);
        break;
    case SIM_CANCEL:
        sim_cancel(w, event->node, (int64_t)event->len);
        break;
    default:
        sim_start_node(w, event->node);
        break;
    }
}

static dbr_time later(dbr_time a, dbr_time b)
{
    return a > b ? a : b;
}

/* The earliest deadline of a core, and whose. */
static dbr_time next_deadline(const struct sim_world *w, int *which)
{
    dbr_time at = DBR_TIME_NEVER;
    for (int i = 0; i < w->n_nodes; i++) {
        const struct sim_node *node = &w->nodes[i];
        dbr_time d = node->core != NULL
                         ? later(dbr_core_deadline(node->core), node->not_before)
                         : DBR_TIME_NEVER;
        if (d < at) {
            at = d;
            *which = i;
        }
    }
    return at;
}

static void tell_wall(struct sim_world *w, int i)
{
    if (i >= 0 && w->nodes[i].core != NULL) {
        dbr_core_wall(w->nodes[i].core, sim_wall(w, i));
    }
}

/* A machine that is never satisfied does not hold up the others. */
static void expire_node(struct sim_world *w, int i, dbr_time at)
{
    w->now = later(at, w->now);
    w->nodes[i].not_before = w->now + 1;
    sim_act(w, i);
    tell_wall(w, i);
    sim_short(w);
    dbr_core_expire(w->nodes[i].core, w->now);
    sim_enough(w);
    sim_drain(w, i);
}

static void run_event(struct sim_world *w, struct sim_event *event)
{
    sim_act(w, event->node);
    tell_wall(w, event->node);
    if (event->link != NULL) {
        sim_net_event(w, event);
    } else if (event->type == SIM_LOAD) {
        sim_load(w);
    } else if (event->type == SIM_NEMESIS) {
        sim_nemesis(w, event->len);
    } else if (event->type == SIM_RELIEF) {
        sim_relief(w, event->len);
    } else {
        sim_node_event(w, event);
    }
}

/* A node that stands still meets its events afterwards, in their order. */
static bool waits(const struct sim_world *w, const struct sim_event *event)
{
    return event->node >= 0 && event->type != SIM_CRASH && event->type != SIM_RESTART &&
           w->nodes[event->node].paused_until > w->now;
}

bool sim_step(struct sim_world *w, dbr_time until)
{
    int which = 0;
    dbr_time deadline = next_deadline(w, &which);
    dbr_time at = w->n_heap > 0 ? w->heap[0].at : DBR_TIME_NEVER;
    if ((deadline < at ? deadline : at) > until || w->result->why[0] != '\0') {
        return false;
    }
    if (deadline < at) {
        expire_node(w, which, deadline);
    } else {
        struct sim_event event = pop(w);
        w->now = later(event.at, w->now);
        if (waits(w, &event)) {
            event.at = w->nodes[event.node].paused_until;
            sim_push(w, event);
            return true;
        }
        sim_trace(w, "event %d n%d", (int)event.type, event.node);
        run_event(w, &event);
    }
    sim_act(w, -1);
    return true;
}
