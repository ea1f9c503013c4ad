/* Whole nodes in virtual time: core, consensus and store as they are in life, over
 * simulated links and disks, everything from one seed. Only the loop, the sockets and
 * the files are replaced.
 *
 *   world.c     events, time, the trace
 *   node.c      a node's lives: start, join, crash
 *   lanes.c     a node's effects, and the jobs of its store
 *   network.c   what is known of the network: some of it is made, kept, found again
 *   bulk.c      jobs on the files of snapshots, and what befalls these
 *   net.c       links: delay, cuts, stalls, partitions
 *   load.c      requests and their answers
 *   workload.c  what the requests write, and the model of it
 *   history.c   the committed log against the model and the answers
 *   nemesis.c   faults
 *   memory.c    and a heap that fails
 *   points.c    nodes that die at a failpoint
 *   run.c       one run: bring up, torment, heal, check */
#ifndef DBR_TEST_SIM_WORLD_H
#define DBR_TEST_SIM_WORLD_H

#include "base/hash.h"
#include "core/core.h"
#include "seen.h"
#include "sim_disk.h"
#include "store/store.h"

#define SIM_NODES_MAX  24
#define SIM_TERMS_MAX  100000
#define SIM_WALL_MS    1790000000000
#define SIM_TRACE_KEPT 200 /* lines that a failure tells */
#define SIM_FAULTS_MAX 512 /* of one run, numbered */
#define SIM_KEYS       4   /* of a workload's table */

enum sim_workload {
    SIM_WORK_SET,      /* rows */
    SIM_WORK_APPEND,   /* texts that grow, two at a time */
    SIM_WORK_BANK,     /* transfers between accounts that must not go below zero */
    SIM_WORK_REGISTER, /* compare-and-set */
    SIM_WORK_COUNT,
    SIM_WORK_ANY = SIM_WORK_COUNT /* by the seed */
};

enum sim_nemesis {
    SIM_NEMESIS_MIXED, /* all of the below */
    SIM_NEMESIS_NONE,
    SIM_NEMESIS_HALVES,
    SIM_NEMESIS_ISOLATE, /* the leader */
    SIM_NEMESIS_RING,    /* each node sees its neighbours only */
    SIM_NEMESIS_ONE_WAY,
    SIM_NEMESIS_CRASH,
    SIM_NEMESIS_CRASH_ALL,
    SIM_NEMESIS_PAUSE,
    SIM_NEMESIS_SLOW_DISK,
    SIM_NEMESIS_FULL_DISK,
    SIM_NEMESIS_BAD_DISK,
    SIM_NEMESIS_CLOCK,
    SIM_NEMESIS_FLAP,
    SIM_NEMESIS_CUT,
    SIM_NEMESIS_MEMBERS, /* joins, stops */
    SIM_NEMESIS_COUNT
};

extern const char *const sim_workload_names[SIM_WORK_COUNT];
extern const char *const sim_nemesis_names[SIM_NEMESIS_COUNT];
extern const char *const sim_seen_names[SIM_SEEN_COUNT];

struct sim_config {
    uint64_t seed;
    int n_nodes;       /* members; one light client beside them */
    uint32_t fault_ms; /* how long the nemesis works */
    enum sim_workload workload;
    enum sim_nemesis nemesis;
    int n_late;   /* so many of the last members join while the nemesis works */
    bool bare;    /* libraft without the repairs */
    bool mdns;    /* nodes ask the local network, which a test has to be */
    bool poor;    /* now and then a node finds no memory */
    bool verbose; /* print the trace */
    /* Faults by number that do not happen, to find those that matter. [0]: crashes at
     * votes. NULL: all happen. */
    const bool *skip;
    const char *failpoint; /* nodes die there; NULL: nowhere */
};

struct sim_fault {
    dbr_time at;
    char text[64];
    enum sim_nemesis kind;
    int a, b; /* nodes */
};

