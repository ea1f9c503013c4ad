/* A bare swarm on a real loop: what the program cannot be made to do, for js-libp2p.
 *
 *   swarm_peer            listens on a port of 127.0.0.1, open to everybody
 *
 * It tells what happens as one JSON object a line, the first one being
 * {"event":"ready","id":...,"addr":...}, and takes commands as lines on stdin:
 *
 *   dial ADDR             answered {"event":"dialed","status":0}
 *   announce ADDR         one more listen address, which peers hear of
 *   offer 0|1             whether it speaks /interop/offered/1.0.0
 *
 * It ends with its stdin. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "crypto/system.h"
#include "driver/loop.h"
#include "driver/tcp.h"
#include "driver/wake.h"
#include "swarm/swarm.h"

#define LINE 600

struct peer {
    struct dbr_loop *loop;
    struct dbr_wake *wake;
    struct dbr_swarm *swarm;
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
    for (size_t i = 0; i < info.n_addrs; i++) {
        printf("%s\"%s\"", i == 0 ? "" : ",", dbr_multiaddr_text(&info.addrs[i], addr));
    }
    printf("]}\n");
}

static void take_event(struct peer *p, const struct dbr_swarm_event *event)
{
    struct dbr_endpoint endpoint;
    struct dbr_buf out;
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

static dbr_time on_tick(void *data, dbr_time now)
{
    struct peer *p = data;
    struct dbr_swarm_event event;
    do {
        if (dbr_swarm_deadline(p->swarm) <= now) {
            dbr_swarm_expire(p->swarm, now);
        }
        while (dbr_swarm_poll(p->swarm, &event)) {
            take_event(p, &event);
        }
    } while (dbr_tcp_flush(p->loop));
    fflush(stdout);
    return dbr_swarm_deadline(p->swarm);
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

static void obey(struct peer *p, const char *line)
{
    struct dbr_multiaddr addr;
    const char *word = strchr(line, ' ');
    dbr_assert(word != NULL);
    if (strncmp(line, "offer ", 6) == 0) {
        dbr_swarm_offer(p->swarm, 0, word[1] == '1');
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

static void start(struct peer *p)
{
    static const struct dbr_loop_handler handler = {
        on_tick,     on_accepted, on_dialed, on_dial_failed,
        on_received, on_written,  on_closed};
    static const struct dbr_swarm_protocol protocol = {"/interop/offered/1.0.0",
                                                       DBR_PEER_STRANGER, 1000, 1000};
    struct dbr_swarm_config config = {.identity = &p->key,
                                      .agent = "swarm_peer/1",
                                      .open = true,
                                      .protocols = &protocol,
                                      .n_protocols = 1};
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
    dbr_swarm_offer(p->swarm, 0, false);
    dbr_assert(dbr_tcp_listen(p->loop, &endpoint, NULL) == 0);
    dbr_multiaddr_from_endpoint(&addr, &endpoint);
    dbr_swarm_listening(p->swarm, &addr);
    dbr_assert(dbr_wake_open(&p->wake, p->loop, on_wake, p) == 0);
    printf("{\"event\":\"ready\",\"id\":\"%s\",\"addr\":\"%s\"}\n",
           dbr_peer_id_text(&id, id_text), dbr_multiaddr_text(&addr, text));
    fflush(stdout);
}

int main(void)
{
    static struct peer peer = {.lock = PTHREAD_MUTEX_INITIALIZER,
                               .taken = PTHREAD_COND_INITIALIZER};
    pthread_t reader;
    start(&peer);
    dbr_assert(pthread_create(&reader, NULL, read_stdin, &peer) == 0);
    dbr_loop_run(peer.loop);
    pthread_join(reader, NULL);
    dbr_wake_free(peer.wake);
    dbr_loop_destroy(peer.loop);
    dbr_swarm_destroy(peer.swarm);
    return 0;
}
