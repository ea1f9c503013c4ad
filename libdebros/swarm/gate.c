#include "gate.h"

#include <string.h>

#include "base/alloc.h"
#include "swarm.h"

void dbr_gate_init(struct dbr_gate *gate)
{
    *gate = (struct dbr_gate){0};
    dbr_list_init(&gate->idle);
}

static void host_free(struct dbr_gate *gate, struct dbr_gate_host *host)
{
    if (host->open == 0) {
        gate->n_idle--;
    }
    dbr_list_remove(&host->idle);
    HASH_DEL(gate->hosts, host);
    dbr_free(host);
}

void dbr_gate_finish(struct dbr_gate *gate)
{
    struct dbr_gate_host *host;
    struct dbr_gate_host *tmp;
    HASH_ITER(hh, gate->hosts, host, tmp)
    {
        host_free(gate, host);
    }
}

/* ---- Hosts ----------------------------------------------------------------- */

struct dbr_gate_key dbr_gate_key_of(const struct dbr_endpoint *endpoint, uint8_t ip6_bits)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}; /* RFC 4291 2.5.5.2 */
    struct dbr_gate_key key = {.bits = endpoint->is_ip6 ? ip6_bits : 32};
    if (endpoint->is_ip6 && memcmp(endpoint->ip, mapped, sizeof(mapped)) == 0) {
        key.bits = 32;
        memcpy(key.ip, endpoint->ip + sizeof(mapped), 4);
    } else {
        memcpy(key.ip, endpoint->ip, key.bits / 8u);
    }
    return key;
}

/* Finds or makes. NULL: no memory. */
static struct dbr_gate_host *get(struct dbr_gate *gate, const struct dbr_gate_key *key)
{
    struct dbr_gate_host *host;
    HASH_FIND(hh, gate->hosts, key, sizeof(*key), host);
    if (host != NULL) {
        return host;
    }
    if (gate->n_idle >= DBR_GATE_REMEMBERED) {
        host_free(gate, DBR_LIST_ENTRY(gate->idle.next, struct dbr_gate_host, idle));
    }
    host = dbr_calloc(1, sizeof(*host));
    if (host == NULL) {
        return NULL;
    }
    host->key = *key;
    dbr_list_init(&host->idle);
    HASH_ADD(hh, gate->hosts, key, sizeof(host->key), host);
    if (!dbr_hash_added(host)) {
        dbr_free(host);
        return NULL;
    }
    dbr_list_push_back(&gate->idle, &host->idle);
    gate->n_idle++;
    return host;
}

static void take(struct dbr_gate *gate, struct dbr_gate_host *host)
{
    if (host->open++ == 0) {
        dbr_list_remove(&host->idle);
        gate->n_idle--;
    }
}

static void give_back(struct dbr_gate *gate, struct dbr_gate_host *host)
{
    if (host != NULL && --host->open == 0) {
        dbr_list_push_back(&gate->idle, &host->idle);
        gate->n_idle++;
    }
}

/* ---- Connections ----------------------------------------------------------- */

static uint64_t every_us(const struct dbr_swarm_limits *limits)
{
    return (uint64_t)limits->accept_every_ms * 1000;
}

enum dbr_gate_verdict dbr_gate_enter(struct dbr_gate *gate,
                                     const struct dbr_swarm_limits *limits,
                                     const struct dbr_multiaddr *remote, dbr_time now,
                                     struct dbr_gate_pass *pass)
{
    struct dbr_endpoint endpoint;
    *pass = (struct dbr_gate_pass){0};
    if (!dbr_multiaddr_endpoint(remote, &endpoint) ||
        dbr_endpoint_is_loopback(&endpoint)) {
        return DBR_GATE_ENTER;
    }
    struct dbr_gate_key key = dbr_gate_key_of(&endpoint, 56);
    struct dbr_gate_key net_key = dbr_gate_key_of(&endpoint, 48);
    struct dbr_gate_host *host = get(gate, &key);
    if (host == NULL) {
        return DBR_GATE_NO_MEMORY;
    }
    if (host->open >= limits->conns_per_ip) {
        return DBR_GATE_HOST;
    }
    take(gate, host); /* so that making the net does not evict it */
    struct dbr_gate_host *net = key.bits == 32 ? NULL : get(gate, &net_key);
    enum dbr_gate_verdict verdict = DBR_GATE_ENTER;
    if (key.bits != 32 && net == NULL) {
        verdict = DBR_GATE_NO_MEMORY;
    } else if (net != NULL && net->open >= limits->conns_per_net) {
        verdict = DBR_GATE_NET;
    } else if (!dbr_bucket_take(&host->bucket, limits->accept_burst, every_us(limits),
                                now)) {
        verdict = DBR_GATE_RATE;
    } else if (!dbr_bucket_take(&gate->handshakes, limits->handshakes_per_s,
                                1000000 / limits->handshakes_per_s, now)) {
        verdict = DBR_GATE_HANDSHAKES;
        dbr_bucket_refund(&host->bucket, every_us(limits));
    }
    if (verdict != DBR_GATE_ENTER) {
        give_back(gate, host);
        return verdict;
    }
    if (net != NULL) {
        take(gate, net);
    }
    *pass = (struct dbr_gate_pass){.host = host, .net = net};
    return DBR_GATE_ENTER;
}

void dbr_gate_leave(struct dbr_gate *gate, struct dbr_gate_pass *pass)
{
    give_back(gate, pass->host);
    give_back(gate, pass->net);
    *pass = (struct dbr_gate_pass){0};
}

void dbr_gate_trust(struct dbr_gate *gate, const struct dbr_swarm_limits *limits,
                    struct dbr_gate_pass *pass)
{
    if (pass->host != NULL) {
        dbr_bucket_refund(&pass->host->bucket, every_us(limits));
    }
    dbr_gate_leave(gate, pass);
}

const char *dbr_gate_words(enum dbr_gate_verdict verdict)
{
    switch (verdict) {
    case DBR_GATE_ENTER:
        return "welcome";
    case DBR_GATE_HOST:
        return "its address has too many connections open";
    case DBR_GATE_NET:
        return "its network has too many connections open";
    case DBR_GATE_RATE:
        return "its address connects too often";
    case DBR_GATE_HANDSHAKES:
        return "too many handshakes at one time";
    case DBR_GATE_NO_MEMORY:
        return "out of memory";
    }
    return "refused";
}
