#include "swarm.h"

#include <string.h>

#include "base/logger.h"
#include "state.h"

void dbr_swarm_limits_default(struct dbr_swarm_limits *limits)
{
    *limits = (struct dbr_swarm_limits){
        .connections = 256,
        .half_open = 64,
        .conns_per_ip = 8,
        .conns_per_net = 64,
        .conns_per_peer = 8,
        .accept_burst = 16,
        .accept_every_ms = 5000,
        .handshakes_per_s = 200,
        .dial_ms = 10000,
        .setup_ms = 15000,
        .stranger_ms = 10000,
        .idle_ping_ms = 15000,
        .rtt_ping_ms = 30000,
        .ping_timeout_ms = 10000,
        .redial_min_ms = 250,
        .redial_max_ms = 10000,
        .addrs_per_peer = 8,
        .streams_per_protocol = 16,
        .pings_queued = 32,
        .push_burst = 8,
        .push_every_ms = 5000,
        .stall_ms = 10000,
        .unread = 4u << 20,
        .peer_memory = 16u << 20,
        .memory = 256u << 20,
    };
    dbr_stack_limits_default(&limits->stack);
}

/* ---- Life ------------------------------------------------------------------ */

static bool limits_are_good(const struct dbr_swarm_limits *limits)
{
    return limits->connections > 0 && limits->half_open > 0 && limits->conns_per_ip > 0 &&
           limits->conns_per_net > 0 && limits->conns_per_peer > 0 &&
           limits->accept_burst > 0 && limits->handshakes_per_s > 0 &&
           limits->handshakes_per_s <= 1000000 && limits->addrs_per_peer > 0 &&
           limits->addrs_per_peer <= DBR_BOOK_ADDRS_MAX &&
           limits->streams_per_protocol > 0 && limits->push_burst > 0 &&
           limits->stall_ms > 0 && limits->memory > 0 && limits->redial_min_ms > 0 &&
           limits->redial_max_ms >= limits->redial_min_ms;
}

static bool config_is_good(const struct dbr_swarm_config *config)
{
    if (config->n_protocols > DBR_SWARM_PROTOCOLS_MAX ||
        strlen(config->agent) > DBR_SWARM_AGENT_MAX ||
        !limits_are_good(&config->limits)) {
        return false;
    }
    for (size_t i = 0; i < config->n_protocols; i++) {
        const char *id = config->protocols[i].id;
        if (id[0] != '/' || strlen(id) > DBR_SWARM_PROTOCOL_ID_MAX) {
            return false;
        }
    }
    return true;
}

static int copy_config(struct dbr_swarm *swarm, const struct dbr_swarm_config *config)
{
    swarm->agent = dbr_strdup(config->agent);
    swarm->protocols = dbr_calloc(config->n_protocols + 1, sizeof(swarm->protocols[0]));
    if (swarm->agent == NULL || swarm->protocols == NULL) {
        return DEBROS_ENOMEM;
    }
    for (size_t i = 0; i < config->n_protocols; i++) {
        char *id = dbr_strdup(config->protocols[i].id);
        if (id == NULL) {
            return DEBROS_ENOMEM;
        }
        swarm->protocols[i] = config->protocols[i];
        swarm->protocols[i].id = id;
        swarm->n_protocols++;
    }
    return 0;
}

static void init_book(struct dbr_swarm *swarm)
{
    struct dbr_book_config config = {.self = swarm->self, .loopback = true};
    dbr_book_limits_default(&config.limits);
    config.limits.addrs = swarm->limits.addrs_per_peer;
    dbr_book_init(&swarm->book, &config);
}

