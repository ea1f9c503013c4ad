/* A peer id from text and from bytes: its text names the same id again, and a key inside
 * it makes the same id. */
#include "fuzz.h"

#include "multi/peer_id.h"

static void check_id(const struct dbr_peer_id *id)
{
    char text[DBR_PEER_ID_TEXT_SIZE];
    struct dbr_peer_id same;
    uint8_t key[DBR_PUBLIC_KEY_SIZE];
    dbr_peer_id_text(id, text);
    dbr_assert(dbr_peer_id_parse(&same, text, strlen(text)) == 0);
    dbr_assert(dbr_peer_id_equal(id, &same));
    if (dbr_peer_id_key(id, key)) {
        dbr_peer_id_from_key(&same, key);
        dbr_assert(dbr_peer_id_equal(id, &same));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dbr_peer_id id;
    const char *text = (const char *)data;
    if (dbr_peer_id_parse(&id, text, size) == 0) {
        check_id(&id);
    } else {
        dbr_assert(dbr_peer_id_is_none(&id));
    }
    if (dbr_peer_id_from_bytes(&id, dbr_bytes(data, size)) == 0) {
        dbr_assert(dbr_bytes_equal(dbr_bytes(id.bytes, id.len), dbr_bytes(data, size)));
        check_id(&id);
    } else {
        dbr_assert(dbr_peer_id_is_none(&id));
    }
    return 0;
}
