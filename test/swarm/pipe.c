#include "pipe.h"

#include <stdio.h>

#include "base/alloc.h"
#include "texts.h"

static const struct dbr_swarm_protocol protocols[] = {
    [PIPE_ANYBODY] = {"/test/anybody", DBR_PEER_STRANGER, 1000, 4000},
    [PIPE_CLIENT] = {"/test/client", DBR_PEER_CLIENT, 1000000, 1000000},
    [PIPE_MEMBER] = {"/test/member", DBR_PEER_MEMBER, 1000, 4000},
};

static void write_log(void *data, const debros_log_record *record, const char *site)
{
    struct pipe_world *world = data;
    (void)site;
    snprintf(world->log[world->n_log % DBR_COUNT(world->log)], sizeof(world->log[0]),
             "%s", record->message);
    world->n_log++;
}

void pipe_init(struct pipe_world *world)
{
    memset(world, 0, sizeof(*world));
    world->now = 1000000;
    world->logger =
        (struct dbr_logger){.level = DEBROS_LOG_DEBUG, .sink = write_log, .data = world};
    world->config = (struct dbr_swarm_config){
        .agent = "test/1.2.3",
        .protocols = protocols,
        .n_protocols = DBR_COUNT(protocols),
        .logger = &world->logger,
    };
    dbr_swarm_limits_default(&world->config.limits);
}

struct pipe_node *pipe_node(struct pipe_world *world, size_t number)
{
    return &world->nodes[number - 1];
}

void pipe_boot(struct pipe_world *world, struct pipe_node *node)
{
    struct dbr_swarm_config config = world->config;
    uint8_t seed[32] = {0};
    char text[64];
    size_t number = (size_t)(node - world->nodes) + 1;
    dbr_swarm_destroy(node->swarm);
    seed[0] = (uint8_t)number;
    dbr_keypair_from_seed(&node->key, seed);
    dbr_peer_id_from_key(&node->id, node->key.public_key);
    snprintf(text, sizeof(text), "/ip4/%s.%zu/tcp/4001",
             world->loopback ? "127.0.0" : "10.0.0", number);
    assert_int_equal(dbr_multiaddr_parse(&node->addr, text, NULL), 0);
    node->full_addr = node->addr;
    assert_int_equal(dbr_multiaddr_set_peer(&node->full_addr, &node->id), 0);
    dbr_rng_seed(&node->rng, 77 + number);
    config.identity = &node->key;
    assert_int_equal(dbr_swarm_create(&node->swarm, &config, &node->rng, world->now), 0);
    dbr_swarm_listening(node->swarm, &node->full_addr);
    node->next_conn = 1;
}

void pipe_start(struct pipe_world *world, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        pipe_boot(world, &world->nodes[i]);
    }
}

struct pipe_world *pipe_create(size_t n)
{
    struct pipe_world *world = dbr_malloc(sizeof(*world));
    assert_non_null(world);
    pipe_init(world);
    pipe_start(world, n);
    for (size_t a = 0; a < n; a++) {
        for (size_t b = 0; b < n; b++) {
            if (a != b) {
                dbr_swarm_set_class(world->nodes[a].swarm, &world->nodes[b].id,
                                    DBR_PEER_MEMBER, world->now);
            }
        }
    }
    return world;
}

static void forget(struct pipe_node *node)
{
    for (size_t i = 0; i < node->n_events; i++) {
        dbr_buf_finish(&node->events[i].message);
    }
    node->n_events = 0;
}

void pipe_forget(struct pipe_world *world)
{
    for (size_t i = 0; i < PIPE_NODES; i++) {
        forget(&world->nodes[i]);
    }
}

void pipe_destroy(struct pipe_world *world)
{
    pipe_forget(world);
    dbr_buf_finish(&world->raw_out);
    for (size_t i = 0; i < PIPE_NODES; i++) {
        dbr_swarm_destroy(world->nodes[i].swarm);
    }
    for (size_t i = 0; i < world->n_links; i++) {
        dbr_buf_finish(&world->links[i].wire[0]);
        dbr_buf_finish(&world->links[i].wire[1]);
    }
    dbr_free(world);
}

/* ---- The driver ------------------------------------------------------------ */