int dbr_swarm_create(struct dbr_swarm **out, const struct dbr_swarm_config *config,
                     struct dbr_rng *rng, dbr_time now)
{
    if (!config_is_good(config)) {
        return DEBROS_EINVAL;
    }
    struct dbr_swarm *swarm = dbr_calloc(1, sizeof(*swarm));
    if (swarm == NULL) {
        return DEBROS_ENOMEM;
    }
    swarm->identity = config->identity;
    swarm->open = config->open;
    swarm->limits = config->limits;
    swarm->logger = config->logger;
    swarm->rng = rng;
    swarm->now = now;
    swarm->next_conn = 2;
    swarm->next_stream = 1;
    dbr_peer_id_from_key(&swarm->self, config->identity->public_key);
    dbr_gate_init(&swarm->gate);
    dbr_announce_init(&swarm->announcement);
    dbr_peers_init(&swarm->peers);
    init_book(swarm);
    dbr_list_init(&swarm->kept);
    dbr_list_init(&swarm->notes);
    dbr_note_init(&swarm->moved, DBR_SWARM_MOVED);
    dbr_list_init(&swarm->ready);
    dbr_list_init(&swarm->dirty);
    int err = copy_config(swarm, config);
    if (err != 0) {
        dbr_swarm_destroy(swarm);
        return err;
    }
    *out = swarm;
    return 0;
}

static void free_waiters(struct dbr_list *waiters)
{
    struct dbr_list *item;
    while ((item = dbr_list_pop_front(waiters)) != NULL) {
        dbr_free(DBR_LIST_ENTRY(item, struct dbr_waiter, note.node));
    }
}

static void free_conns(struct dbr_swarm *swarm)
{
    struct dbr_conn *conn;
    struct dbr_conn *tmp;
    HASH_ITER(hh, swarm->conns, conn, tmp)
    {
        free_waiters(&conn->waiters);
        free_waiters(&conn->pinger.queued);
        free_waiters(&conn->pinger.flying);
        dbr_conn_destroy(swarm, conn);
    }
}

/* Of what waits to be told, only these are owned by their notes. */
static void free_notes(struct dbr_swarm *swarm)
{
    struct dbr_list *item;
    while ((item = dbr_list_pop_front(&swarm->notes)) != NULL) {
        struct dbr_note *note = DBR_LIST_ENTRY(item, struct dbr_note, node);
        if (note->type == DBR_SWARM_CONNECT_DONE || note->type == DBR_SWARM_PING_DONE) {
            dbr_free(DBR_CONTAINER_OF(note, struct dbr_waiter, note));
        } else if (note->type == DBR_SWARM_STREAM_CLOSED) {
            dbr_stream_destroy(swarm, DBR_CONTAINER_OF(note, struct dbr_stream, closed));
        }
    }
}

void dbr_swarm_destroy(struct dbr_swarm *swarm)
{
    if (swarm == NULL) {
        return;
    }
    free_conns(swarm);
    free_notes(swarm);
    dbr_gate_finish(&swarm->gate);
    dbr_announce_finish(&swarm->announcement);
    dbr_peers_finish(&swarm->peers);
    dbr_book_finish(&swarm->book);
    for (size_t i = 0; i < swarm->n_protocols; i++) {
        dbr_free((char *)(uintptr_t)swarm->protocols[i].id);
    }
    dbr_free(swarm->told);
    dbr_free(swarm->protocols);
    dbr_free(swarm->agent);
    dbr_free(swarm);
}

/* ---- Views ------------------------------------------------------------------ */

bool dbr_swarm_remote(const struct dbr_swarm *swarm, uint64_t id,
                      struct dbr_multiaddr *remote)
{
    const struct dbr_conn *conn = dbr_conn_find(swarm, id);
    if (conn != NULL) {
        *remote = conn->remote;
    }
    return conn != NULL;
}

void dbr_swarm_get_stats(const struct dbr_swarm *swarm, struct dbr_swarm_stats *stats)
{
    *stats = swarm->stats;
}

size_t dbr_swarm_connected_count(const struct dbr_swarm *swarm)
{
    return swarm->peers.n_connected;
}

static bool view(const struct dbr_peer *peer, struct dbr_peer_info *info)
{
    if (peer == NULL) {
        return false;
    }
    dbr_peer_view(peer, info);
    if (dbr_peer_is_connected(peer)) {
        info->remote = dbr_conn_of(peer)->remote;
    }
    for (const struct dbr_list *item = peer->conns.next; item != &peer->conns;
         item = item->next) {
        info->n_streams += DBR_LIST_ENTRY(item, struct dbr_conn, in_peer)->n_messages;
    }
    return true;
}

