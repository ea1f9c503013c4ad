/* The inside of the machine: dht.c (life, events, contacts), asking.c (requests of ours),
 * lookup.c (queries with addresses), client.c, server.c, refresh.c. */
#ifndef DBR_DHT_INNER_H
#define DBR_DHT_INNER_H

#include "base/buf.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/ring.h"
#include "dht/dht.h"
#include "swarm/bucket.h"

#define DBR_DHT_MODULE "dht"

/* A peer that has a connection. */
struct dbr_dht_contact {
    struct dbr_peer_id id;
    uint64_t group;
    bool outbound;
    bool serves;
    bool is_local; /* on this machine: it may tell loopback addresses */
    bool probing;
    struct dbr_bucket puts;
    UT_hash_handle hh;
};

enum dbr_dht_why {
    DBR_DHT_WHY_LOOKUP,
    DBR_DHT_WHY_PROBE, /* a newcomer: does it serve? */
    DBR_DHT_WHY_CHECK, /* an entry of the table: is it there? */
    DBR_DHT_WHY_STORE
};

/* One that waits for its answer. */
struct dbr_dht_asked {
    uint64_t number;
    enum dbr_dht_why why;
    struct dbr_peer_id peer;
    dbr_time sent;
    struct dbr_dht_op *op;   /* NULL: it has ended, or there is none */
    struct dbr_list in_time; /* of dht->waiting, the oldest first */
    struct dbr_list in_op;
    UT_hash_handle hh;
};

enum dbr_dht_kind {
    DBR_DHT_OP_SELF,
    DBR_DHT_OP_REFRESH,
    DBR_DHT_OP_FIND_PEER,
    DBR_DHT_OP_CLOSEST
};

/* A lookup and what it is for. */
struct dbr_dht_op {
    enum dbr_dht_kind kind;
    uint64_t token; /* 0: the machine's own */
    struct dbr_dht_query query;
    struct dbr_buf request; /* for all who are asked */
    struct dbr_buf hints;   /* addresses by place; place 0 is none */
    struct dbr_peer_id peer; /* FIND_PEER: whom */
    struct dbr_list asked;   /* of struct dbr_dht_asked */
    bool has_ended;          /* DONE could not be told yet */
    int status;
    uint32_t found_hint; /* FIND_PEER: where it is */
    struct dbr_list in_dht;
};

struct dbr_dht {
    struct dbr_dht_config config;
    struct dbr_rng *rng;
    dbr_time now;
    struct dbr_dht_key own;
    struct dbr_dht_table table;
    struct dbr_dht_contact *contacts;
    struct dbr_dht_asked *asked;
    struct dbr_list waiting;
    uint32_t n_asked;
    uint32_t n_probes;
    uint64_t next_number;
    dbr_time heard; /* any answer, last */
    struct dbr_list ops;
    uint32_t n_lookups;    /* of the application */
    uint32_t n_background; /* of our own */
    bool is_starved;       /* an operation could not ask: limits.requests */
    dbr_time self_at;      /* the next self-lookup */
    uint32_t self_wait_ms; /* from that one to the one after it */
    dbr_time rest_until;   /* keys are drawn again */
    struct dbr_multiaddr addrs[DBR_DHT_PEER_ADDRS_MAX];
    size_t n_addrs;
    struct dbr_dht_counts counts;
    struct dbr_ring events; /* struct item */
    struct dbr_buf shown;   /* what the last event's pointers point to */
    struct dbr_multiaddr shown_addrs[DBR_DHT_PEER_ADDRS_MAX];
};

/* dht.c. push: `data`, which may be NULL, is taken; `hints` are packed addresses. False:
 * no room. */
bool dbr_dht_push(struct dbr_dht *dht, const struct dbr_dht_event *event,
                  struct dbr_buf *data, debros_bytes hints);
void dbr_dht_push_answer(struct dbr_dht *dht, uint64_t stream,
                         const struct dbr_dht_message *message);
struct dbr_dht_contact *dbr_dht_contact(const struct dbr_dht *dht,
                                        const struct dbr_peer_id *peer);
size_t dbr_dht_addrs_of(const struct dbr_dht *dht, const struct dbr_peer_id *peer,
                        struct dbr_multiaddr out[DBR_DHT_PEER_ADDRS_MAX]);
/* A peer has shown that it serves: into the table, or its place is checked. */
void dbr_dht_meet(struct dbr_dht *dht, const struct dbr_peer_id *peer);

/* asking.c. False: no room; nothing is sent. `data` is copied. */
bool dbr_dht_ask(struct dbr_dht *dht, enum dbr_dht_why why, struct dbr_dht_op *op,
                 const struct dbr_peer_id *peer, debros_bytes data, debros_bytes hints,
                 bool one_way);
void dbr_dht_forget_op(struct dbr_dht_op *op); /* its answers count for the table only */
dbr_time dbr_dht_asking_deadline(const struct dbr_dht *dht);
void dbr_dht_asking_expire(struct dbr_dht *dht);
void dbr_dht_asking_finish(struct dbr_dht *dht);

/* lookup.c. Packed addresses: for each a length in two bytes, then its bytes. */
void dbr_dht_pack(struct dbr_buf *out, const struct dbr_multiaddr *addr);
size_t dbr_dht_unpack_addrs(struct dbr_multiaddr *out, size_t n, debros_bytes packed);
void dbr_dht_lookup_seed(struct dbr_dht *dht, struct dbr_dht_op *op);
/* Asks whomever there is to ask. */
void dbr_dht_lookup_pump(struct dbr_dht *dht, struct dbr_dht_op *op);
/* What `from` told about others. */
void dbr_dht_lookup_told(struct dbr_dht *dht, struct dbr_dht_op *op,
                         const struct dbr_peer_id *from,
                         const struct dbr_dht_message *message);
/* The packed addresses that were told of a candidate. */
void dbr_dht_lookup_hints(const struct dbr_dht_op *op, uint32_t hint,
                          struct dbr_buf *out);

/* client.c */
struct dbr_dht_op *dbr_dht_op_create(struct dbr_dht *dht, enum dbr_dht_kind kind,
                                     uint64_t token, debros_bytes key);
void dbr_dht_op_begin(struct dbr_dht *dht, struct dbr_dht_op *op);
void dbr_dht_op_destroy(struct dbr_dht *dht, struct dbr_dht_op *op);
/* Goes on with it: asks, or ends, which may free it. */
void dbr_dht_op_step(struct dbr_dht *dht, struct dbr_dht_op *op);
void dbr_dht_op_answered(struct dbr_dht *dht, struct dbr_dht_op *op,
                         enum dbr_dht_why why, const struct dbr_peer_id *from,
                         const struct dbr_dht_message *message);
void dbr_dht_op_failed(struct dbr_dht *dht, struct dbr_dht_op *op, enum dbr_dht_why why,
                       const struct dbr_peer_id *peer);
dbr_time dbr_dht_ops_deadline(const struct dbr_dht *dht);
void dbr_dht_ops_expire(struct dbr_dht *dht);

/* refresh.c */
void dbr_dht_refresh_joined(struct dbr_dht *dht); /* the first peer came */
void dbr_dht_probe(struct dbr_dht *dht, struct dbr_dht_contact *contact);
dbr_time dbr_dht_refresh_deadline(const struct dbr_dht *dht);
void dbr_dht_refresh_expire(struct dbr_dht *dht);

#endif
