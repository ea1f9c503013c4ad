#include <stdlib.h>

#include "world.h"

static struct sim_link *find_link(struct sim_world *w, int node, uint64_t conn, int *side)
{
    for (struct sim_link *link = w->links; link != NULL; link = link->next) {
        for (int s = 0; s < 2; s++) {
            if (link->node[s] == node && link->conn[s] == conn && link->open[s] &&
                link->incarnation[s] == w->nodes[node].incarnation) {
                *side = s;
                return link;
            }
        }
    }
    return NULL;
}

/* Nothing gets to that side. */
static bool is_parted(const struct sim_world *w, const struct sim_link *link, int side)
{
    int from = link->node[1 - side];
    int to = link->node[side];
    return w->blocked[from][to] || w->group[from] != w->group[to];
}

/* An event on the link; it keeps the link's memory until it has happened. */
static void push_on(struct sim_world *w, struct sim_link *link, int side,
                    enum sim_event_type type, dbr_time at)
{
    link->n_events++;
    sim_push(w, (struct sim_event){.at = at,
                                   .type = type,
                                   .node = link->node[side],
                                   .incarnation = link->incarnation[side],
                                   .link = link,
                                   .side = side});
}

/* Bytes keep their order whatever happens to the events that deliver them. */
static void queue_push(struct sim_link *link, int side, struct dbr_buf bytes)
{
    struct sim_chunk **tail = &link->queue[side];
    while (*tail != NULL) {
        tail = &(*tail)->next;
    }
    *tail = calloc(1, sizeof(**tail));
    (*tail)->bytes = bytes;
}

static struct dbr_buf queue_pop(struct sim_link *link, int side)
{
    struct sim_chunk *chunk = link->queue[side];
    if (chunk == NULL) {
        return (struct dbr_buf){0};
    }
    struct dbr_buf bytes = chunk->bytes;
    link->queue[side] = chunk->next;
    free(chunk);
    return bytes;
}

static void link_free(struct sim_link *link)
{
    for (int side = 0; side < 2; side++) {
        while (link->queue[side] != NULL) {
            struct dbr_buf bytes = queue_pop(link, side);
            dbr_buf_finish(&bytes);
        }
    }
    free(link);
}

static dbr_time arrival(struct sim_world *w, struct sim_link *link, int side)
{
    uint64_t jitter = dbr_rng_below(&w->net_rng, 20) == 0
                          ? dbr_rng_below(&w->net_rng, 200)
                          : dbr_rng_below(&w->net_rng, 5);
    dbr_time at = w->now + link->delay_ms + jitter;
    link->last[side] = at > link->last[side] ? at : link->last[side];
    return link->last[side];
}

static int node_at(const struct sim_world *w, const struct dbr_endpoint *endpoint)
{
    int i = endpoint->ip[3] - 1;
    struct dbr_endpoint now;
    if (i < 0 || i >= w->n_nodes ||
        !dbr_multiaddr_endpoint(&w->nodes[i].addr, &now) || now.port != endpoint->port ||
        memcmp(now.ip, endpoint->ip, sizeof(now.ip)) != 0) {
        return -1; /* nobody, or whoever it was has moved */
    }
    return i;
}

void sim_dial(struct sim_world *w, int node, const struct dbr_effect *effect)
{
    int to = node_at(w, &effect->endpoint);
    struct sim_link *link = calloc(1, sizeof(*link));
    link->next = w->links;
    w->links = link;
    sim_seen(w, SIM_SEEN_DIAL);
    link->node[0] = node;
    link->node[1] = to < 0 ? node : to;
    link->conn[0] = effect->conn;
    link->incarnation[0] = w->nodes[node].incarnation;
    link->incarnation[1] = w->nodes[link->node[1]].incarnation;
    link->open[0] = true;
    link->delay_ms = 1 + (uint32_t)dbr_rng_below(&w->net_rng, 10);
    push_on(w, link, 1, SIM_ACCEPT, arrival(w, link, 1));
}

void sim_write(struct sim_world *w, int node, uint64_t conn)
{
    int side;
    struct sim_link *link = find_link(w, node, conn, &side);
    struct dbr_buf bytes = dbr_core_take_output(w->nodes[node].core, conn);
    if (bytes.len == 0 || link == NULL) {
        dbr_buf_finish(&bytes);
        return;
    }
    struct sim_event written = {.at = w->now + 1,
                                .type = SIM_WRITTEN,
                                .node = node,
                                .incarnation = w->nodes[node].incarnation,
                                .link = link,
                                .side = side,
                                .len = bytes.len};
    link->n_events++;
    sim_push(w, written);
    queue_push(link, 1 - side, bytes);
    push_on(w, link, 1 - side, SIM_BYTES, arrival(w, link, 1 - side));
}

void sim_close(struct sim_world *w, int node, uint64_t conn)
{
    int side;
    struct sim_link *link = find_link(w, node, conn, &side);
    if (link != NULL) {
        link->open[side] = false;
        push_on(w, link, 1 - side, SIM_HANGUP, arrival(w, link, 1 - side));
    }
}

/* Both sides see it end at once; what is in flight is lost. */
void sim_cut(struct sim_world *w, struct sim_link *link)
{
    for (int side = 0; side < 2; side++) {
        struct sim_node *node = &w->nodes[link->node[side]];
        if (link->open[side] && link->incarnation[side] == node->incarnation &&
            node->core != NULL) {
            link->open[side] = false;
            sim_act(w, link->node[side]);
            sim_short(w);
            dbr_core_closed(node->core, link->conn[side], w->now);
            sim_enough(w);
            sim_drain(w, link->node[side]);
        }
        link->open[side] = false;
    }
}

