/* The messages of Kademlia, as kad.proto describes them: requests and answers alike.
 *
 * Spec: github.com/libp2p/specs/blob/master/kad-dht/README.md */
#ifndef DBR_DHT_MESSAGE_H
#define DBR_DHT_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "multi/multiaddr.h"
#include "multi/peer_id.h"

#define DBR_DHT_MESSAGE_MAX       (128u << 10)      /* bytes of one that is read */
#define DBR_DHT_ANSWER_MAX        ((16u << 10) - 1) /* rust reads less than 16 KiB */
#define DBR_DHT_VALUE_MAX         (64u << 10)
#define DBR_DHT_RECORD_KEY_MAX    1024u
#define DBR_DHT_PROVIDER_KEY_MAX  80u        /* a multihash: go, js and rust, the same */
#define DBR_DHT_MESSAGE_PEERS_MAX 20u        /* k; of each list, more are skipped */
#define DBR_DHT_PEER_ADDRS_MAX    8u         /* kept of one peer */
#define DBR_DHT_PEER_ADDRS_READ   64u        /* looked at */
#define DBR_DHT_UNPACKED_MAX      (1u << 20) /* bytes that a message may cost */
#define DBR_DHT_TIME_SIZE         31u /* "2026-11-22T14:00:00.000000000Z" with NUL */

enum dbr_dht_type {
    DBR_DHT_PUT_VALUE,
    DBR_DHT_GET_VALUE,
    DBR_DHT_ADD_PROVIDER, /* has no answer */
    DBR_DHT_GET_PROVIDERS,
    DBR_DHT_FIND_NODE,
    DBR_DHT_PING, /* never sent: it is answered with itself */
};

enum dbr_dht_connection {
    DBR_DHT_NOT_CONNECTED,
    DBR_DHT_CONNECTED,
    DBR_DHT_CAN_CONNECT,
    DBR_DHT_CANNOT_CONNECT,
};

/* What somebody says about a peer. */
struct dbr_dht_peer {
    struct dbr_peer_id id;
    enum dbr_dht_connection connection;
    const struct dbr_multiaddr *addrs; /* without /p2p */
    size_t n_addrs;
};

struct dbr_dht_record {
    debros_bytes key;
    debros_bytes value;
    debros_bytes received; /* RFC 3339, or none: dbr_dht_time_text() makes one */
};

/* Everything is borrowed: decoded, from the arena. */
struct dbr_dht_message {
    enum dbr_dht_type type;
    bool has_record;
    debros_bytes key; /* may be empty: of an answer */
    struct dbr_dht_record record;
    const struct dbr_dht_peer *closer; /* the closest first */
    size_t n_closer;
    const struct dbr_dht_peer *providers;
    size_t n_providers;
};

/* Reads one into `arena`, which begins empty with the cap DBR_DHT_UNPACKED_MAX. Peers and
 * addresses that cannot be read are skipped; of a peer's addresses those that can be
 * dialed go before others. 0; EPROTO malformed, of an unknown type, or too dear to
 * unpack; ELIMIT a key, a value or all of it is too long; ENOMEM. */
int dbr_dht_message_decode(struct dbr_dht_message *out, struct dbr_arena *arena,
                           debros_bytes bytes);

/* Appends one, without the length in front of it. It stays within DBR_DHT_ANSWER_MAX by
 * leaving out addresses, the last of each peer, then peers: the farthest closer ones,
 * then providers. Only a key and a record that take more by themselves make it longer. At
 * most DBR_DHT_MESSAGE_PEERS_MAX peers of each list and DBR_DHT_PEER_ADDRS_MAX addresses
 * of a peer are sent. 0 or ENOMEM. */
int dbr_dht_message_encode(struct dbr_buf *out, const struct dbr_dht_message *message);

/* UTC, with the nine digits and the Z that strict readers demand (@libp2p/record).
 * Returns `out`. */
const char *dbr_dht_time_text(char out[DBR_DHT_TIME_SIZE], uint64_t unix_ms);

#endif
