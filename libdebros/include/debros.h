/* debros.h - the public C API of libdebros.
 *
 * Two rules cover the whole header.
 *
 *   Requests in.   Every operation takes a request struct that the caller owns.
 *                  Zero it, fill the input fields, submit it. The request, and all
 *                  memory it points at, must stay alive and unchanged until its
 *                  callback has run. The callback runs exactly once for every call
 *                  that returned 0, and never for a call that returned an error.
 *
 *   Views out.     Everything handed to a callback is borrowed. It dies when the
 *                  callback returns; copy what you keep.
 *
 * Threads. Every function may be called from any thread unless it says otherwise.
 * No callback runs on the node's own thread. By default completions gather in a
 * ring: debros_event_fd() becomes readable and debros_dispatch() runs the callbacks
 * on the caller's thread. A program without a loop sets `callback_thread`, and the
 * library runs them on one thread of its own. debros_wait() blocks for one request.
 * `inline_callbacks` is the exception, for experts: callbacks run on the node's thread.
 * From inside a callback any function may be called except debros_wait(),
 * debros_dispatch() and debros_node_destroy().
 *
 * Functions return 0 or a negative DEBROS_E* code. A NULL node or a request that
 * is submitted twice is a programming error and trips an assertion.
 */
#ifndef DEBROS_H
#define DEBROS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define DEBROS_API __attribute__((visibility("default")))
#else
#define DEBROS_API
#endif

/* ---- Version ------------------------------------------------------------- */

#define DEBROS_VERSION "0.1.0"

/* The version of the library that is linked, a static string. */
DEBROS_API const char *debros_version(void);

/* ---- Errors -------------------------------------------------------------- */

#define DEBROS_ERROR_MAP(X)                                                              \
    X(1, ENOMEM, "out of memory")                                                        \
    X(2, EINVAL, "invalid argument")                                                     \
    X(3, ESTATE, "not possible in the current state")                                    \
    X(4, EAGAIN, "more input is needed")                                                 \
    X(5, ECANCELED, "canceled by the caller or by shutdown")                             \
    X(6, ETIMEDOUT, "deadline passed")                                                   \
    X(7, ENOTFOUND, "not found")                                                         \
    X(8, ELIMIT, "a limit was reached")                                                  \
    X(9, EUNREACHABLE, "no peer could be reached")                                       \
    X(10, EPROTO, "the peer broke the protocol")                                         \
    X(11, EAUTH, "the peer could not be authenticated")                                  \
    X(12, ENOTLEADER, "another node leads the cluster")                                  \
    X(13, EQUORUM, "too few nodes answered")                                             \
    X(14, ESQL, "the database rejected the statement")                                   \
    X(15, ECONFLICT, "the state differs from the expected one")                          \
    X(16, EIO, "storage failed")                                                         \
    X(17, EACCES, "not permitted")                                                       \
    X(18, EBUSY, "a queue is full; try again later")                                     \
    X(19, ENOSPC, "no space left on the disk")                                           \
    X(20, EEXISTS, "exists already")                                                     \
    X(21, EINTERNAL, "internal error")

enum debros_error {
    DEBROS_OK = 0,
#define DEBROS_X(code, name, text) DEBROS_##name = -(code),
    DEBROS_ERROR_MAP(DEBROS_X)
#undef DEBROS_X
};

/* "ENOTFOUND" and "not found". Static strings for every value; never NULL. */
DEBROS_API const char *debros_err_name(int err);
DEBROS_API const char *debros_strerror(int err);

/* Why a synchronous call failed, for people: what, with which value, what to do.
 * NUL-terminated, truncated to fit. Caller-owned; may be NULL wherever it is taken. */
typedef struct debros_detail {
    char text[512];
} debros_detail;

/* ---- Small values -------------------------------------------------------- */

/* A borrowed run of bytes. Not NUL-terminated. */
typedef struct debros_bytes {
    const uint8_t *data;
    size_t len;
} debros_bytes;

