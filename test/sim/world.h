/* Whole nodes in virtual time: core, consensus and store as they are in life, over
 * simulated links and disks, everything from one seed. Only the loop, the sockets and
 * the files are replaced.
 *
 *   world.c    events, nodes, jobs of the store
 *   net.c      links: delay, cuts, stalls, partitions
 *   load.c     requests and what their answers promise
 *   nemesis.c  crashes, partitions, full and slow disks, polite stops
 *   run.c      one run: bring up, torment, heal, check */
#ifndef DBR_TEST_SIM_WORLD_H
#define DBR_TEST_SIM_WORLD_H

#include "core/core.h"
#include "sim_disk.h"
#include "store/store.h"

#define SIM_NODES_MAX 8
#define SIM_TERMS_MAX 100000
#define SIM_WALL_MS   1790000000000

struct sim_config {
    uint64_t seed;
    int n_nodes;       /* members; one light client beside them */
    uint32_t fault_ms; /* how long the nemesis works */
    bool late_join;    /* the last member joins while the nemesis works */
    bool bare;         /* libraft without the repairs */
    bool verbose;      /* print the trace */
};

struct sim_counters {
    uint64_t acked, unknown, failed, reads;
    uint64_t reads_of[5], stale_refusals; /* by level; for a bound of freshness */
    uint64_t crashes, torn_crashes, partitions, stops, cuts, full_disks, bad_disks;
    uint64_t vote_crashes, images, restores, redials;
};

struct sim_result {
    bool ok;
    char why[256];
    uint64_t trace; /* hash of everything that happened */
    dbr_time took;  /* virtual ms */
    struct sim_counters n;
};

enum sim_event_type {
    SIM_BYTES,  /* on a link, towards side `side` */
    SIM_HANGUP, /* the other side has closed */
    SIM_ACCEPT, /* a dial arrives */
    SIM_DIALED, /* its answer */
    SIM_WRITTEN,
    SIM_LOG, /* the node's log lane finishes its batch */
    SIM_APPLY,
    SIM_QUERY,
    SIM_RESTART,
    SIM_CRASH,
    SIM_LOAD,
    SIM_NEMESIS
};

struct sim_event {
    dbr_time at;
    uint64_t seq;
    enum sim_event_type type;
    int node;
    uint64_t incarnation; /* of the node; another one: the event is void */
    struct sim_link *link;
    int side;
    size_t len;
    struct dbr_query_job *query;
};

struct sim_chunk {
    struct sim_chunk *next;
    struct dbr_buf bytes;
};

/* One TCP connection; side 0 has dialed. */
struct sim_link {
    struct sim_link *next;
    int node[2];
    uint64_t conn[2];
    uint64_t incarnation[2];
    bool open[2];
    struct sim_chunk *queue[2]; /* towards that side, oldest first */
    dbr_time last[2];           /* arrival of the newest of them */
    uint32_t delay_ms;
    int n_events; /* in flight, they hold the link's memory */
};

enum sim_phase { SIM_DOWN, SIM_JOINING, SIM_MEMBER, SIM_CLIENT };

struct sim_op {
    struct dbr_list link; /* of its node, while in flight */
    struct dbr_request request;
    int kind;
    int64_t id;
    uint64_t floor; /* reads: rows that it must see, by its level's promise */
    debros_value params[2];
    debros_statement statements[2];
    int node;
    bool done; /* TEST */
};

struct sim_node {
    struct dbr_core *core;
    struct dbr_store *store;
    struct sim_disk *disk;
    struct dbr_rng rng;
    struct dbr_keypair key;
    struct dbr_peer_id id;
    struct dbr_multiaddr addr; /* with /p2p */
    enum sim_phase phase;
    uint64_t incarnation;
    uint64_t next_conn;
    bool has_cluster;
    bool is_stopping;
    bool restart_planned;
    char *invite;
    struct dbr_multiaddr members[8];
    size_t n_members;
    struct dbr_log_op *log_head, **log_tail; /* queued */
    struct dbr_log_op *log_batch;            /* at the disk */
    struct dbr_apply_job *apply_head, **apply_tail;
    bool apply_running;
    struct dbr_list ops;
    dbr_time disk_slow_until;
    dbr_time disk_full_until;
};

