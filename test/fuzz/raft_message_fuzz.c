/* libraft's messages on the wire. What was decoded is encoded and decoded once more. */
#include "consensus/message.h"
#include "fuzz.h"

static const struct dbr_message_limits limits = {.max_entries = 8u << 20,
                                                 .max_descriptor = 8u << 20};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct raft_message message;
    char address[DBR_SERVER_ADDRESS_MAX];
    debros_bytes image = dbr_bytes(NULL, 0);
    struct dbr_buf out = {0};
    if (dbr_message_decode(&message, address, 7, dbr_bytes(data, size), &limits) != 0) {
        return 0;
    }
    if (message.type == RAFT_IO_INSTALL_SNAPSHOT) {
        image = dbr_bytes(message.install_snapshot.data.base,
                          message.install_snapshot.data.len);
    }
    dbr_assert(dbr_message_encode(&out, &message, address, image) == 0);
    dbr_message_finish(&message);
    dbr_assert(dbr_message_decode(&message, address, 7, dbr_bytes(out.data, out.len),
                                  &limits) == 0);
    dbr_message_finish(&message);
    dbr_buf_finish(&out);
    return 0;
}
