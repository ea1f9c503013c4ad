/* A bare swarm on a real loop: what the program cannot be made to do, for js-libp2p.
 *
 *   swarm_peer [kad]      listens on a port of 127.0.0.1, open to everybody; with kad it
 *                         takes part in the hash table, as a node does
 *
 * It tells what happens as one JSON object a line, the first one being
 * {"event":"ready","id":...,"addr":...}, and takes commands as lines on stdin:
 *
 *   dial ADDR             answered {"event":"dialed","status":0}
 *   announce ADDR         one more listen address, which peers hear of
 *   offer 0|1             whether it speaks /interop/offered/1.0.0
 *
 * and with kad, each answered {"event":"done","status":0,"stored":N,"peers":[...],
 * "addrs":[...],"data":HEX}:
 *
 *   find ID
 *   put TEXT              as /debros/app/ITS-ID/put
 *   get KEY
 *   provide HEX           a multihash
 *   providers HEX
 *
 * It ends with its stdin. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "core/kad_link.h"
#include "crypto/system.h"
#include "driver/loop.h"
#include "driver/tcp.h"
#include "driver/wake.h"
#include "swarm/swarm.h"

#define LINE    600
#define LIFE_MS 3600000 /* of a value */

enum { OFFERED, KAD };

struct peer {
    struct dbr_loop *loop;
    struct dbr_wake *wake;
    struct dbr_swarm *swarm;
    struct dbr_kad_link *kad; /* NULL: without */
    struct dbr_rng rng;
    struct dbr_keypair key;
    pthread_mutex_t lock;
    pthread_cond_t taken;
    char line[LINE]; /* of stdin, guarded; empty: none waits */
    bool ended;
};

static void tell_list(const char *name, size_t n, const char *const *texts)
{
    printf(",\"%s\":[", name);
    for (size_t i = 0; i < n; i++) {
        printf("%s\"%s\"", i == 0 ? "" : ",", texts[i]); /* printable, see identify.h */
    }
    printf("]");
}

static void tell_identified(struct peer *p, const struct dbr_peer_id *id)
{
    struct dbr_peer_info info;
    char id_text[DBR_PEER_ID_TEXT_SIZE];
    char addr[DBR_MULTIADDR_TEXT_SIZE];
    if (!dbr_swarm_peer_info(p->swarm, id, &info)) {
        return;
    }
    printf("{\"event\":\"identified\",\"peer\":\"%s\",\"seq\":%llu",
           dbr_peer_id_text(id, id_text), (unsigned long long)info.record_seq);
    tell_list("protocols", info.n_protocols, info.protocols);
    printf(",\"addrs\":[");
    struct dbr_multiaddr addrs[8];
    size_t n_addrs = dbr_swarm_dial_addrs(p->swarm, id, addrs, 8);
    for (size_t i = 0; i < n_addrs; i++) {
        printf("%s\"%s\"", i == 0 ? "" : ",", dbr_multiaddr_text(&addrs[i], addr));
    }
    printf("]}\n");
}

static void tell_done(const struct dbr_dht_event *event)
{
    char id[DBR_PEER_ID_TEXT_SIZE];
    char addr[DBR_MULTIADDR_TEXT_SIZE];
    printf("{\"event\":\"done\",\"status\":%d,\"stored\":%u,\"peers\":[", event->status,
           event->stored);
    for (size_t i = 0; i < event->n_peers; i++) {
        printf("%s\"%s\"", i == 0 ? "" : ",", dbr_peer_id_text(&event->peers[i], id));
    }
    printf("],\"addrs\":[");
    for (size_t i = 0; i < event->n_addrs; i++) {
        printf("%s\"%s\"", i == 0 ? "" : ",", dbr_multiaddr_text(&event->addrs[i], addr));
    }
    printf("],\"data\":\"");
    for (size_t i = 0; i < event->data.len; i++) {
        printf("%02x", event->data.data[i]);
    }
    printf("\"}\n");
}

static void drain_kad(struct peer *p, dbr_time now)
{
    struct dbr_dht_event event;
    while (p->kad != NULL && dbr_kad_link_poll(p->kad, &event, now)) {
        if (event.type == DBR_DHT_EVENT_DONE) {
            tell_done(&event);
        }
    }
}

static void take_event(struct peer *p, const struct dbr_swarm_event *event, dbr_time now)
{
    struct dbr_endpoint endpoint;
    struct dbr_buf out;
    if (p->kad != NULL && dbr_kad_link_swarm(p->kad, event, now)) {
        drain_kad(p, now);
        return;
    }
    switch (event->type) {
    case DBR_SWARM_DIAL:
        dbr_assert(dbr_multiaddr_endpoint(&event->addr, &endpoint));
        dbr_tcp_dial(p->loop, event->conn, &endpoint);
        break;
    case DBR_SWARM_WRITE:
        out = dbr_swarm_take_output(p->swarm, event->conn);
        dbr_tcp_write(p->loop, event->conn, &out);
        break;
    case DBR_SWARM_CLOSE:
        dbr_tcp_close(p->loop, event->conn);
        break;
    case DBR_SWARM_IDENTIFIED:
        tell_identified(p, &event->peer);
        break;
    case DBR_SWARM_CONNECT_DONE:
        printf("{\"event\":\"dialed\",\"status\":%d}\n", event->status);
        break;
    default:
        break;
    }
}