struct sim_world {
    struct sim_config config;
    struct sim_result *result;
    struct dbr_rng net_rng, load_rng, nemesis_rng, disk_rng;
    dbr_time now;
    uint64_t seq;
    struct sim_event *heap;
    size_t n_heap, cap_heap;
    struct sim_node nodes[SIM_NODES_MAX];
    int n_nodes; /* with the client */
    struct sim_link *links;
    int group[SIM_NODES_MAX]; /* partitions: nodes of one group see each other */
    uint8_t cluster_id[DBR_CLUSTER_ID_SIZE];
    struct dbr_keypair operator_key;
    bool faults;
    bool stop_load;
    int64_t next_id;
    uint8_t *state; /* of each inserted id: see load.c */
    int *leader_of; /* term: node + 1, of the first SIM_TERMS_MAX terms */
    uint64_t n_acked_rows, n_counter_acked, n_counter_maybe;
    dbr_time *acked_at; /* when the i-th row was acknowledged */
    struct dbr_logger logger;
};

/* world.c */
void sim_fail(struct sim_world *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void sim_trace(struct sim_world *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void sim_push(struct sim_world *w, struct sim_event event);
bool sim_step(struct sim_world *w, dbr_time until); /* false: nothing before `until` */
void sim_start_node(struct sim_world *w, int i);
void sim_crash_node(struct sim_world *w, int i, bool torn);
void sim_drain(struct sim_world *w, int i);
int sim_leader(const struct sim_world *w); /* -1 */

/* net.c */
void sim_dial(struct sim_world *w, int node, const struct dbr_effect *effect);
void sim_write(struct sim_world *w, int node, uint64_t conn);
void sim_close(struct sim_world *w, int node, uint64_t conn);
void sim_net_event(struct sim_world *w, struct sim_event *event);
void sim_cut(struct sim_world *w, struct sim_link *link);
void sim_node_links_die(struct sim_world *w, int node);
void sim_links_finish(struct sim_world *w);

/* load.c */
/* TEST: filled and freed by a test, which reads the answer. */
enum {
    SIM_OP_TEST,
    SIM_OP_INVITE,
    SIM_OP_SETUP,
    SIM_OP_INSERT,
    SIM_OP_COUNT,
    SIM_OP_READ,
    SIM_OP_DUMP,
    SIM_OP_STATUS
};
struct sim_op *sim_submit(struct sim_world *w, int node, int kind, uint32_t timeout_ms);
struct sim_op *sim_test_op(struct sim_world *w, int node, enum dbr_request_type type);
/* Lends it to its node and runs the world until it is answered, `timeout_ms` at most. */
int sim_test_run(struct sim_world *w, struct sim_op *op, uint32_t timeout_ms);
void sim_op_free(struct sim_op *op);
void sim_op_done(struct sim_world *w, struct sim_op *op);
void sim_ops_lost(struct sim_world *w, int node);
void sim_load(struct sim_world *w);
/* What the last DUMP, STATUS, SETUP gave. */
extern struct sim_answer {
    bool done;
    int status;
    uint64_t hash, rows, counter;
    uint64_t applied;
    enum debros_role role;
} sim_answer[SIM_NODES_MAX];
bool sim_check_dump(struct sim_world *w, int node, const debros_result *rows);

/* nemesis.c */
void sim_nemesis(struct sim_world *w);
void sim_heal(struct sim_world *w);
/* A node has changed its term or given its vote: sometimes it dies before that is
 * durable. */
void sim_nemesis_votes(struct sim_world *w, int node);
void sim_crash_and_return(struct sim_world *w, int node);

/* run.c */
void sim_init(struct sim_world *w, const struct sim_config *config,
              struct sim_result *result);
void sim_finish(struct sim_world *w);
void sim_bring_up(struct sim_world *w); /* members joined, places taken, client ready */
void sim_step_until(struct sim_world *w, dbr_time until);
bool sim_run(const struct sim_config *config, struct sim_result *result);

#endif
