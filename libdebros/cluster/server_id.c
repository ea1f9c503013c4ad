#include "server_id.h"

#include "base/reader.h"
#include "crypto/hash.h"

uint64_t dbr_server_id(const struct dbr_peer_id *peer)
{
    uint8_t digest[DBR_SHA256_SIZE];
    struct dbr_reader r;
    dbr_sha256(digest, dbr_bytes(peer->bytes, peer->len));
    dbr_reader_init(&r, dbr_bytes(digest, sizeof(digest)));
    uint64_t id = dbr_reader_le64(&r);
    return id != 0 ? id : 1;
}