bool dbr_swarm_peer_at(const struct dbr_swarm *swarm, size_t i,
                       struct dbr_peer_info *info)
{
    return view(dbr_peers_at(&swarm->peers, i), info);
}

static void view_list(const struct dbr_swarm *swarm, const struct dbr_list *list,
                      void (*fn)(void *user, const struct dbr_peer_info *info),
                      void *user)
{
    for (const struct dbr_list *item = list->next; item != list; item = item->next) {
        const struct dbr_peer *peer = DBR_LIST_ENTRY(item, struct dbr_peer, in_order);
        const struct dbr_book_peer *entry = dbr_book_find(&swarm->book, &peer->id);
        struct dbr_peer_info info;
        view(peer, &info);
        info.failures = entry != NULL ? entry->failures : 0;
        fn(user, &info);
    }
}

void dbr_swarm_each_known(const struct dbr_swarm *swarm,
                          void (*fn)(void *user, const struct dbr_peer_info *info),
                          void *user)
{
    const struct dbr_book_peer *entry;
    const struct dbr_book_peer *tmp;
    view_list(swarm, &swarm->peers.connected, fn, user);
    view_list(swarm, &swarm->peers.others, fn, user);
    HASH_ITER(hh, swarm->book.table, entry, tmp)
    {
        struct dbr_peer_info info = {
            .id = entry->id, .rtt_us = entry->rtt_us, .failures = entry->failures};
        if (dbr_peers_find(&swarm->peers, &entry->id) == NULL) {
            fn(user, &info);
        }
    }
}

static void count_one(void *user, const struct dbr_peer_info *info)
{
    size_t *n = user;
    (void)info;
    ++*n;
}

size_t dbr_swarm_known_count(const struct dbr_swarm *swarm)
{
    size_t n = 0;
    dbr_swarm_each_known(swarm, count_one, &n);
    return n;
}

size_t dbr_swarm_dial_addrs(const struct dbr_swarm *swarm, const struct dbr_peer_id *peer,
                            struct dbr_multiaddr *out, size_t n)
{
    return dbr_book_dial_addrs(&swarm->book, peer, out, n, swarm->now);
}

size_t dbr_swarm_known_addrs(const struct dbr_swarm *swarm,
                             const struct dbr_peer_id *peer, struct dbr_multiaddr *out,
                             size_t n)
{
    return dbr_book_known_addrs(&swarm->book, peer, out, n, swarm->now);
}

bool dbr_swarm_peer_info(const struct dbr_swarm *swarm, const struct dbr_peer_id *id,
                         struct dbr_peer_info *info)
{
    return view(dbr_peers_find(&swarm->peers, id), info);
}

bool dbr_swarm_is_connected(const struct dbr_swarm *swarm, const struct dbr_peer_id *id)
{
    const struct dbr_peer *peer = dbr_peers_find(&swarm->peers, id);
    return peer != NULL && dbr_peer_is_connected(peer);
}

/* ---- Time ------------------------------------------------------------------ */

dbr_time dbr_swarm_deadline(const struct dbr_swarm *swarm)
{
    dbr_time deadline =
        dbr_time_min(dbr_dialer_deadline(swarm), dbr_announce_deadline(swarm));
    deadline = dbr_time_min(deadline, dbr_book_deadline(&swarm->book));
    struct dbr_conn *conn;
    struct dbr_conn *tmp;
    HASH_ITER(hh, swarm->conns, conn, tmp)
    {
        deadline = dbr_time_min(deadline, dbr_conn_deadline(swarm, conn));
    }
    return deadline;
}

void dbr_swarm_expire(struct dbr_swarm *swarm, dbr_time now)
{
    struct dbr_conn *conn;
    struct dbr_conn *tmp;
    dbr_swarm_set_now(swarm, now);
    HASH_ITER(hh, swarm->conns, conn, tmp)
    {
        if (dbr_conn_deadline(swarm, conn) <= swarm->now) {
            dbr_conn_expire(swarm, conn);
        }
    }
    dbr_announce_expire(swarm);
    dbr_book_expire(&swarm->book, swarm->now);
    dbr_dialer_expire(swarm);
}
