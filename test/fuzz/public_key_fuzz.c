/* A PublicKey message that decodes has one encoding: itself. */
#include "fuzz.h"

#include "multi/peer_id.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t key[DBR_PUBLIC_KEY_SIZE];
    uint8_t message[DBR_PUBLIC_KEY_MESSAGE_SIZE];
    int err = dbr_public_key_decode(key, dbr_bytes(data, size));
    if (err == 0) {
        dbr_public_key_encode(message, key);
        dbr_assert(
            dbr_bytes_equal(dbr_bytes(message, sizeof(message)), dbr_bytes(data, size)));
    }
    dbr_assert(err == 0 || err == DEBROS_EPROTO || err == DEBROS_EAUTH);
    return 0;
}
