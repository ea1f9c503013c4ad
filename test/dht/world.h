/* A network of DHT machines in virtual time, from one seed: messages with delays and
 * loss, dials that need a true address, nodes that die, and nodes that lie.
 *
 * A peer's number is inside its id and its address, so that the world finds it at once;
 * a hash signs for it. */
#ifndef DBR_TEST_DHT_WORLD_H
#define DBR_TEST_DHT_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "dht/dht.h"

enum world_character {
    WORLD_HONEST,
    WORLD_FRIENDS, /* names its like, the closest to what is asked */
    WORLD_GROUP,   /* the same, and all of them in one IP group */
    WORLD_INVENTS, /* names peers that do not exist, next to what is asked */
    WORLD_SLANDER, /* names honest peers, at wrong addresses */
    WORLD_SILENT,  /* takes requests and answers nothing */
    WORLD_FLOODS,  /* invents four times as much, and answers with requests as well */
    WORLD_CHARACTERS
};
/* Of values and providers each of these but the silent tells lies as well, and says that
 * it has stored what it is sent: world_liars.c. */

struct world_config {
    uint64_t seed;
    uint32_t n_nodes;
    uint32_t delay_min_ms; /* of one message one way */
    uint32_t delay_max_ms;
    uint32_t loss_per_1000;    /* messages */
    uint32_t hostile_per_1000; /* nodes, of all the characters in turn */
    uint32_t paths;
    uint32_t numbers; /* most peers that ever live; 0: n_nodes */
    uint32_t records; /* values that a node holds, and keys of providers, of which one
                         writer may have a quarter; 0: the defaults */
};

#define WORLD_KEY_SIZE 128

/* A value as it was written first: what liars tell when it has changed. */
struct world_first {
    char key[WORLD_KEY_SIZE];
    size_t len;
    struct dbr_buf envelope;
};

struct world_node {
    struct dbr_dht *dht;
    struct dbr_rng rng;
    struct dbr_keypair pair; /* its public half is all of it */
    struct dbr_dht_signer signer;
    struct dbr_peer_id id;
    struct dbr_dht_key key;
    uint32_t number;
    enum world_character character;
    dbr_time born;
    dbr_time timer;
    uint64_t messages; /* that it got */
    uint8_t *known;    /* a bit for each number: its peer book */
    uint8_t *connected;
    struct world *world;
};

struct world_lookup {
    uint64_t token;
    uint32_t node; /* slot */
    uint32_t number;
    struct dbr_dht_key target;
    dbr_time begun;
    dbr_time ended; /* 0: not yet */
    int status;
    uint32_t stored;
    size_t n_data;
    uint32_t crc; /* of data */
    size_t n_found;
    struct dbr_peer_id found[DBR_DHT_MESSAGE_PEERS_MAX];
    struct dbr_dht_query_stats stats;
};

struct world {
    struct world_config config;
    struct dbr_rng rng;
    dbr_time now;
    struct world_node *nodes; /* config.n_nodes slots */
    uint32_t *slots;          /* by number: slot + 1, or 0: not alive */
    uint32_t next_number;
    struct world_item *heap;
    size_t n_heap;
    size_t cap_heap;
    uint64_t next_seq;
    struct world_lookup *lookups;
    size_t n_lookups;
    size_t cap_lookups;
    struct world_first *firsts;
    size_t n_firsts;
    uint64_t n_messages;
    uint64_t n_bytes;
    uint64_t trace; /* a hash of all that happened */
};

/* Nodes join at the first one, at a random time in the first `join_ms`. */
struct world *world_create(const struct world_config *config, uint32_t join_ms);
void world_destroy(struct world *world);
void world_run(struct world *world, dbr_time until);

/* The node of a slot dies; another one is born in it, which knows one that lives. */
void world_replace(struct world *world, uint32_t slot);
/* Begins a lookup of the closest to `text`'s bytes. */
void world_look(struct world *world, uint32_t slot, debros_bytes key);
/* Puts a value of the slot's own under a key that only it may write, and returns the CRC
 * of its envelope; another node asks for it. */
uint32_t world_put(struct world *world, uint32_t slot, unsigned name, uint64_t version);
void world_get(struct world *world, uint32_t slot, uint32_t writer, unsigned name);
void world_provide(struct world *world, uint32_t slot, debros_bytes key);
void world_find_providers(struct world *world, uint32_t slot, debros_bytes key);
bool world_is_connected(const struct world_node *node, uint32_t number);
/* The slot of a random node that is honest. */
uint32_t world_honest(struct world *world);
/* The at most `n` slots of living nodes that are closest to `target`; `honest`: of those,
 * `except`: but for this slot; alive since before `born`. */
size_t world_closest(const struct world *world, uint32_t *out, size_t n,
                     const struct dbr_dht_key *target, bool honest, uint32_t except,
                     dbr_time born);
/* The true address of a number. */
struct dbr_multiaddr world_addr(const struct world *world, uint32_t number);
enum world_character world_character(const struct world *world, uint32_t number);

/* The unix time of a value's end, if it is written now. */
uint64_t world_end_of_life(const struct world *world);

/* world_liars.c: what one that is not honest answers. False: nothing. */
bool world_lie(struct world *world, const struct world_node *node,
               const struct dbr_dht_message *request, struct dbr_buf *answer);
/* The i-th of the requests that one who floods sends to `victim`: garbage, questions,
 * and puts of values and providers, good ones and forged ones. */
void world_flood(struct world *world, const struct world_node *node,
                 const struct world_node *victim, size_t i, struct dbr_buf *request);

#endif