/* Milliseconds. 0 in a timeout means "use the node's default". */
typedef uint32_t debros_msec;

/* ---- Configuration ------------------------------------------------------- */

typedef struct debros_node debros_node;

enum debros_log_level {
    DEBROS_LOG_ERROR,
    DEBROS_LOG_WARN,
    DEBROS_LOG_INFO,
    DEBROS_LOG_DEBUG
};

/* "error", "warn", "info", "debug": static strings, never NULL. */
DEBROS_API const char *debros_log_level_name(enum debros_log_level level);

/* One line of the log. All texts are valid UTF-8 without control characters and die when
 * the callback returns. */
typedef struct debros_log_record {
    int64_t time_ms; /* unix milliseconds */
    enum debros_log_level level;
    const char *module;  /* a word such as "swarm" */
    const char *peer;    /* the last eight characters of the peer's id, or "" */
    const char *message; /* at most 1,023 bytes, no newline */
} debros_log_record;

/* Called from any of the library's threads, one call at a time. Must not block and must
 * not call into the library. Above debug level, what one place says of one peer more than
 * five times within ten seconds becomes one line: "... 41 more like this in 10 s: ". */
typedef void (*debros_log_cb)(void *data, const debros_log_record *record);

/* Fill with debros_config_default(), then change what you need. Strings and arrays
 * are copied by debros_node_create(). */
typedef struct debros_config {
    size_t size;               /* set by debros_config_default() */
    const char *data_dir;      /* a node's state. A client may leave it NULL */
    const char *identity_path; /* key file; NULL: DATA_DIR/identity.key, for a client
                                  without data_dir a key that lives in memory */
    bool client;               /* a light client: a peer that stores and votes nothing */
    bool open; /* strangers keep their connections (stock protocols only) */
    const char *const *listen; /* multiaddrs; none: a node listens nowhere */
    size_t n_listen;
    const char *const *bootstrap;    /* multiaddrs ending in /p2p/ID, dialled for ever */
    size_t n_bootstrap;              /* a client without any can ping and identify only */
    bool mdns; /* find members on the local network by multicast DNS (UDP port 5353), and
                  tell it where this node listens; default false */
    const char *kad_protocol; /* id of the Kademlia protocol, the same for all nodes that
                                 shall find each other; begins with '/', printable
                                 ASCII, at most 80 bytes. NULL: "/debros/kad/1.0.0" */
    const char *const *advertise; /* multiaddrs without /p2p that others are told instead
                                     of those it listens on: behind a NAT or a port
                                     mapping; at most 8, none for a client */
    size_t n_advertise;
    /* How many connections a node has, and with whom; a client ignores these. */
    debros_msec discovery_interval; /* between two looks at them; default 10,000; 1,000 to
                                       3,600,000 */
    uint32_t discovery_dials;       /* at a time; default 3, 1 to 64 */
    uint32_t low_water;  /* below so many it dials peers that it knows of; default 8, 1 to
                            65,536, at most high_water */
    uint32_t high_water; /* above so many it lets go of those that nothing needs; default
                            64, 1 to 65,536. max_connections bounds both */
    const char *invite;              /* join the invite's cluster first, then start */
    uint32_t max_connections;        /* default 256 */
    uint32_t max_pending;            /* requests in flight, EBUSY above; default 4096 */
    uint32_t busy_poll; /* microseconds for which the node's thread, while one thing
                           follows another that closely, asks what is ready before it
                           sleeps: sooner answers, for processor time that would be idle;
                           0 never, default 100, at most 1,000. Not for clients */
    uint64_t max_memory;             /* bytes that may wait for all peers together; 0, the
                                        default: a quarter of the machine's memory. At
                                        least 32 MiB, at most 1 TiB */
    debros_msec request_timeout;     /* default 30,000 */
    debros_msec election_timeout;    /* raft, default 1,000; 100 to 60,000 */
    /* A client, and the first two also a node that joins. */
    debros_msec connect_timeout; /* until a member answers: meanwhile all addresses are
                                    tried again and again; default 30,000, at least 1 */
    debros_msec retry_delay;     /* longest pause between attempts, and how long a member
                                    may leave a request unanswered before it goes to
                                    another one as well; default 5,000, at least 1 */
    uint32_t retry_attempts;     /* a request is sent again so often, under the same key,
                                    so that nothing happens twice; default 3, at most
                                    100 */
    uint32_t client_connections; /* to members, the leader among them; default 3, at most
                                    16 */
    uint32_t client_busy_poll;   /* as busy_poll, for the answers that it waits for; 0
                                    never, default 300, at most 1,000 */
    /* Snapshots, which members that are far behind fetch. */
    uint64_t snapshot_rate;          /* most bytes sent in a second, to all; default 64
                                        MiB, 256 KiB to 16 GiB */
    uint32_t snapshot_chunk;         /* bytes fetched at once; default and at most 256
                                        KiB, at least 4 KiB */
    bool callback_thread;            /* run callbacks on a thread of the library */
    bool inline_callbacks; /* run callbacks on the node's own thread: no thread is woken
                              for them, and what they submit leaves in the same turn. The
                              node stands still meanwhile, so they must never block. Not
                              together with `callback_thread` */
    enum debros_log_level log_level; /* default DEBROS_LOG_WARN */
    debros_log_cb log;               /* NULL: no log */
    void *log_data;
} debros_config;

