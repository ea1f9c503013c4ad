/* The inside of the machine: dht.c (life, events, contacts), asking.c (requests of ours),
 * lookup.c (queries with addresses), operation.c (what a lookup is for), gather.c (values
 * and providers that answers bring), publish.c (to the closest), client.c (what the
 * application may ask for), server.c, refresh.c. */
#ifndef DBR_DHT_INNER_H
#define DBR_DHT_INNER_H

#include "base/buf.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/ring.h"
#include "dht/dht.h"

#define DBR_DHT_MODULE "dht"

/* A peer that has a connection. */
struct dbr_dht_contact {
    struct dbr_peer_id id;
    uint64_t group;
    bool outbound;
    bool serves;
    bool is_local; /* on this machine: it may tell loopback addresses */
    bool probing;
    UT_hash_handle hh;
};

enum dbr_dht_why {
    DBR_DHT_WHY_LOOKUP,
    DBR_DHT_WHY_PROBE, /* a newcomer: does it serve? */
    DBR_DHT_WHY_CHECK, /* an entry of the table: is it there? */
    DBR_DHT_WHY_STORE
};

struct dbr_dht_question {
    enum dbr_dht_why why;
    enum dbr_dht_type type; /* and of the answer */
    bool one_way;
    struct dbr_dht_op *op; /* NULL: none */
    struct dbr_peer_id peer;
    debros_bytes data;  /* copied */
    debros_bytes hints; /* packed addresses, copied */
};

/* One that waits for its answer. */
struct dbr_dht_asked {
    uint64_t number;
    enum dbr_dht_why why;
    enum dbr_dht_type type;
    bool one_way;
    struct dbr_peer_id peer;
    dbr_time sent;
    struct dbr_dht_op *op;   /* NULL: it has ended, or there is none */
    struct dbr_list in_time; /* of dht->waiting, the oldest first */
    struct dbr_list in_op;
    UT_hash_handle hh;
};

enum dbr_dht_purpose {
    DBR_DHT_FOR_SELF,
    DBR_DHT_FOR_REFRESH,
    DBR_DHT_FOR_PEER,
    DBR_DHT_FOR_CLOSEST,
    DBR_DHT_FOR_PUT,
    DBR_DHT_FOR_GET,
    DBR_DHT_FOR_PROVIDE,
    DBR_DHT_FOR_PROVIDERS
};

enum dbr_dht_stage {
    DBR_DHT_LOOKING,
    DBR_DHT_STORING, /* the closest are known and are sent it */
    DBR_DHT_ENDED    /* but DONE could not be told yet */
};

/* A lookup and what it is for. */
struct dbr_dht_op {
    enum dbr_dht_purpose purpose;
    enum dbr_dht_stage stage;
    enum dbr_dht_type type; /* of the lookup's requests */
    uint64_t token;         /* 0: the machine's own */
    struct dbr_dht_query query;
    struct dbr_buf key;
    struct dbr_buf request; /* for all who are asked */
    struct dbr_buf hints;   /* addresses by place; place 0 is none */
    struct dbr_list asked;  /* of struct dbr_dht_asked */
    struct dbr_peer_id peer; /* FOR_PEER: whom */
    bool anew;               /* whatever is known here */
    uint32_t found_hint;     /* and where it is */
    struct dbr_buf value;    /* FOR_PUT: it; FOR_GET: the best */
    struct dbr_buf found;    /* FOR_GET: ids of those who have it; FOR_PROVIDERS: ids */
    struct dbr_buf told;     /* FOR_PROVIDERS: by how many, a byte for each id */
    uint32_t want;           /* of them, then the lookup may end; 0: all */
    uint32_t storing;        /* requests under way */
    uint32_t stored;
    struct dbr_list in_dht;
};