void sim_node_links_die(struct sim_world *w, int node)
{
    for (struct sim_link *link = w->links; link != NULL; link = link->next) {
        for (int side = 0; side < 2; side++) {
            if (link->node[side] == node && link->open[side]) {
                link->open[side] = false;
                push_on(w, link, 1 - side, SIM_HANGUP, arrival(w, link, 1 - side));
            }
        }
    }
}

static void accept_dial(struct sim_world *w, struct sim_link *link)
{
    struct sim_node *node = &w->nodes[link->node[1]];
    bool is_silent = is_parted(w, link, 0) || is_parted(w, link, 1);
    bool can = link->node[0] != link->node[1] && node->phase == SIM_MEMBER && !is_silent;
    dbr_time answer_at = arrival(w, link, 0) + (is_silent ? 1000 : 0);
    if (can) {
        struct dbr_multiaddr from = w->nodes[link->node[0]].addr;
        dbr_multiaddr_cut_peer(&from);
        link->conn[1] = node->next_conn;
        link->incarnation[1] = node->incarnation;
        link->open[1] = true;
        node->next_conn += 2;
        push_on(w, link, 0, SIM_DIALED, answer_at);
        sim_act(w, link->node[1]);
        sim_short(w);
        dbr_core_accepted(node->core, link->conn[1], &from, w->now);
        sim_enough(w);
        sim_drain(w, link->node[1]);
    } else {
        push_on(w, link, 0, SIM_DIALED, answer_at);
    }
}

static void dialed(struct sim_world *w, struct sim_link *link)
{
    struct sim_node *node = &w->nodes[link->node[0]];
    if (node->core == NULL || link->incarnation[0] != node->incarnation ||
        !link->open[0]) {
        return;
    }
    if (link->open[1]) {
        sim_short(w);
        dbr_core_dialed(node->core, link->conn[0], w->now);
        sim_enough(w);
    } else {
        link->open[0] = false;
        sim_seen(w, SIM_SEEN_DIAL_REFUSED);
        sim_short(w);
        dbr_core_dial_failed(node->core, link->conn[0], "connection refused", w->now);
        sim_enough(w);
    }
    sim_drain(w, link->node[0]);
}

/* TCP keeps no borders: what has been written apart may arrive as one, and in pieces. */
static void deliver(struct sim_world *w, struct sim_node *node, struct sim_link *link,
                    int side)
{
    struct dbr_buf bytes = queue_pop(link, side);
    uint64_t style = dbr_rng_below(&w->net_rng, 3);
    while (style == 1 && link->queue[side] != NULL) {
        struct dbr_buf more = queue_pop(link, side);
        dbr_buf_add(&bytes, more.data, more.len);
        dbr_buf_finish(&more);
    }
    size_t cut = style == 2 ? dbr_rng_below(&w->net_rng, bytes.len + 1) : 0;
    uint64_t conn = link->conn[side];
    if (cut > 0) {
        sim_short(w);
        dbr_core_recv(node->core, conn, dbr_bytes(bytes.data, cut), w->now);
        sim_enough(w);
    }
    if (cut < bytes.len) {
        sim_short(w);
        dbr_core_recv(node->core, conn, dbr_bytes(bytes.data + cut, bytes.len - cut),
                      w->now);
        sim_enough(w);
    }
    dbr_buf_finish(&bytes);
}

static void on_side(struct sim_world *w, struct sim_event *event)
{
    struct sim_link *link = event->link;
    struct sim_node *node = &w->nodes[event->node];
    uint64_t conn = link->conn[event->side];
    if (!link->open[event->side] || node->core == NULL) {
        return;
    }
    if (event->type == SIM_BYTES) {
        deliver(w, node, link, event->side);
    } else if (event->type == SIM_WRITTEN) {
        sim_short(w);
        dbr_core_written(node->core, conn, event->len, w->now);
        sim_enough(w);
    } else {
        link->open[event->side] = false;
        sim_short(w);
        dbr_core_closed(node->core, conn, w->now);
        sim_enough(w);
    }
    sim_drain(w, event->node);
}

static void free_dead_links(struct sim_world *w)
{
    struct sim_link **at = &w->links;
    while (*at != NULL) {
        struct sim_link *link = *at;
        if (link->n_events == 0 && !link->open[0] && !link->open[1]) {
            *at = link->next;
            link_free(link);
        } else {
            at = &link->next;
        }
    }
}

void sim_net_event(struct sim_world *w, struct sim_event *event)
{
    struct sim_link *link = event->link;
    bool waits = event->type == SIM_BYTES
                     ? is_parted(w, link, event->side)
                     : event->type == SIM_HANGUP && (link->queue[event->side] != NULL ||
                                                     is_parted(w, link, event->side));
    if (waits && link->open[event->side]) {
        event->at = w->now + 10; /* in a partition; the end waits for the bytes, too */
        sim_push(w, *event);
        return;
    }
    link->n_events--;
    if (event->type == SIM_ACCEPT) {
        accept_dial(w, link);
    } else if (event->type == SIM_DIALED) {
        dialed(w, link);
    } else if (event->incarnation == w->nodes[event->node].incarnation ||
               event->type == SIM_HANGUP) {
        on_side(w, event);
    }
    free_dead_links(w);
}

void sim_links_finish(struct sim_world *w)
{
    while (w->links != NULL) {
        struct sim_link *next = w->links->next;
        link_free(w->links);
        w->links = next;
    }
}