DEBROS_API void debros_config_default(debros_config *config);

/* What debros_node_create() would say to `config`, without making a node: touches neither
 * files nor the network. Errors: EINVAL with detail, ENOMEM. */
DEBROS_API int debros_config_check(const debros_config *config, debros_detail *detail);

/* ---- A cluster's beginning ------------------------------------------------ */

/* Makes a new cluster of one node in config->data_dir: identity.key (the node's),
 * operator.key (the operator's, whose holder may do everything), the cluster's id and
 * the first log entries. Synchronous; the node must not run. Creates the folder.
 * Errors: EEXISTS the folder holds a cluster already; EIO; EINVAL no data_dir. */
DEBROS_API int debros_init(const debros_config *config, debros_detail *detail);

/* ---- Node: life ----------------------------------------------------------- */

/* Checks and copies `config`. Reads the identity where there is one; touches neither the
 * network nor the data folder else. Errors: EINVAL with detail, ENOMEM. */
DEBROS_API int debros_node_create(debros_node **out, const debros_config *config,
                                  debros_detail *detail);

/* Stops the node if it runs, completes every pending request with ECANCELED, runs
 * their callbacks on the calling thread and frees. NULL is allowed. Blocks. Never
 * call it from a callback. */
DEBROS_API void debros_node_destroy(debros_node *node);

/* ---- Requests ------------------------------------------------------------- */

/* The first member of every request struct. Zero it before first use. */
typedef struct debros_req {
    void *data;          /* yours; the library never reads it */
    debros_msec timeout; /* in: yours; 0: the node's default */
    const char *detail;  /* in the callback: more on a failure, or NULL; after a call
                            that returned an error: why, a text that lives as long as
                            the node */
    void *reserved[4];   /* the library's while in flight */
} debros_req;

typedef void (*debros_req_cb)(debros_req *req, int status);

/* Asks for an early end. The callback still runs exactly once: with ECANCELED, or with
 * the real outcome when that came first. Canceling a write does not undo it. Harmless
 * on a request that has completed but whose memory is alive. */
DEBROS_API void debros_cancel(debros_node *node, debros_req *req);

/* Readable while completions wait. The library's; do not read or close it. -1 with
 * `callback_thread` and `inline_callbacks`. */
DEBROS_API int debros_event_fd(const debros_node *node);

/* Runs the callbacks of all completions that wait, on the calling thread; at most
 * `max`, 0: no bound. Returns how many ran. ESTATE with `callback_thread` and
 * `inline_callbacks`. */
