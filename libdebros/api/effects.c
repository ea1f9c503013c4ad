#include "api/effects.h"

#include <stdio.h>

#include "api/addresses.h"
#include "api/life.h"
#include "api/node.h"
#include "api/start.h"
#include "driver/multicast.h"
#include "driver/tcp.h"

static void done(debros_node *node, struct dbr_request *request)
{
    struct dbr_call *call = DBR_CONTAINER_OF(request, struct dbr_call, request);
    call->with_core = false;
    dbr_call_complete(node, call, request->status, request->detail);
}

static void write_output(debros_node *node, uint64_t conn)
{
    struct dbr_buf output = dbr_core_take_output(node->core, conn);
    dbr_tcp_write(node->loop, conn, &output);
}

static void dial(debros_node *node, const struct dbr_effect *effect)
{
    struct dbr_name name;
    if (!effect->by_name) {
        dbr_tcp_dial(node->loop, effect->conn, &effect->endpoint);
    } else if (dbr_core_dial_name(node->core, effect->conn, &name)) {
        dbr_tcp_dial_name(node->loop, effect->conn, &name);
    }
}

void dbr_effects_carry_out(debros_node *node, const struct dbr_effect *effect)
{
    switch (effect->type) {
    case DBR_CORE_DIAL:
        dial(node, effect);
        break;
    case DBR_CORE_WRITE:
        write_output(node, effect->conn);
        break;
    case DBR_CORE_CLOSE:
        dbr_tcp_close(node->loop, effect->conn);
        break;
    case DBR_CORE_LOG:
        dbr_lanes_log(node, effect->op);
        break;
    case DBR_CORE_APPLY:
        dbr_lanes_apply(node, effect->apply);
        break;
    case DBR_CORE_QUERY:
        dbr_lanes_query(node, effect->query);
        break;
    case DBR_CORE_BULK:
        dbr_lanes_bulk(node, effect->bulk);
        break;
    case DBR_CORE_NETWORK:
        dbr_lanes_network(node, effect->network);
        break;
    case DBR_CORE_DONE:
        done(node, effect->request);
        break;
    case DBR_CORE_MEASURE:
        dbr_health_measure(node);
        break;
    case DBR_CORE_READY:
        dbr_life_ready(node);
        break;
    case DBR_CORE_JOINED:
        dbr_start_joined(node, effect->joined);
        break;
    case DBR_CORE_STOPPED:
        dbr_life_end(node);
        break;
    case DBR_CORE_FATAL:
        dbr_life_fail(node, effect->status, effect->detail);
        break;
    case DBR_CORE_MULTICAST:
        dbr_multicast_send(node->loop, effect->packet, effect->same_host);
        break;
    }
}

bool dbr_effects_drain(debros_node *node)
{
    node->received = 0;
    for (int round = 0; round < DBR_EFFECTS_MAX_ROUNDS; round++) {
        struct dbr_effect effect;
        while (dbr_core_poll(node->core, &effect, dbr_loop_now())) {
            dbr_effects_carry_out(node, &effect);
        }
        /* Followers write while we do: the sockets before the log. */
        dbr_lanes_hand_over(node);
        bool again = dbr_tcp_flush(node->loop);
        if (!dbr_lanes_run_inline(node) && !again) {
            return false;
        }
    }
    return true;
}

/* ---- Facts of sockets; none reaches the core once the node closes --------------------
 */

void dbr_effects_accepted(void *data, uint64_t conn, const struct dbr_endpoint *remote,
                          dbr_time now)
{
    debros_node *node = data;
    (void)now;
    /* Who joins serves nobody yet: peers dial again. */
    if (node->phase == DBR_PHASE_CLOSING || node->phase == DBR_PHASE_JOINING) {
        dbr_tcp_close(node->loop, conn);
        return;
    }
    struct dbr_multiaddr addr;
    dbr_multiaddr_from_endpoint(&addr, remote);
    dbr_core_accepted(node->core, conn, &addr, dbr_life_fact(node));
}

void dbr_effects_dialed(void *data, uint64_t conn, dbr_time now)
{
    debros_node *node = data;
    (void)now;
    if (node->phase != DBR_PHASE_CLOSING) {
        dbr_core_dialed(node->core, conn, dbr_life_fact(node));
    }
}

void dbr_effects_dial_failed(void *data, uint64_t conn, const char *detail, dbr_time now)
{
    debros_node *node = data;
    (void)now;
    snprintf(node->dial_detail, sizeof(node->dial_detail), "%s", detail);
    if (node->phase != DBR_PHASE_CLOSING) {
        dbr_core_dial_failed(node->core, conn, detail, dbr_life_fact(node));
    }
}

void dbr_effects_received(void *data, uint64_t conn, debros_bytes bytes, dbr_time now)
{
    debros_node *node = data;
    (void)now;
    if (node->phase == DBR_PHASE_CLOSING) {
        return;
    }
    dbr_core_recv(node->core, conn, bytes, dbr_life_fact(node));
    node->received += bytes.len;
    if (node->received >= DBR_EFFECTS_MAX_RECEIVED) {
        (void)dbr_effects_drain(node);
    }
}

void dbr_effects_written(void *data, uint64_t conn, size_t len, dbr_time now)
{
    debros_node *node = data;
    (void)now;
    if (node->phase != DBR_PHASE_CLOSING) {
        dbr_core_written(node->core, conn, len, dbr_life_fact(node));
    }
}

void dbr_effects_closed(void *data, uint64_t conn, dbr_time now)
{
    debros_node *node = data;
    (void)now;
    if (node->phase != DBR_PHASE_CLOSING) {
        dbr_core_closed(node->core, conn, dbr_life_fact(node));
    }
}

void dbr_effects_multicast(void *data, debros_bytes packet, bool same_host, dbr_time now)
{
    debros_node *node = data;
    (void)now;
    if (node->phase != DBR_PHASE_CLOSING) {
        dbr_core_multicast(node->core, packet, same_host, dbr_life_fact(node));
    }
}

void dbr_effects_network_changed(void *data, dbr_time now)
{
    debros_node *node = data;
    (void)now;
    if (node->phase != DBR_PHASE_CLOSING) {
        dbr_addresses_look(node);
        dbr_core_network_changed(node->core, dbr_life_fact(node));
    }
}
