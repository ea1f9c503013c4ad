/* Keys of the hash table as applications write them, and what the network sees of them.
 */
#ifndef DBR_CORE_KAD_KEYS_H
#define DBR_CORE_KAD_KEYS_H

#include "base/arena.h"
#include "dht/kind.h"
#include "dht/message.h"

#define DBR_KAD_TEXT_MAX       DBR_DHT_RECORD_KEY_MAX /* bytes */
#define DBR_KAD_MULTIHASH_SIZE 34u                    /* sha2-256 */
#define DBR_KAD_RESERVED       "/debros/service/"     /* the library's provider keys */

/* The full key of a value: `text` if it begins with '/', else it is a name in the space
 * of `owner`, /debros/app/OWNER/text. Lives in `arena`. 0; EINVAL, with detail; ENOMEM.
 */
int dbr_kad_value_key(const char **out, struct dbr_arena *arena,
                      const struct dbr_peer_id *owner, const char *text,
                      debros_detail *detail);
/* Whether a full key is `peer`'s. */
bool dbr_kad_may_write(const char *key, const struct dbr_peer_id *peer);

/* The multihash that stands for a provider key. 0; EINVAL, with detail. */
int dbr_kad_provider_key(uint8_t out[DBR_KAD_MULTIHASH_SIZE], const char *text,
                         debros_detail *detail);
/* Applications may look for such a provider key, but not provide it. */
bool dbr_kad_is_reserved(const char *text);

#endif