DEBROS_API int debros_dispatch(debros_node *node, size_t max);

/* Blocks until `req` has completed and its callback has run, dispatching meanwhile.
 * Returns the request's status. The views of the request stay valid until
 * debros_release() or until the request is submitted again: this is the way for
 * programs that want results without a callback (a NULL `cb` is allowed then). */
DEBROS_API int debros_wait(debros_node *node, debros_req *req);

/* Frees the results that debros_wait() left in `req`. Harmless twice. */
DEBROS_API void debros_release(debros_node *node, debros_req *req);

/* A node starts once. Status 0 means: identity loaded, storage recovered, listening
 * (node), or connected to one member at least (client: EUNREACHABLE after
 * connect_timeout says which addresses were tried, and why each failed). Errors: ESTATE
 * the data_dir
 * belongs to no cluster, EBUSY port or data_dir in use, EEXISTS an invite for a data_dir
 * that belongs to a cluster, EIO, EUNREACHABLE, EAUTH, EACCES. */
DEBROS_API int debros_start(debros_node *node, debros_req *req, debros_req_cb cb);

/* Leaves politely: hands leadership over, closes connections, flushes. New requests are
 * refused at once (ESTATE), pending ones get up to three seconds and then ECANCELED; this
 * callback is the last one. ESTATE: the node does not run. */
DEBROS_API int debros_stop(debros_node *node, debros_req *req, debros_req_cb cb);

/* 0 while the node starts or runs; ESTATE before and after. A node that cannot go on, say
 * because its disk fails, completes what is pending with the reason and stops by itself:
 * then the error, with detail. Never blocks. */
DEBROS_API int debros_node_check(debros_node *node, debros_detail *detail);

/* The node's peer id as text, valid from create (an identity in memory or on disk)
 * or else from the start callback until destroy; "" before. */
DEBROS_API const char *debros_node_peer_id(const debros_node *node);

/* The i-th listen address, full multiaddr with the port that the kernel picked and
 * /p2p/ID; NULL past the end. Valid from the start callback until destroy. */
DEBROS_API const char *debros_node_listen_addr(const debros_node *node, size_t i);

/* Identity of a key file, without a node: writes the peer id's text, at most 64 bytes
 * with its NUL. Errors: ENOTFOUND, EIO, EINVAL the file is damaged (never replaced). */
DEBROS_API int debros_identity_read(const char *path, char peer_id[64],
                                    debros_detail *detail);

/* ---- Replicated SQL -------------------------------------------------------- */

enum debros_value_type {
    DEBROS_NULL,
    DEBROS_INTEGER,
    DEBROS_REAL,
    DEBROS_TEXT,
    DEBROS_BLOB
};

typedef struct debros_value {
    enum debros_value_type type;
    union {
        int64_t integer;
        double real;
        debros_bytes bytes; /* TEXT (UTF-8) and BLOB */
    } as;
} debros_value;

/* One SQL statement. `sql` is one statement, at most 1 MiB; parameters fill ?, ?NNN
 * and named parameters by position, and their number must match. */
typedef struct debros_statement {
    const char *sql;
    const debros_value *params;
    size_t n_params;
} debros_statement;

/* What one statement gave. Cell of row r, column c: cells[r * n_columns + c]. */
typedef struct debros_result {
    const char *const *columns; /* names */
    const char *const *types;   /* declared types, "" where an expression has none */
    const debros_value *cells;
    size_t n_columns;
    size_t n_rows;
    int64_t rows_affected;
    int64_t last_insert_id;
} debros_result;