struct dbr_dht {
    struct dbr_dht_config config;
    struct dbr_rng *rng;
    dbr_time now;
    struct dbr_dht_key own;
    uint64_t wall_ms; /* when it was wall_at */
    dbr_time wall_at;
    struct dbr_dht_table table;
    struct dbr_dht_records records;
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
    dbr_time probe_at;     /* with nobody in the table */
    dbr_time publish_at;   /* not before */
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

uint64_t dbr_dht_wall(const struct dbr_dht *dht);
/* A peer is said to be at these addresses. Dropped when the events are full. */
void dbr_dht_push_hint(struct dbr_dht *dht, const struct dbr_peer_id *peer,
                       debros_bytes hints);

/* asking.c. False: no room; nothing is sent. */
bool dbr_dht_ask(struct dbr_dht *dht, const struct dbr_dht_question *question);
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

/* Whether an address that somebody tells is worth a dial; `from_here`: it is said on this
 * machine. */
bool dbr_dht_is_usable(const struct dbr_dht *dht, const struct dbr_multiaddr *addr,
                       bool from_here);

/* operation.c */
struct dbr_dht_op *dbr_dht_op_create(struct dbr_dht *dht, enum dbr_dht_purpose purpose,
                                     uint64_t token, debros_bytes key);
void dbr_dht_op_begin(struct dbr_dht *dht, struct dbr_dht_op *op);
void dbr_dht_op_destroy(struct dbr_dht *dht, struct dbr_dht_op *op);
/* Goes on with it: asks, stores, or ends, which may free it. */
void dbr_dht_op_step(struct dbr_dht *dht, struct dbr_dht_op *op);
/* `message` is NULL where nothing comes back. */
void dbr_dht_op_answered(struct dbr_dht *dht, struct dbr_dht_op *op,
                         const struct dbr_dht_asked *asked,
                         const struct dbr_dht_message *message);
void dbr_dht_op_failed(struct dbr_dht *dht, struct dbr_dht_op *op,
                       const struct dbr_dht_asked *asked);
dbr_time dbr_dht_ops_deadline(const struct dbr_dht *dht);
void dbr_dht_ops_expire(struct dbr_dht *dht);

/* gather.c: what an answer brings besides closer peers. */
size_t dbr_dht_found_count(const struct dbr_dht_op *op);
bool dbr_dht_found_add(struct dbr_dht_op *op, const struct dbr_peer_id *peer);
/* Appends the at most DBR_DHT_FOUND_MAX providers that most have told, those first.
 * Returns how many. */
size_t dbr_dht_found_providers(const struct dbr_dht_op *op, struct dbr_buf *out);
void dbr_dht_gather_here(struct dbr_dht *dht, struct dbr_dht_op *op); /* our stores */
void dbr_dht_gather(struct dbr_dht *dht, struct dbr_dht_op *op,
                    const struct dbr_peer_id *from,
                    const struct dbr_dht_message *message);

/* publish.c */
void dbr_dht_store(struct dbr_dht *dht, struct dbr_dht_op *op);
void dbr_dht_correct(struct dbr_dht *dht, const struct dbr_dht_op *op);
void dbr_dht_stored(struct dbr_dht *dht, struct dbr_dht_op *op,
                    const struct dbr_dht_message *message);
/* Nobody has taken it: it is due again long before its time. */
void dbr_dht_publish_again(struct dbr_dht *dht, const struct dbr_dht_op *op);
dbr_time dbr_dht_publish_deadline(const struct dbr_dht *dht);
void dbr_dht_publish_expire(struct dbr_dht *dht);

/* refresh.c */
void dbr_dht_refresh_joined(struct dbr_dht *dht); /* the first peer came */
void dbr_dht_refresh_lonely(struct dbr_dht *dht); /* nobody is in the table */
void dbr_dht_probe(struct dbr_dht *dht, struct dbr_dht_contact *contact);
void dbr_dht_check(struct dbr_dht *dht, const struct dbr_peer_id *peer);
bool dbr_dht_has_room(const struct dbr_dht *dht); /* for lookups of our own */
dbr_time dbr_dht_refresh_deadline(const struct dbr_dht *dht);
void dbr_dht_refresh_expire(struct dbr_dht *dht);

#endif
