/* Keys of values, /debros/KIND/NAME, and for each kind who may write what. A kind that
 * is not in the table is refused, so that nobody stores what nobody can judge. */
#ifndef DBR_DHT_KIND_H
#define DBR_DHT_KIND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "multi/peer_id.h"

#define DBR_DHT_NAMESPACE "/debros/"
#define DBR_DHT_KIND_SIZE 32u /* of a kind's name, at most */

struct dbr_dht_kind {
    const char *name; /* a to z, 0 to 9 and '-' */
    bool (*may_write)(debros_bytes name, const struct dbr_peer_id *writer);
};

/* The kinds of the product. A text of a peer id is its base58, and no other spelling.
 *   peer   /debros/peer/PEER       by that peer
 *   app    /debros/app/PEER/NAME   by that peer */
#define DBR_DHT_KINDS 2u
extern const struct dbr_dht_kind dbr_dht_kinds[DBR_DHT_KINDS];

/* The kind and the name in a key. False: it is not of this form, or longer than
 * DBR_DHT_RECORD_KEY_MAX. */
bool dbr_dht_key_split(debros_bytes key, debros_bytes *kind, debros_bytes *name);
/* NULL: unknown. */
const struct dbr_dht_kind *dbr_dht_kind_find(const struct dbr_dht_kind *kinds, size_t n,
                                             debros_bytes kind);

#endif
