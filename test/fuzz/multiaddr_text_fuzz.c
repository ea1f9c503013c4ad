/* A text that parses has one spelling of ours, which parses to the same address. */
#include "fuzz.h"

#include "base/alloc.h"
#include "multi/multiaddr.h"

static void check_parsed(const struct dbr_multiaddr *addr)
{
    char text[DBR_MULTIADDR_TEXT_SIZE];
    struct dbr_multiaddr same;
    dbr_assert(addr->len > 0);
    dbr_multiaddr_text(addr, text);
    dbr_assert(dbr_multiaddr_parse(&same, text, NULL) == 0);
    dbr_assert(dbr_multiaddr_equal(addr, &same));
    dbr_assert(dbr_multiaddr_from_bytes(&same, dbr_bytes(addr->bytes, addr->len)) == 0);
    dbr_assert(dbr_multiaddr_equal(addr, &same));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dbr_multiaddr addr;
    debros_detail detail = {""};
    char *text = dbr_malloc(size + 1);
    dbr_assert(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    int err = dbr_multiaddr_parse(&addr, text, &detail);
    if (err == 0) {
        check_parsed(&addr);
        dbr_assert(detail.text[0] == '\0');
    } else {
        dbr_assert(err == DEBROS_EINVAL || err == DEBROS_ELIMIT);
        dbr_assert(detail.text[0] != '\0' && addr.len == 0);
    }
    dbr_free(text);
    return 0;
}
