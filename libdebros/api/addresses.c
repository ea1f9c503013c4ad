#include "api/addresses.h"

#include <string.h>

#include "api/life.h"
#include "api/node.h"
#include "driver/tcp.h"

#define MODULE "node"

static size_t add(struct dbr_multiaddr *out, size_t n,
                  const struct dbr_endpoint *endpoint)
{
    if (n < DBR_NODE_MAX_ADDRS) {
        dbr_multiaddr_from_endpoint(&out[n++], endpoint);
    }
    return n;
}

/* The sockets' addresses; of a wildcard those that the machine has now. */
static size_t resolve(const debros_node *node,
                      struct dbr_multiaddr out[DBR_NODE_MAX_ADDRS])
{
    size_t n = 0;
    for (size_t i = 0; i < node->n_listening; i++) {
        struct dbr_endpoint own[DBR_NODE_MAX_ADDRS];
        if (!dbr_endpoint_is_wildcard(&node->listening[i])) {
            n = add(out, n, &node->listening[i]);
            continue;
        }
        size_t n_own = dbr_tcp_interfaces(own, DBR_COUNT(own), &node->listening[i]);
        for (size_t k = 0; k < n_own; k++) {
            n = add(out, n, &own[k]);
        }
    }
    return n;
}

static const char *full_text(const debros_node *node, const struct dbr_multiaddr *addr,
                             char text[DBR_MULTIADDR_TEXT_SIZE])
{
    struct dbr_multiaddr full = *addr;
    struct dbr_peer_id id;
    dbr_peer_id_from_key(&id, node->identity.public_key);
    dbr_multiaddr_set_peer(&full, &id);
    return dbr_multiaddr_text(&full, text);
}

static void log_listens(const debros_node *node, const char *text)
{
    dbr_log(&node->logger, DEBROS_LOG_INFO, MODULE, "listens on %s", text);
}

int dbr_addresses_listen(debros_node *node, debros_detail *detail)
{
    char text[DBR_MULTIADDR_TEXT_SIZE];
    for (size_t i = 0; i < node->config.c.n_listen; i++) {
        struct dbr_endpoint endpoint = node->config.listen[i];
        int err = dbr_tcp_listen(node->loop, &endpoint, detail);
        if (err != 0) {
            return err;
        }
        node->listening[node->n_listening++] = endpoint;
    }
    size_t n = resolve(node, node->addrs);
    for (size_t i = 0; i < n; i++) {
        full_text(node, &node->addrs[i], text);
        node->addr_texts[i] = dbr_arena_strdup(&node->config.arena, text);
        if (node->addr_texts[i] == NULL) {
            break;
        }
        node->n_addrs = node->n_texts = i + 1;
        log_listens(node, text);
    }
    return 0;
}

void dbr_addresses_tell(debros_node *node)
{
    for (size_t i = 0; i < node->n_addrs; i++) {
        dbr_core_listening(node->core, &node->addrs[i], dbr_loop_now());
    }
}

static bool contains(const struct dbr_multiaddr *addrs, size_t n,
                     const struct dbr_multiaddr *addr)
{
    for (size_t i = 0; i < n; i++) {
        if (dbr_multiaddr_equal(&addrs[i], addr)) {
            return true;
        }
    }
    return false;
}

void dbr_addresses_look(debros_node *node)
{
    struct dbr_multiaddr now[DBR_NODE_MAX_ADDRS];
    char text[DBR_MULTIADDR_TEXT_SIZE];
    size_t n = resolve(node, now);
    dbr_time time = dbr_life_fact(node);
    for (size_t i = 0; i < node->n_addrs; i++) {
        if (!contains(now, n, &node->addrs[i])) {
            dbr_core_not_listening(node->core, &node->addrs[i], time);
            dbr_log(&node->logger, DEBROS_LOG_INFO, MODULE,
                    "listens on %s no more: the machine has lost the address",
                    full_text(node, &node->addrs[i], text));
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (!contains(node->addrs, node->n_addrs, &now[i])) {
            dbr_core_listening(node->core, &now[i], time);
            log_listens(node, full_text(node, &now[i], text));
        }
    }
    memcpy(node->addrs, now, n * sizeof(now[0]));
    node->n_addrs = n;
}
