/* The yamux header: what is decoded encodes to the same bytes. */
#include <string.h>

#include "base/check.h"
#include "conn/yamux_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dbr_yamux_header header;
    uint8_t bytes[DBR_YAMUX_HEADER_SIZE];
    if (size >= sizeof(bytes) && dbr_yamux_header_decode(&header, data) == 0) {
        dbr_yamux_header_encode(bytes, &header);
        dbr_assert(memcmp(bytes, data, sizeof(bytes)) == 0);
    }
    return 0;
}
