#include "yamux_frame.h"

#include <stdbool.h>

#include "base/reader.h"

static void put_be32(uint8_t *out, uint32_t value)
{
    out[0] = (uint8_t)(value >> 24);
    out[1] = (uint8_t)(value >> 16);
    out[2] = (uint8_t)(value >> 8);
    out[3] = (uint8_t)value;
}

void dbr_yamux_header_encode(uint8_t out[DBR_YAMUX_HEADER_SIZE],
                             const struct dbr_yamux_header *header)
{
    out[0] = 0; /* version */
    out[1] = header->type;
    out[2] = (uint8_t)(header->flags >> 8);
    out[3] = (uint8_t)header->flags;
    put_be32(out + 4, header->stream);
    put_be32(out + 8, header->length);
}

static bool is_sane(const struct dbr_yamux_header *header)
{
    switch (header->type) {
    case DBR_YAMUX_TYPE_DATA:
    case DBR_YAMUX_TYPE_WINDOW:
        return header->stream != 0;
    case DBR_YAMUX_TYPE_PING:
        return header->stream == 0 &&
               (header->flags == DBR_YAMUX_SYN || header->flags == DBR_YAMUX_ACK);
    case DBR_YAMUX_TYPE_GOAWAY:
        return header->stream == 0;
    default:
        return false;
    }
}

int dbr_yamux_header_decode(struct dbr_yamux_header *header,
                            const uint8_t in[DBR_YAMUX_HEADER_SIZE])
{
    struct dbr_reader r;
    dbr_reader_init(&r, dbr_bytes(in, DBR_YAMUX_HEADER_SIZE));
    uint8_t version = dbr_reader_u8(&r);
    header->type = dbr_reader_u8(&r);
    header->flags = dbr_reader_be16(&r);
    header->stream = dbr_reader_be32(&r);
    header->length = dbr_reader_be32(&r);
    return version == 0 && is_sane(header) ? 0 : DEBROS_EPROTO;
}