static struct pipe_link *find_link(struct pipe_world *world, const struct pipe_node *node,
                                   uint64_t conn, int *end)
{
    for (size_t i = 0; i < world->n_links; i++) {
        for (int e = 0; e < 2; e++) {
            if (world->links[i].node[e] == node && world->links[i].conn[e] == conn &&
                world->links[i].open[e]) {
                *end = e;
                return &world->links[i];
            }
        }
    }
    return NULL;
}

static struct pipe_node *find_listener(struct pipe_world *world,
                                       const struct dbr_multiaddr *addr)
{
    for (size_t i = 0; i < PIPE_NODES; i++) {
        if (world->nodes[i].swarm != NULL &&
            dbr_multiaddr_equal(&world->nodes[i].addr, addr)) {
            return &world->nodes[i];
        }
    }
    return NULL;
}

static void dial(struct pipe_world *world, struct pipe_node *node,
                 const struct dbr_swarm_event *event)
{
    struct pipe_node *to = find_listener(world, &event->addr);
    struct dbr_multiaddr from = node->addr;
    world->n_dials++;
    if (to == NULL || to->down) {
        dbr_swarm_dial_failed(node->swarm, event->conn, "connection refused", world->now);
        return;
    }
    if (to->silent) {
        return;
    }
    assert_true(world->n_links < PIPE_LINKS);
    struct pipe_link *link = &world->links[world->n_links++];
    *link = (struct pipe_link){
        .node = {node, to}, .conn = {event->conn, to->next_conn}, .open = {true, true}};
    to->next_conn += 2;
    from.bytes[from.len - 1] ^= (uint8_t)world->n_links; /* some other port */
    dbr_swarm_dialed(node->swarm, link->conn[0], world->now);
    dbr_swarm_accepted(to->swarm, link->conn[1], &from, world->now);
}

static void take_output(struct pipe_world *world, struct pipe_node *node, uint64_t conn)
{
    int end = 0;
    struct pipe_link *link = find_link(world, node, conn, &end);
    if (node->stalled) {
        return;
    }
    struct dbr_buf out = dbr_swarm_take_output(node->swarm, conn);
    assert_true(out.len > 0);
    if (node->unwritten) {
        dbr_buf_finish(&out);
        return;
    }
    if (conn == world->raw_conn) {
        dbr_buf_add(&world->raw_out, out.data, out.len);
    } else if (!link->cut) {
        dbr_buf_add(&link->wire[1 - end], out.data, out.len);
    }
    dbr_swarm_written(node->swarm, conn, out.len, world->now);
    dbr_buf_finish(&out);
}

static void record(struct pipe_world *world, struct pipe_node *node,
                   const struct dbr_swarm_event *event)
{
    assert_true(node->n_events < PIPE_EVENTS);
    struct pipe_event *copy = &node->events[node->n_events++];
    *copy = (struct pipe_event){.event = *event, .at = world->now};
    dbr_buf_add(&copy->message, event->message.data, event->message.len);
    copy->event.message = dbr_bytes(copy->message.data, copy->message.len);
    snprintf(copy->detail, sizeof(copy->detail), "%s", event->detail);
    copy->event.detail = "";
}

static bool poll_node(struct pipe_world *world, struct pipe_node *node)
{
    struct dbr_swarm_event event;
    bool moved = false;
    int end = 0;
    while (node->swarm != NULL && !node->not_polled &&
           dbr_swarm_poll(node->swarm, &event)) {
        moved = true;
        if (event.type == DBR_SWARM_DIAL) {
            dial(world, node, &event);
        } else if (event.type == DBR_SWARM_WRITE) {
            take_output(world, node, event.conn);
        } else if (event.type == DBR_SWARM_CLOSE) {
            struct pipe_link *link = find_link(world, node, event.conn, &end);
            if (link != NULL) {
                link->open[end] = false;
            } else if (event.conn == world->raw_conn) {
                world->raw_closed = true;
            }
        } else {
            record(world, node, &event);
            if (world->above != NULL) {
                world->above(world, node, &event);
            }
        }
    }
    return moved;
}

static bool deliver(struct pipe_world *world, struct pipe_link *link, int end)
{
    struct dbr_buf *wire = &link->wire[end];
    struct pipe_node *node = link->node[end];
    if (!link->open[end] || world->hold) {
        return false;
    }
    if (wire->len == 0) {
        if (link->open[1 - end] || link->cut) {
            return false;
        }
        link->open[end] = false;
        dbr_swarm_closed(node->swarm, link->conn[end], world->now);
        return true;
    }
    size_t len = world->chunk == 0 || world->chunk > wire->len ? wire->len : world->chunk;
    dbr_swarm_recv(node->swarm, link->conn[end], dbr_bytes(wire->data, len), world->now);
    dbr_buf_consume(wire, len);
    return true;
}

