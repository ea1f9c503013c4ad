/* What is stored under a key of kind.h: a value with a version and an end, signed by its
 * writer together with the key, so that a holder can neither alter it nor pass it off as
 * another key's. One form, and for what it says one encoding:
 *
 *   u8 1 | writer, an Ed25519 public key [32] | le64 version | le64 expires, unix ms |
 *   signature [64] | value
 *
 * The signature covers uvarint(len) || part for the parts "debros-dht-value", the key,
 * everything in front of the signature, and the value. */
#ifndef DBR_DHT_ENVELOPE_H
#define DBR_DHT_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "dht/kind.h"
#include "dht/message.h"
#include "dht/signer.h"

#define DBR_DHT_ENVELOPE_HEAD (1u + DBR_PUBLIC_KEY_SIZE + 8u + 8u + DBR_SIGNATURE_SIZE)
/* Bytes of the value inside: the whole is at most DBR_DHT_VALUE_MAX. */
#define DBR_DHT_CONTENT_MAX   (DBR_DHT_VALUE_MAX - DBR_DHT_ENVELOPE_HEAD)
#define DBR_DHT_CLOCK_SKEW_MS 120000u /* that others' clocks may be behind or ahead */

struct dbr_dht_envelope {
    uint8_t writer[DBR_PUBLIC_KEY_SIZE];
    uint64_t version;
    uint64_t expires_ms;
    uint8_t signature[DBR_SIGNATURE_SIZE];
    debros_bytes value; /* borrowed */
};

/* What is thought of a value that somebody wants to be held. */
enum dbr_dht_verdict {
    DBR_DHT_VALUE_NEWER, /* good, and better than the held one */
    DBR_DHT_VALUE_SAME,  /* byte by byte the held one */
    /* Refused: */
    DBR_DHT_VALUE_OLDER, /* than the held one */
    DBR_DHT_VALUE_EXPIRED,
    DBR_DHT_VALUE_TOO_LARGE,
    DBR_DHT_VALUE_BAD_KEY, /* not /debros/KIND/NAME; of a provider: too long or empty */
    DBR_DHT_VALUE_UNKNOWN_KIND,
    DBR_DHT_VALUE_UNSIGNED,    /* no envelope */
    DBR_DHT_VALUE_NOT_ALLOWED, /* the kind does not let this writer write this name */
    DBR_DHT_VALUE_FORGED,      /* the signature is not the writer's, of this key */
    DBR_DHT_VALUE_NO_MEMORY,
    /* By the stores of records.h: */
    DBR_DHT_VALUE_NO_ROOM,  /* what is held matters more, or the writer has its share */
    DBR_DHT_VALUE_TOO_OFTEN /* more in a second than a peer may put */
};
#define DBR_DHT_VERDICTS 13u

/* By whose rules. All borrowed. */
struct dbr_dht_rules {
    const struct dbr_dht_kind *kinds;
    size_t n_kinds;
    const struct dbr_dht_signer *signer;
};

/* Appends the envelope of a value of the signer's own. 0; EINVAL no key of kind.h; ELIMIT
 * the value is longer than DBR_DHT_CONTENT_MAX; ENOMEM. */
int dbr_dht_envelope_seal(struct dbr_buf *out, const struct dbr_dht_signer *signer,
                          debros_bytes key, uint64_t version, uint64_t expires_ms,
                          debros_bytes value);
/* The form alone, nothing is checked. 0, EPROTO, ELIMIT too large. */
int dbr_dht_envelope_decode(struct dbr_dht_envelope *out, debros_bytes bytes);
/* Who wrote it. */
void dbr_dht_envelope_writer(struct dbr_peer_id *out,
                             const struct dbr_dht_envelope *envelope);

/* Judges a value for `key`, the cheapest question first. `held`: the one that is there,
 * which was good when it came, or none. */
enum dbr_dht_verdict dbr_dht_envelope_judge(struct dbr_dht_envelope *out,
                                            const struct dbr_dht_rules *rules,
                                            debros_bytes key, debros_bytes bytes,
                                            debros_bytes held, uint64_t wall_ms);
static inline bool dbr_dht_verdict_is_good(enum dbr_dht_verdict verdict)
{
    return verdict == DBR_DHT_VALUE_NEWER || verdict == DBR_DHT_VALUE_SAME;
}
/* 0 or the error of the public API; words for people. */
int dbr_dht_verdict_error(enum dbr_dht_verdict verdict);
const char *dbr_dht_verdict_words(enum dbr_dht_verdict verdict);

/* Select: above 0 when `a` is the better of two good values of one key: the higher
 * version, then the greater signature; 0: both are the same. */
int dbr_dht_envelope_compare(const struct dbr_dht_envelope *a,
                             const struct dbr_dht_envelope *b);
bool dbr_dht_envelope_is_expired(const struct dbr_dht_envelope *envelope,
                                 uint64_t wall_ms);

#endif