/* What a query sees of writes that were acknowledged before it began. */
enum debros_level {
    /* The default: all of them. The leader asks its voters whether it still leads, in
     * rounds that queries share; nothing is written. */
    DEBROS_LINEARIZABLE,
    /* What this node holds (a client: its member), however old, or at most `freshness`
     * old. Needs no leader and no other node. */
    DEBROS_NONE,
    /* What the leader holds, by its own belief: one that was cut off and does not know it
     * yet misses its successor's writes, for about two election timeouts at most. */
    DEBROS_WEAK,
    /* All of them, by an entry in the log: as slow as a write. To compare with. */
    DEBROS_STRONG,
    /* WEAK where the answering node votes, NONE (with `freshness`) where it does not. */
    DEBROS_AUTO
};

typedef struct debros_sql debros_sql;
typedef void (*debros_sql_cb)(debros_sql *req, int status);

struct debros_sql {
    debros_req base;
    const char *ns; /* namespace; NULL: "default" */
    const debros_statement *statements;
    size_t n_statements;      /* exec: 1 to 1,000, one transaction; query: 1 */
    enum debros_level level;  /* query */
    debros_msec freshness;    /* query, NONE and AUTO: ESTATE when the answering node has
                                 not held the leader's state within so many ms; 0: any
                                 age. The leader is always fresh. Heartbeats come every
                                 tenth of the election timeout: a bound below that is
                                 often missed */
    /* out */
    const debros_result *results; /* one for each statement */
    size_t n_results;
    uint64_t index;   /* raft log index of the write, or that the read saw */
    size_t failed;    /* ESQL: number of the statement that failed, from 1 */
    debros_sql_cb cb; /* the library's */
};

/* Runs all statements as one replicated transaction, or none of them. Status 0: on
 * disk at a quorum and applied. Applied once however often the library had to send it.
 * ETIMEDOUT, ECANCELED, ENOMEM: the outcome is unknown. Other errors: ESQL with SQLite's
 * words and the statement's number, EACCES for a forbidden statement, EINVAL for a wrong
 * parameter count, ENOTFOUND no such namespace, ELIMIT, EUNREACHABLE, EQUORUM, ENOSPC. */
DEBROS_API int debros_sql_exec(debros_node *node, debros_sql *req, debros_sql_cb cb);

/* Runs statements[0], which must not write (EINVAL if it does). Errors: those of exec,
 * and ESTATE: the node's state is older than `freshness`. */
DEBROS_API int debros_sql_query(debros_node *node, debros_sql *req, debros_sql_cb cb);

/* ---- Cluster ---------------------------------------------------------------- */

enum debros_role {
    DEBROS_ROLE_NONE, /* not known yet */
    DEBROS_ROLE_LEADER,
    DEBROS_ROLE_FOLLOWER,
    DEBROS_ROLE_CANDIDATE,
    DEBROS_ROLE_STANDBY, /* holds the log, does not vote */
    DEBROS_ROLE_LEARNER, /* a member without a place in the raft group */
    DEBROS_ROLE_CLIENT
};

/* "leader", "follower", ...: static strings, never NULL. */
DEBROS_API const char *debros_role_name(enum debros_role role);

enum debros_health_state {
    DEBROS_HEALTHY,
    DEBROS_DEGRADED, /* it works, but something is near or beyond a limit */
    DEBROS_UNHEALTHY /* something does not work: writes, or reads, or both */
};

/* "healthy", "degraded", "unhealthy": static strings, never NULL. */
DEBROS_API const char *debros_health_name(enum debros_health_state state);

typedef struct debros_status {
    const char *node_id;    /* peer id */
    const char *cluster_id; /* 32 hex digits */
    const char *leader;     /* peer id, "" when unknown */
    enum debros_role role;
    uint64_t term;
    uint64_t commit_index;
    uint64_t applied_index;
    uint32_t peer_count;    /* connected peers */
    uint64_t database_size; /* bytes of all namespaces on disk */
    uint64_t uptime_ms;
    uint32_t members;  /* nodes of the cluster, as far as this node knows */
    uint32_t voters;   /* of the raft group */
    uint32_t standbys; /* of the raft group */
    enum debros_health_state health;
    /* Bytes of a snapshot of the databases on its way to this node, and from this node to
     * the member that is furthest behind; both 0: none. */
    uint64_t receiving_bytes;
    uint64_t receiving_total;
    uint64_t sending_bytes;
    uint64_t sending_total;
    /* The distributed hash table: see debros_dht_table(). */
    uint32_t known_peers;    /* of whom the node remembers something, connected or not */
    const uint32_t *buckets; /* peers in each bucket of the routing table */
    size_t n_buckets;
    uint32_t values;    /* that the node holds for the network, its own among them */
    uint32_t providers; /* the same: who has what, counted for each key */
} debros_status;

