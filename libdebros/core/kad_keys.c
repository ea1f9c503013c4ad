#include "core/kad_keys.h"

#include <stdio.h>

#include "base/detail.h"
#include "crypto/hash.h"

#define MULTIHASH_SHA256 0x12u

static int check_length(const char *text, debros_detail *detail)
{
    size_t len = strlen(text);
    if (len == 0 || len > DBR_KAD_TEXT_MAX) {
        return dbr_detail_set(detail, DEBROS_EINVAL,
                              "a key has 1 to %u bytes, this one has %zu",
                              DBR_KAD_TEXT_MAX, len);
    }
    return 0;
}

/* /debros/KIND/NAME with a kind that somebody can judge. */
static int check_full(const char *key, debros_detail *detail)
{
    debros_bytes kind;
    debros_bytes name;
    if (!dbr_dht_key_split(dbr_bytes_str(key), &kind, &name)) {
        return dbr_detail_set(detail, DEBROS_EINVAL,
                              "\"%.100s\" is no key of a value: give /debros/app/PEER/"
                              "NAME, or a NAME of your own without / in front",
                              key);
    }
    if (dbr_dht_kind_find(dbr_dht_kinds, DBR_DHT_KINDS, kind) == NULL) {
        return dbr_detail_set(detail, DEBROS_EINVAL,
                              "\"%.100s\" is of a kind that is not known: there are "
                              "/debros/app/PEER/NAME and /debros/peer/PEER",
                              key);
    }
    return 0;
}

int dbr_kad_value_key(const char **out, struct dbr_arena *arena,
                      const struct dbr_peer_id *owner, const char *text,
                      debros_detail *detail)
{
    char peer[DBR_PEER_ID_TEXT_SIZE];
    char key[DBR_KAD_TEXT_MAX + sizeof(peer) + 16];
    int err = check_length(text, detail);
    if (err != 0) {
        return err;
    }
    if (text[0] == '/') {
        snprintf(key, sizeof(key), "%s", text);
    } else {
        snprintf(key, sizeof(key), "%sapp/%s/%s", DBR_DHT_NAMESPACE,
                 dbr_peer_id_text(owner, peer), text);
    }
    err = check_length(key, detail);
    if (err == 0) {
        err = check_full(key, detail);
    }
    if (err == 0) {
        *out = dbr_arena_strdup(arena, key);
        err = *out != NULL ? 0 : DEBROS_ENOMEM;
    }
    return err;
}

bool dbr_kad_may_write(const char *key, const struct dbr_peer_id *peer)
{
    debros_bytes kind;
    debros_bytes name;
    if (!dbr_dht_key_split(dbr_bytes_str(key), &kind, &name)) {
        return false;
    }
    const struct dbr_dht_kind *known =
        dbr_dht_kind_find(dbr_dht_kinds, DBR_DHT_KINDS, kind);
    return known != NULL && known->may_write(name, peer);
}

int dbr_kad_provider_key(uint8_t out[DBR_KAD_MULTIHASH_SIZE], const char *text,
                         debros_detail *detail)
{
    int err = check_length(text, detail);
    if (err == 0) {
        out[0] = MULTIHASH_SHA256;
        out[1] = DBR_SHA256_SIZE;
        dbr_sha256(out + 2, dbr_bytes_str(text));
    }
    return err;
}

bool dbr_kad_is_reserved(const char *text)
{
    return strncmp(text, DBR_KAD_RESERVED, strlen(DBR_KAD_RESERVED)) == 0;
}