void pipe_run(struct pipe_world *world)
{
    bool moved = true;
    for (size_t turn = 0; moved; turn++) {
        assert_true(turn < 2000000);
        moved = false;
        for (size_t i = 0; i < PIPE_NODES; i++) {
            moved = poll_node(world, &world->nodes[i]) || moved;
        }
        for (size_t i = 0; i < world->n_links; i++) {
            moved = deliver(world, &world->links[i], 0) || moved;
            moved = deliver(world, &world->links[i], 1) || moved;
        }
    }
}

static dbr_time next_deadline(struct pipe_world *world)
{
    dbr_time next =
        world->above_deadline != NULL ? world->above_deadline(world) : DBR_TIME_NEVER;
    for (size_t i = 0; i < PIPE_NODES; i++) {
        if (world->nodes[i].swarm != NULL) {
            next = dbr_time_min(next, dbr_swarm_deadline(world->nodes[i].swarm));
        }
    }
    return next;
}

void pipe_sleep(struct pipe_world *world, uint64_t ms)
{
    dbr_time until = world->now + ms;
    pipe_run(world);
    for (size_t turn = 0;; turn++) {
        dbr_time next = next_deadline(world);
        assert_true(turn < 100000); /* a deadline that never goes away */
        if (next > until) {
            break;
        }
        world->now = next > world->now ? next : world->now;
        for (size_t i = 0; i < PIPE_NODES; i++) {
            if (world->nodes[i].swarm != NULL &&
                dbr_swarm_deadline(world->nodes[i].swarm) <= world->now) {
                dbr_swarm_expire(world->nodes[i].swarm, world->now);
            }
        }
        if (world->above_expire != NULL) {
            world->above_expire(world);
        }
        pipe_run(world);
    }
    world->now = until;
}

void pipe_break(struct pipe_world *world, size_t i)
{
    struct pipe_link *link = &world->links[i];
    for (int end = 0; end < 2; end++) {
        if (link->open[end]) {
            link->open[end] = false;
            dbr_swarm_closed(link->node[end]->swarm, link->conn[end], world->now);
        }
    }
    pipe_run(world);
}

/* ---- Looking --------------------------------------------------------------- */

const struct pipe_event *pipe_event(const struct pipe_node *node,
                                    enum dbr_swarm_event_type type, size_t n)
{
    for (size_t i = 0; i < node->n_events; i++) {
        if (node->events[i].event.type == type && n-- == 0) {
            return &node->events[i];
        }
    }
    return NULL;
}

size_t pipe_count(const struct pipe_node *node, enum dbr_swarm_event_type type)
{
    size_t n = 0;
    while (pipe_event(node, type, n) != NULL) {
        n++;
    }
    return n;
}

size_t pipe_open_links(const struct pipe_world *world)
{
    size_t n = 0;
    for (size_t i = 0; i < world->n_links; i++) {
        n += world->links[i].open[0] || world->links[i].open[1];
    }
    return n;
}

void pipe_connect(struct pipe_world *world, size_t a, size_t b)
{
    struct pipe_node *from = pipe_node(world, a);
    dbr_swarm_connect(from->swarm, &pipe_node(world, b)->full_addr, 4711, world->now);
    pipe_run(world);
    const struct pipe_event *done = pipe_event(from, DBR_SWARM_CONNECT_DONE, 0);
    assert_non_null(done);
    if (done->event.status != 0) {
        print_error("%s\n", done->detail);
    }
    assert_int_equal(done->event.status, 0);
    assert_int_equal(done->event.token, 4711);
}

const char *pipe_addrs(const struct pipe_node *node, const struct dbr_peer_id *peer)
{
    struct dbr_multiaddr addrs[TEXTS_MAX];
    return texts_of(addrs, dbr_swarm_dial_addrs(node->swarm, peer, addrs, TEXTS_MAX));
}

bool pipe_logged(const struct pipe_world *world, const char *part)
{
    for (size_t i = 0; i < world->n_log && i < DBR_COUNT(world->log); i++) {
        if (strstr(world->log[i], part) != NULL) {
            return true;
        }
    }
    return false;
}