/* One measurement. */
typedef struct debros_check {
    const char *name; /* see debros_health_get() */
    enum debros_health_state state;
    uint64_t value;
    uint64_t limit;     /* up to it the value is healthy; */
    bool is_floor;      /* or, if true, from it on */
    const char *unit;   /* "us", "ms", "bytes", "voters", "members", "entries", ... */
    const char *reason; /* for people: what is wrong and what follows; "" when healthy */
} debros_check;

typedef struct debros_health {
    enum debros_health_state state; /* the worst of the checks */
    const char *node_id;            /* of the node that was measured */
    const debros_check *checks;
    size_t n_checks;
} debros_health;

typedef struct debros_peer {
    const char *id;
    const char *const *addrs; /* known multiaddrs */
    size_t n_addrs;
    const char *agent;            /* "" before identify */
    const char *const *protocols; /* of identify */
    size_t n_protocols;
    const char *observed; /* our address as the peer sees it, "" unknown */
    uint32_t rtt_us;      /* last ping; 0 unknown */
    bool connected;
    bool inbound;                /* the peer dialed us */
    bool member;                 /* a node of the cluster */
    bool client;                 /* a light client that the cluster lists */
    int64_t since;               /* unix ms: connected ever since; 0 not connected */
    const char *const *services; /* that it offers, by identify: see debros_peers() */
    size_t n_services;
} debros_peer;

typedef struct debros_net debros_net;
typedef void (*debros_net_cb)(debros_net *req, int status);

struct debros_net {
    debros_req base;
    const char *target;  /* in: see each call */
    uint32_t ttl_s;      /* in: invite */
    const char *service; /* in: peers; NULL: all peers */
    /* out */
    const debros_status *status; /* status */
    const debros_health *health; /* health */
    const debros_peer *peers;    /* peers, identify, find_peer */
    size_t n_peers;
    const char *const *names; /* ns_list */
    size_t n_names;
    const char *text; /* invite: the invite; connect, disconnect: peer id */
    uint32_t rtt_us;  /* ping */
    debros_net_cb cb; /* the library's */
};

/* A client's status, health, peers, find_peer, ns_*, invite, connect and disconnect are
 * answered by the member that it is connected to. */

/* State of this node (a client: of its member). Never waits for a quorum. */
DEBROS_API int debros_status_get(debros_node *node, debros_net *req, debros_net_cb cb);
/* Measures this node (a client: its member) as it is now. Never waits for a quorum, needs
 * no disk. The checks:
 *   loop_lag        us, the longest standstill of the node's thread in the last minute
 *   disk_flush      us, 99 of 100 flushes of the log in the last minute took no longer
 *   disk_free       bytes left for the data folder
 *   disk_writes     ms for which the disk has taken no writes: full, or failing
 *   quorum          voters that can be reached, of all
 *   leader_contact  ms since a leader was heard; 0: this node leads
 *   peers           members that are connected, of those that always should be: the
 *                   raft group and the bootstrap peers
 *   apply_lag       entries that are committed and not yet in the databases
 *   queue           requests that are pending; EBUSY above max_pending */
