/* Bytes that are taken for an address have a text, which parses to the same address; its
 * peer can be cut and set, its endpoint makes the same address. */
#include "fuzz.h"

#include "multi/multiaddr.h"

/* A code may be spelled in a longer way than ours only where that is not minimal, and
 * that is refused: so text and bytes are one to one. */
static void check_text(const struct dbr_multiaddr *addr)
{
    char text[DBR_MULTIADDR_TEXT_SIZE];
    struct dbr_multiaddr same;
    dbr_multiaddr_text(addr, text);
    dbr_assert(dbr_multiaddr_parse(&same, text, NULL) == 0);
    dbr_assert(dbr_multiaddr_equal(addr, &same));
}

static void check_peer(const struct dbr_multiaddr *addr)
{
    struct dbr_peer_id peer;
    struct dbr_peer_id other;
    struct dbr_multiaddr changed = *addr;
    bool has_peer = dbr_multiaddr_peer(addr, &peer);
    dbr_multiaddr_cut_peer(&changed);
    dbr_assert(has_peer == (changed.len < addr->len));
    if (has_peer && !dbr_multiaddr_peer(&changed, &other)) {
        dbr_assert(dbr_multiaddr_set_peer(&changed, &peer) == 0);
        dbr_assert(memcmp(addr, &changed, sizeof(changed)) == 0);
    }
}

static void check_endpoint(const struct dbr_multiaddr *addr)
{
    struct dbr_endpoint endpoint;
    struct dbr_multiaddr same;
    struct dbr_multiaddr plain = *addr;
    if (dbr_multiaddr_endpoint(addr, &endpoint)) {
        dbr_multiaddr_cut_peer(&plain);
        dbr_multiaddr_from_endpoint(&same, &endpoint);
        dbr_assert(dbr_multiaddr_equal(&plain, &same));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dbr_multiaddr addr;
    int err = dbr_multiaddr_from_bytes(&addr, dbr_bytes(data, size));
    if (err == 0) {
        dbr_assert(
            dbr_bytes_equal(dbr_bytes(addr.bytes, addr.len), dbr_bytes(data, size)));
        check_text(&addr);
        check_peer(&addr);
        check_endpoint(&addr);
    } else {
        dbr_assert(err == DEBROS_EPROTO || err == DEBROS_ELIMIT);
        dbr_assert(addr.len == 0);
    }
    return 0;
}
