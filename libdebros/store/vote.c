#include "vote.h"

#include <string.h>

#include "base/reader.h"
#include "crypto/hash.h"

#define MAGIC "DBVOTE01"
#define BODY  (DBR_VOTE_SLOT - 4)

static uint8_t *put_le(uint8_t *out, uint64_t value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)(value >> (8 * i));
    }
    return out + len;
}

void dbr_vote_encode(uint8_t out[DBR_VOTE_SLOT], const struct dbr_vote *vote)
{
    memcpy(out, MAGIC, 8);
    uint8_t *at = put_le(out + 8, vote->seq, 8);
    at = put_le(at, vote->term, 8);
    at = put_le(at, vote->vote, 8);
    at = put_le(at, vote->segment, 8);
    at = put_le(at, vote->offset, 8);
    (void)put_le(at, dbr_crc32c(0, out, BODY), 4);
}

static bool is_empty(debros_bytes slot)
{
    for (size_t i = 0; i < slot.len; i++) {
        if (slot.data[i] != 0) {
            return false;
        }
    }
    return true;
}

static bool decode(struct dbr_vote *out, debros_bytes slot, uint64_t parity)
{
    struct dbr_reader r;
    if (slot.len < DBR_VOTE_SLOT || memcmp(slot.data, MAGIC, 8) != 0) {
        return false;
    }
    dbr_reader_init(&r, dbr_bytes(slot.data + 8, DBR_VOTE_SLOT - 8));
    out->seq = dbr_reader_le64(&r);
    out->term = dbr_reader_le64(&r);
    out->vote = dbr_reader_le64(&r);
    out->segment = dbr_reader_le64(&r);
    out->offset = dbr_reader_le64(&r);
    uint32_t crc = dbr_reader_le32(&r);
    return crc == dbr_crc32c(0, slot.data, BODY) && out->seq > 0 &&
           out->seq % 2 == parity;
}

int dbr_vote_choose(struct dbr_vote *out, debros_bytes file, size_t *damaged, bool *empty)
{
    bool found = false;
    *damaged = 0;
    *empty = is_empty(file);
    for (size_t i = 0; i < 2; i++) {
        struct dbr_vote vote;
        size_t from = i * DBR_VOTE_BLOCK < file.len ? i * DBR_VOTE_BLOCK : file.len;
        size_t len = file.len - from < DBR_VOTE_BLOCK ? file.len - from : DBR_VOTE_BLOCK;
        debros_bytes slot = dbr_bytes(file.data + from, len);
        if (decode(&vote, slot, i)) {
            *out = !found || vote.seq > out->seq ? vote : *out;
            found = true;
        } else if (!is_empty(slot)) {
            (*damaged)++;
        }
    }
    return found ? 0 : DEBROS_EIO;
}