static dbr_time deadline(const struct peer *p)
{
    dbr_time at = dbr_swarm_deadline(p->swarm);
    return p->kad != NULL ? dbr_time_min(at, dbr_kad_link_deadline(p->kad)) : at;
}

static dbr_time on_tick(void *data, dbr_time now)
{
    struct peer *p = data;
    struct dbr_swarm_event event;
    do {
        if (dbr_swarm_deadline(p->swarm) <= now) {
            dbr_swarm_expire(p->swarm, now);
        }
        if (p->kad != NULL) {
            dbr_kad_link_expire(p->kad, now);
        }
        drain_kad(p, now);
        while (dbr_swarm_poll(p->swarm, &event)) {
            take_event(p, &event, now);
        }
        drain_kad(p, now);
    } while (dbr_tcp_flush(p->loop));
    fflush(stdout);
    return deadline(p);
}

static void on_accepted(void *data, uint64_t conn, const struct dbr_endpoint *remote,
                        dbr_time now)
{
    struct peer *p = data;
    struct dbr_multiaddr addr;
    dbr_multiaddr_from_endpoint(&addr, remote);
    dbr_swarm_accepted(p->swarm, conn, &addr, now);
}

static void on_dialed(void *data, uint64_t conn, dbr_time now)
{
    struct peer *p = data;
    dbr_swarm_dialed(p->swarm, conn, now);
}

static void on_dial_failed(void *data, uint64_t conn, const char *detail, dbr_time now)
{
    struct peer *p = data;
    dbr_swarm_dial_failed(p->swarm, conn, detail, now);
}

static void on_received(void *data, uint64_t conn, debros_bytes bytes, dbr_time now)
{
    struct peer *p = data;
    dbr_swarm_recv(p->swarm, conn, bytes, now);
}

static void on_written(void *data, uint64_t conn, size_t len, dbr_time now)
{
    struct peer *p = data;
    dbr_swarm_written(p->swarm, conn, len, now);
}

static void on_closed(void *data, uint64_t conn, dbr_time now)
{
    struct peer *p = data;
    dbr_swarm_closed(p->swarm, conn, now);
}

static bool is_word(const char *line, const char *word)
{
    return strncmp(line, word, strlen(word)) == 0 && line[strlen(word)] == ' ';
}

static int put(struct peer *p, const char *text, dbr_time now)
{
    char key[DBR_PEER_ID_TEXT_SIZE + 32];
    char id[DBR_PEER_ID_TEXT_SIZE];
    struct dbr_buf envelope = {0};
    uint64_t wall = (uint64_t)dbr_loop_wall_ms();
    snprintf(key, sizeof(key), "/debros/app/%s/put", dbr_peer_id_text(&p->kad->self, id));
    dbr_assert(dbr_dht_envelope_seal(&envelope, &p->kad->signer, dbr_bytes_str(key), wall,
                                     wall + LIFE_MS, dbr_bytes_str(text)) == 0);
    int err = dbr_dht_put(p->kad->dht, 1, dbr_bytes_str(key),
                          dbr_bytes(envelope.data, envelope.len), now);
    dbr_buf_finish(&envelope);
    return err;
}

static debros_bytes from_hex(const char *text, uint8_t out[LINE])
{
    size_t n = 0;
    unsigned byte;
    while (sscanf(text + 2 * n, "%2x", &byte) == 1) {
        out[n++] = (uint8_t)byte;
    }
    return dbr_bytes(out, n);
}

/* False: no command for the table. */
static bool obey_kad(struct peer *p, const char *line, const char *word)
{
    struct dbr_dht *dht = p->kad->dht;
    struct dbr_peer_id id;
    uint8_t bytes[LINE];
    dbr_time now = dbr_loop_now();
    int err;
    if (is_word(line, "find")) {
        dbr_assert(dbr_peer_id_parse(&id, word, strlen(word)) == 0);
        err = dbr_dht_find_peer(dht, 1, &id, false, now);
    } else if (is_word(line, "put")) {
        err = put(p, word, now);
    } else if (is_word(line, "get")) {
        err = dbr_dht_get(dht, 1, dbr_bytes_str(word), 0, now);
    } else if (is_word(line, "provide")) {
        err = dbr_dht_provide(dht, 1, from_hex(word, bytes), now);
    } else if (is_word(line, "providers")) {
        err = dbr_dht_find_providers(dht, 1, from_hex(word, bytes), 1, now);
    } else {
        return false;
    }
    if (err != 0) {
        printf("{\"event\":\"done\",\"status\":%d}\n", err);
    }
    return true;
}

