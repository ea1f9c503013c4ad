/* What debros_node is: shared by the files of api/. */
#ifndef DBR_API_NODE_H
#define DBR_API_NODE_H

#include <stdatomic.h>

#include "api/cluster_file.h"
#include "api/completion.h"
#include "api/config.h"
#include "api/health.h"
#include "api/lanes.h"
#include "api/log_sink.h"
#include "core/core.h"
#include "driver/loop.h"
#include "driver/mailbox.h"
#include "store/store.h"

enum dbr_node_state {
    DBR_NODE_NEW,
    DBR_NODE_STARTING,
    DBR_NODE_RUNNING,
    DBR_NODE_STOPPING, /* refuses requests, finishes those that it has */
    DBR_NODE_STOPPED
};

/* The node thread's view of its life. */
enum dbr_node_phase {
    DBR_PHASE_JOINING, /* a JOINER talks to the cluster */
    DBR_PHASE_WAITING, /* until the core is ready */
    DBR_PHASE_RUNNING,
    DBR_PHASE_LEAVING, /* until the core has stopped */
    DBR_PHASE_CLOSING  /* until every socket has flushed */
};

#define DBR_NODE_MAX_ADDRS 64u
/* A core that does not say STOPPED is cut off: its own limit is three seconds. */
#define DBR_NODE_STOP_MS 3500u

struct debros_node {
    struct dbr_config config;
    struct dbr_completion completion;
    struct dbr_log_sink sink;
    struct dbr_logger logger;
    struct dbr_loop *loop;
    struct dbr_mailbox *mailbox;
    pthread_t thread;
    bool has_thread;
    struct dbr_mail end; /* of debros_node_destroy() */

    /* Under completion.lock. */
    enum dbr_node_state state;
    int failure; /* why it stopped by itself, or 0 */
    debros_detail failure_detail;

    /* Written once, then published. */
    char peer_id[DBR_PEER_ID_TEXT_SIZE];
    atomic_bool has_peer_id;
    char *addr_texts[DBR_NODE_MAX_ADDRS];
    atomic_size_t n_addr_texts;

    /* The node thread's from here. */
    enum dbr_node_phase phase;
    bool told_full;  /* the core, that the disk is */
    bool in_turn;    /* a fact of this turn has been told */
    bool ending;     /* it closes at the end of this turn, or has */
    size_t received; /* bytes since the core was drained */
    struct dbr_rng rng;
    struct dbr_keypair identity;
    struct dbr_keypair operator_key;
    struct dbr_cluster_file cluster;
    struct dbr_endpoint listening[DBR_CONFIG_MAX_LISTEN]; /* its sockets */
    size_t n_listening;
    struct dbr_multiaddr addrs[DBR_NODE_MAX_ADDRS]; /* that it listens on, now */
    size_t n_addrs;
    size_t n_texts; /* of addr_texts */
    struct dbr_fs *fs;
    struct dbr_store *store;
    struct dbr_core *core;
    struct dbr_lanes lanes;
    struct dbr_gauges gauges;
    struct dbr_list finished; /* calls for the next publication */
    struct dbr_call *start_call;
    struct dbr_call *stop_call;
    dbr_time start_deadline; /* of JOINING and WAITING */
    dbr_time stop_deadline;  /* of LEAVING */
    bool joined;             /* the next core is a MEMBER */
    int end_status;          /* of the requests that the end cuts off */
    debros_detail end_detail;
    char dial_detail[160]; /* the last dial that failed, for people */
};

#endif