DEBROS_API int debros_health_get(debros_node *node, debros_net *req, debros_net_cb cb);
/* Peers that the node knows; connected ones first. With a `service`: those that offer it,
 * the answering node itself among them (which has no connection with itself). Connected
 * peers by what they say of themselves, then others, not connected, that the hash table
 * names for this cluster, with the addresses that are known: these may have gone since.
 * Services:
 *   database  takes SQL requests, whether it holds a replica or sends them on
 *   dht       answers for the distributed hash table
 * EINVAL: no such service; the detail lists them. */
DEBROS_API int debros_peers(debros_node *node, debros_net *req, debros_net_cb cb);
/* target: a peer id, or a multiaddr that ends in /p2p/ID. Gives peers[0], with addresses:
 * at once when the node is connected with it or knows an address, else by a lookup in
 * the hash table. ENOTFOUND: nobody who was asked knows where it is. */
DEBROS_API int debros_find_peer(debros_node *node, debros_net *req, debros_net_cb cb);
/* target: a multiaddr ending in /p2p/ID. The node dials it. EAUTH: another key
 * answered. */
DEBROS_API int debros_connect(debros_node *node, debros_net *req, debros_net_cb cb);
/* target: a peer id, or a multiaddr that ends in /p2p/ID. The node closes all its
 * connections with that peer; what is under way on them fails. Members are kept
 * connected: one that is cut off so is dialed again soon, by either side. ENOTFOUND: it
 * is not connected. */
DEBROS_API int debros_disconnect(debros_node *node, debros_net *req, debros_net_cb cb);
/* target: a multiaddr with or without /p2p/ID; dialled by this very node or client. */
DEBROS_API int debros_ping(debros_node *node, debros_net *req, debros_net_cb cb);
DEBROS_API int debros_identify(debros_node *node, debros_net *req, debros_net_cb cb);
/* target: a new namespace's name: [a-z0-9][a-z0-9_-]{0,62}. EEXISTS. */
DEBROS_API int debros_ns_create(debros_node *node, debros_net *req, debros_net_cb cb);
DEBROS_API int debros_ns_list(debros_node *node, debros_net *req, debros_net_cb cb);
/* A one-time invite, valid for ttl_s seconds (0: 3,600; at most 604,800). */
DEBROS_API int debros_invite(debros_node *node, debros_net *req, debros_net_cb cb);

/* ---- The distributed hash table ---------------------------------------------------- */

/* Kademlia, as /debros/kad/1.0.0: members run it, a client has its member ask. What
 * it tells is found, not agreed upon: it may be old, and votes, rights and databases
 * never depend on it. Two kinds of entries, which expire unless their node renews them,
 * each 22 hours, for as long as it runs:
 *
 *   values     small, signed by their writer, who alone may write the key
 *   providers  who says that it has something, by that thing's key */

/* A value, and what its signature vouches for. */
typedef struct debros_record {
    const char *key;     /* in full: /debros/app/PEER/NAME */
    debros_bytes value;  /* put: none, for you have it */
    const char *writer;  /* peer id of who signed it, PEER of the key */
    uint64_t version;    /* the higher one replaces the lower one */
    uint64_t expires_ms; /* unix ms: nobody holds it any longer */
} debros_record;

/* A peer in the routing table. */
typedef struct debros_table_peer {
    const char *id;
    bool connected;
    bool outbound;     /* the node has dialed it itself, so that others can */
    uint32_t failures; /* requests without an answer since it was seen */
    uint64_t idle_ms;  /* since it was last seen to answer */
} debros_table_peer;

/* Peers whose place shares exactly `prefix` leading bits with the node's: its sha2-256;
 * in the last bucket at least so many. */
typedef struct debros_bucket {
    uint32_t prefix;
    const debros_table_peer *peers;
    size_t n_peers;
} debros_bucket;

typedef struct debros_table {
    const debros_bucket *buckets; /* from prefix 0 on, empty ones among them */
    size_t n_buckets;
    uint32_t values;    /* that the node holds for the network, its own among them */
    uint32_t keys;      /* for which it knows providers */
    uint32_t providers; /* of all of them */
} debros_table;