struct sim_result {
    bool ok;
    char why[256];
    uint64_t trace; /* hash of everything that happened */
    dbr_time took;  /* virtual ms */
    uint64_t seen[SIM_SEEN_COUNT];
    uint64_t point_hits; /* nodes that died at the failpoint */
    struct sim_fault faults[SIM_FAULTS_MAX];
    int n_faults;      /* faults[1 .. n_faults] have happened */
    char (*tail)[200]; /* malloc'd ring of the last lines, when it failed */
    uint64_t n_tail;
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
    SIM_BULK,
    SIM_NETWORK,
    SIM_RESTART,
    SIM_CRASH,
    SIM_CANCEL, /* operation `len` */
    SIM_LOAD,
    SIM_NEMESIS, /* the next fault, number `len` */
    SIM_RELIEF   /* the end of fault `len` */
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

#define SIM_PARAMS 8

struct sim_op {
    struct dbr_list link; /* of its node, while in flight */
    struct dbr_request request;
    int kind;
    int64_t id;          /* of its record */
    uint64_t floor;      /* the log index that it must at least see, or come after */
    uint64_t began_at;   /* the index that was acknowledged then */
    bool outlived;       /* its leader lost the leadership meanwhile */
    bool began_deserted; /* the client's first member was down */
    debros_value params[SIM_PARAMS];
    debros_statement statements[4];
    char text[24];
    int node;
    bool done; /* TEST */
};

enum sim_outcome { SIM_IN_FLIGHT, SIM_ACKED, SIM_UNKNOWN, SIM_REFUSED };

/* What one operation of the load was, and what was answered. */
struct sim_record {
    bool is_read;
    enum debros_level level;
    enum sim_outcome outcome;
    int status;
    int kind;        /* of the workload */
    int key, other;  /* rows of the workload's table */
    int64_t a, b;    /* values */
    uint64_t index;  /* log index: of the write; that the read saw */
    int64_t changes; /* rows that the write changed, but for the common ones */
    uint64_t rows;   /* read: how many there are */
    uint64_t hash;   /* read: of the table */
    uint64_t term;   /* of the leader when it began */
    bool applied;    /* it is in the log */
};

struct sim_ack {
    dbr_time at;
    uint64_t floor;
};

/* A committed entry, as the first node that knew gave it to its databases. */
struct sim_entry {
    uint64_t term;
    struct dbr_buf data;
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
    bool stopped_as_leader;
    bool restart_planned;
    bool is_doomed; /* it has met the failpoint */
    bool was_full;  /* its log waits for room */
    char *invite;
    struct dbr_multiaddr members[8];
    size_t n_members;
    struct dbr_log_op *log_head, **log_tail; /* queued */
    struct dbr_log_op *log_batch;            /* at the disk */
    struct dbr_apply_job *apply_head, **apply_tail;
    bool apply_running;
    struct dbr_bulk_job *bulk_head, **bulk_tail;
    bool bulk_running;
    struct dbr_network_job *network; /* at the disk; NULL: none */
    struct dbr_list ops;
    dbr_time disk_slow_until;
    dbr_time disk_full_until; /* told as measured, by a test */
    dbr_time paused_until;
    dbr_time not_before; /* its next deadline */
    bool slept_leading;
    int64_t clock_ms;        /* how far its wall clock is wrong */
    uint64_t led_term, term; /* as last seen */
    bool leads;
    size_t n_voters;
    struct dbr_peer_id route; /* CLIENT: the member that serves it */
};

struct sim_world {
    struct sim_config config;
    struct sim_result *result;
    struct dbr_rng net_rng, load_rng, disk_rng, poor_rng;
    bool is_short; /* of memory, until the call returns */
    struct dbr_rng nemesis_rng; /* of the fault under way */
    struct dbr_rng aim_rng;     /* of crashes at votes and snapshots */
    dbr_time now;
    uint64_t seq;
    struct sim_event *heap;
    size_t n_heap, cap_heap;
    struct sim_node nodes[SIM_NODES_MAX];
    int n_nodes; /* with the client */
    struct sim_link *links;
    bool blocked[SIM_NODES_MAX][SIM_NODES_MAX]; /* from, to */
    int group[SIM_NODES_MAX]; /* by hand: only nodes of one group see each other */
    size_t parted_by;         /* number of the partition's fault; 0: none */
    uint8_t cluster_id[DBR_CLUSTER_ID_SIZE];
    struct dbr_keypair operator_key;
    bool is_up; /* the first members and the client are */
    bool faults;
    bool stop_load;
    enum sim_workload workload;
    struct sim_record *records; /* [1 .. next_id - 1] */
    int64_t next_id, cap_records;
    int64_t guess[SIM_KEYS]; /* REGISTER: the value last acknowledged */
    struct sim_entry
        *entries; /* committed, by index; data.len 0: unknown or no command */
    size_t n_entries;
    uint64_t floor;       /* newest index that was acknowledged */
    struct sim_ack *acks; /* when it rose */
    size_t n_acks, cap_acks;
    int *leader_of;  /* term: node + 1, of the first SIM_TERMS_MAX terms */
    int *stood_in;   /* term: the node + 1 that stood for election first */
    int last_leader; /* node + 1 */
    uint64_t n_acked_rows;
    uint64_t point_countdown; /* hits until one kills */
    char (*tail)[200];
    uint64_t n_tail;
    struct dbr_logger logger;
    /* A test's local network: what node `from` sends. */
    void (*multicast)(void *data, int from, const struct dbr_effect *effect);
    void *multicast_data;
};

/* world.c */
void sim_fail(struct sim_world *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void sim_trace(struct sim_world *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void sim_seen(struct sim_world *w, enum sim_seen what);
void sim_push(struct sim_world *w, struct sim_event event);
bool sim_step(struct sim_world *w, dbr_time until); /* false: nothing before `until` */
void sim_node_event(struct sim_world *w, struct sim_event *event);

/* memory.c: around each call of a node's core. */
void sim_short(struct sim_world *w);
void sim_enough(struct sim_world *w);

/* node.c */
void sim_start_node(struct sim_world *w, int i);
void sim_crash_node(struct sim_world *w, int i, bool torn);
void sim_restart_in(struct sim_world *w, int i, dbr_time delay);
int64_t sim_wall(const struct sim_world *w, int i);

/* lanes.c */
void sim_drain(struct sim_world *w, int i);
void sim_log_done(struct sim_world *w, int i);
void sim_apply_done(struct sim_world *w, int i);
void sim_query_done(struct sim_world *w, int i, struct dbr_query_job *query);
void sim_drop_jobs(struct sim_world *w, int i);

/* bulk.c */
void sim_bulk_add(struct sim_world *w, int i, struct dbr_bulk_job *job);
void sim_bulk_start(struct sim_world *w, int i);
void sim_bulk_done(struct sim_world *w, int i);
void sim_bulk_drop(struct sim_world *w, int i);
/* The power goes in the middle of its job. */
void sim_bulk_crash(struct sim_world *w, int i);

/* network.c */
void sim_network_add(struct sim_world *w, int i, struct dbr_network_job *job);
void sim_network_done(struct sim_world *w, int i);
void sim_network_drop(struct sim_world *w, int i);
void sim_network_crash(struct sim_world *w, int i); /* in the middle of its job */
/* The store was opened: no power cut has damaged its file. */
void sim_network_opened(struct sim_world *w, int i);
/* A member of the load provides a key, or no longer. */
void sim_network_load(struct sim_world *w);

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
    SIM_OP_WRITE,
    SIM_OP_COUNT, /* of any level under faults */
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
void sim_ops_outlive(struct sim_world *w, int node); /* it leads no more */
void sim_cancel(struct sim_world *w, int node, int64_t id);
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

/* workload.c */
struct sim_model {
    enum sim_workload workload;
    uint64_t rows;
    int64_t number[SIM_KEYS];
    struct dbr_buf text[SIM_KEYS];
};
void sim_work_setup(struct sim_world *w, struct sim_op *op);
void sim_work_write(struct sim_world *w, struct sim_op *op, struct sim_record *record);
void sim_model_init(struct sim_model *model, enum sim_workload workload);
void sim_model_finish(struct sim_model *model);
/* What the write must answer: its status, and the rows that it changes. */
int sim_model_write(struct sim_model *model, const struct sim_record *record, int64_t id,
                    int64_t *changes);
uint64_t sim_model_hash(const struct sim_model *model);
uint64_t sim_hash(uint64_t hash, const void *data, size_t len);
#define SIM_HASH_START 0xcbf29ce484222325

/* history.c */
void sim_history_committed(struct sim_world *w, int node,
                           const struct dbr_apply_entry *entries);
/* At the end: every answer is what the log, run by the model, says. */
void sim_history_check(struct sim_world *w);
void sim_history_finish(struct sim_world *w);

/* nemesis.c */
void sim_nemesis(struct sim_world *w, size_t number);
void sim_relief(struct sim_world *w, size_t number);
void sim_heal(struct sim_world *w);
/* A node has queued an operation for its disk: sometimes it dies before that is
 * durable. */
void sim_nemesis_aim(struct sim_world *w, int node, const struct dbr_log_op *op);
void sim_crash_and_return(struct sim_world *w, int node);
int sim_leader(const struct sim_world *w); /* -1 */

/* points.c */
/* What follows is the work of `node` (-1: nobody's). */
void sim_act(struct sim_world *w, int node);
void sim_points_begin(struct sim_world *w);
void sim_points_end(struct sim_world *w);

/* run.c */
void sim_init(struct sim_world *w, const struct sim_config *config,
              struct sim_result *result);
void sim_finish(struct sim_world *w);
void sim_bring_up(struct sim_world *w); /* members joined, places taken, client ready */
void sim_step_until(struct sim_world *w, dbr_time until);
bool sim_run(const struct sim_config *config, struct sim_result *result);
void sim_result_finish(struct sim_result *result);

#endif
