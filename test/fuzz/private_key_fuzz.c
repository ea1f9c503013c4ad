/* A PrivateKey message that decodes is its own encoding, or the old form of it. */
#include "fuzz.h"

#include "multi/peer_id.h"

#define OLD_SIZE (DBR_PRIVATE_KEY_MESSAGE_SIZE + DBR_PUBLIC_KEY_SIZE)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dbr_keypair pair;
    uint8_t message[DBR_PRIVATE_KEY_MESSAGE_SIZE];
    int err = dbr_private_key_decode(&pair, dbr_bytes(data, size));
    dbr_assert(err == 0 || err == DEBROS_EINVAL);
    if (err == 0) {
        dbr_private_key_encode(message, &pair);
        dbr_assert(size == sizeof(message) || size == OLD_SIZE);
        dbr_assert(memcmp(message, data, 3) == 0);
        dbr_assert(memcmp(message + 4, data + 4, sizeof(message) - 4) == 0);
        dbr_assert(size == OLD_SIZE || message[3] == data[3]);
    }
    dbr_keypair_wipe(&pair);
    return 0;
}