typedef struct debros_dht debros_dht;
typedef void (*debros_dht_cb)(debros_dht *req, int status);

struct debros_dht {
    debros_req base;
    const char *key;    /* in: see each call; 1 to 1,024 bytes */
    debros_bytes value; /* in: put; at most 65,423 bytes */
    uint32_t ttl_s;     /* in: put; seconds it lives; 0: 86,400; at most 604,800 */
    uint64_t version;   /* in: put; 0: unix time in ms, so that a later put wins */
    uint32_t want;      /* in: get: how many peers must have told the same, providers: how
                           many are enough; then the lookup ends early. 0: it goes to its
                           end. At most 64 */
    /* out */
    const debros_record *record; /* put, get */
    const debros_peer *peers;    /* providers */
    size_t n_peers;
    uint32_t stored; /* put, provide: other nodes that have taken it; up to 20 */
    const debros_table *table; /* table */
    debros_dht_cb cb;          /* the library's */
};

/* Errors of all these, besides each one's own: EINVAL a key that is none; EBUSY too many
 * lookups at a time, 64 for one member and its clients. */

/* Signs `value` with this node's key (a client: with its own) and gives it to the nodes
 * whose places are closest to the key's. `key`: a name, which stands for
 * /debros/app/PEER/NAME with this node's (client's) peer id; or a full key, which must
 * name it: EACCES. The node (a client: its member, which thus answers for it) keeps the
 * value and renews it until it expires or is removed.
 * Status 0: kept, and by `stored` others; 0 of them only when the node knows nobody.
 * EUNREACHABLE: kept here, but nobody else would take it; that is tried again every ten
 * minutes. ECONFLICT: a version that is as high is there. ELIMIT: too large, or a
 * client's 257th value at one member. ENOSPC: this node holds as many as it may.
 * ETIMEDOUT, ECANCELED: the outcome is unknown. */
DEBROS_API int debros_dht_put(debros_node *node, debros_dht *req, debros_dht_cb cb);
/* The newest value that is found. `key`: a name in the own space, or a full key. Whoever
 * of the closest had none, or an older one, is sent it. The signature has been checked,
 * by a client as well, whatever its member says. ENOTFOUND: nobody who was asked has
 * one. */
DEBROS_API int debros_dht_get(debros_node *node, debros_dht *req, debros_dht_cb cb);
/* This node (a client: its member) holds and renews an own value no longer. Others hold
 * it until it expires: put a newer version to replace it. ENOTFOUND: it holds none, which
 * of a client may be true of another member. EACCES: it is another's. */
DEBROS_API int debros_dht_remove(debros_node *node, debros_dht *req, debros_dht_cb cb);

/* `key`: any text. The network sees its multihash, sha2-256 of its bytes: the CID that
 * others make of the same text has version 1, codec raw (0x55) and that hash. What begins
 * with /debros/service/ is the library's own (EACCES). Of a client, its member provides,
 * and is what others find.
 * Tells the nodes closest to the key that this node has it, now and each 22 hours, until
 * unprovide. `stored` and EUNREACHABLE as for put; ENOSPC: too many keys. */
DEBROS_API int debros_dht_provide(debros_node *node, debros_dht *req, debros_dht_cb cb);
/* Says so no longer; others may go on for up to 48 hours. ENOTFOUND: it did not. */
DEBROS_API int debros_dht_unprovide(debros_node *node, debros_dht *req, debros_dht_cb cb);
/* Who has it: peers, at most 64, with the addresses that are known. They may have gone
 * since. ENOTFOUND: nobody who was asked knows one. */
DEBROS_API int debros_dht_providers(debros_node *node, debros_dht *req, debros_dht_cb cb);
/* The routing table of this node (a client: its member), as it is now. Needs no `key`. */
DEBROS_API int debros_dht_table(debros_node *node, debros_dht *req, debros_dht_cb cb);

#ifdef __cplusplus
}
#endif

#endif /* DEBROS_H */