static void obey(struct peer *p, const char *line)
{
    struct dbr_multiaddr addr;
    const char *word = strchr(line, ' ');
    dbr_assert(word != NULL);
    if (p->kad != NULL && obey_kad(p, line, word + 1)) {
        return;
    }
    if (strncmp(line, "offer ", 6) == 0) {
        dbr_swarm_offer(p->swarm, OFFERED, word[1] == '1');
        return;
    }
    dbr_assert(dbr_multiaddr_parse(&addr, word + 1, NULL) == 0);
    if (strncmp(line, "dial ", 5) == 0) {
        dbr_swarm_connect(p->swarm, &addr, 1, dbr_loop_now());
    } else {
        dbr_swarm_listening(p->swarm, &addr);
    }
}

static void on_wake(void *data)
{
    struct peer *p = data;
    pthread_mutex_lock(&p->lock);
    if (p->ended) {
        dbr_loop_end(p->loop);
    } else if (p->line[0] != '\0') {
        obey(p, p->line);
    }
    p->line[0] = '\0';
    pthread_cond_signal(&p->taken);
    pthread_mutex_unlock(&p->lock);
}

static void *read_stdin(void *data)
{
    struct peer *p = data;
    char line[LINE];
    while (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        pthread_mutex_lock(&p->lock);
        while (p->line[0] != '\0') {
            pthread_cond_wait(&p->taken, &p->lock);
        }
        snprintf(p->line, sizeof(p->line), "%s", line);
        pthread_mutex_unlock(&p->lock);
        dbr_wake_send(p->wake);
    }
    pthread_mutex_lock(&p->lock);
    p->ended = true;
    pthread_mutex_unlock(&p->lock);
    dbr_wake_send(p->wake);
    return NULL;
}

static void start_kad(struct peer *p, const struct dbr_multiaddr *addr)
{
    struct dbr_kad_config config = {.swarm = p->swarm,
                                    .protocol = KAD,
                                    .protocol_id = DBR_DHT_PROTOCOL,
                                    .open = true,
                                    .identity = &p->key,
                                    .wall_ms = (uint64_t)dbr_loop_wall_ms()};
    dbr_kad_limits_default(&config.limits);
    dbr_dht_limits_default(&config.dht);
    dbr_assert(dbr_kad_link_create(&p->kad, &config, &p->rng, dbr_loop_now()) == 0);
    dbr_kad_link_set_addrs(p->kad, addr, 1);
}

static void start(struct peer *p, bool with_kad)
{
    static const struct dbr_loop_handler handler = {
        on_tick,     on_accepted, on_dialed, on_dial_failed,
        on_received, on_written,  on_closed};
    static const struct dbr_swarm_protocol protocols[] = {
        [OFFERED] = {"/interop/offered/1.0.0", DBR_PEER_STRANGER, 1000, 1000},
        [KAD] = {DBR_DHT_PROTOCOL, DBR_PEER_STRANGER, DBR_DHT_MESSAGE_MAX,
                 DBR_KAD_SEND_QUEUE}};
    struct dbr_swarm_config config = {.identity = &p->key,
                                      .agent = "swarm_peer/1",
                                      .open = true,
                                      .protocols = protocols,
                                      .n_protocols = DBR_COUNT(protocols)};
    struct dbr_endpoint endpoint = {.ip = {127, 0, 0, 1}};
    struct dbr_multiaddr addr;
    struct dbr_peer_id id;
    char text[DBR_MULTIADDR_TEXT_SIZE];
    char id_text[DBR_PEER_ID_TEXT_SIZE];
    dbr_swarm_limits_default(&config.limits);
    dbr_assert(dbr_crypto_init() == 0);
    dbr_rng_system(&p->rng);
    dbr_keypair_generate(&p->key, &p->rng);
    dbr_peer_id_from_key(&id, p->key.public_key);
    dbr_assert(dbr_loop_create(&p->loop, &handler, p) == 0);
    dbr_assert(dbr_swarm_create(&p->swarm, &config, &p->rng, dbr_loop_now()) == 0);
    dbr_swarm_wall(p->swarm, dbr_loop_wall_ms());
    dbr_swarm_offer(p->swarm, OFFERED, false);
    dbr_swarm_offer(p->swarm, KAD, false);
    dbr_assert(dbr_tcp_listen(p->loop, &endpoint, NULL) == 0);
    dbr_multiaddr_from_endpoint(&addr, &endpoint);
    dbr_swarm_listening(p->swarm, &addr);
    if (with_kad) {
        start_kad(p, &addr);
    }
    dbr_assert(dbr_wake_open(&p->wake, p->loop, on_wake, p) == 0);
    printf("{\"event\":\"ready\",\"id\":\"%s\",\"addr\":\"%s\"}\n",
           dbr_peer_id_text(&id, id_text), dbr_multiaddr_text(&addr, text));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct peer peer = {.lock = PTHREAD_MUTEX_INITIALIZER,
                               .taken = PTHREAD_COND_INITIALIZER};
    pthread_t reader;
    start(&peer, argc > 1 && strcmp(argv[1], "kad") == 0);
    dbr_assert(pthread_create(&reader, NULL, read_stdin, &peer) == 0);
    dbr_loop_run(peer.loop);
    pthread_join(reader, NULL);
    dbr_wake_free(peer.wake);
    dbr_loop_destroy(peer.loop);
    dbr_kad_link_destroy(peer.kad);
    dbr_swarm_destroy(peer.swarm);
    return 0;
}
