/* The first half of the input says what to read from the second. The cursor stays inside,
 * goes forward only, and once bad stays bad. */
#include "fuzz.h"

#include "base/reader.h"

/* Reads by one instruction; true when it yielded something else than zero. */
static bool step(struct dbr_reader *r, uint8_t op)
{
    switch (op % 8) {
    case 0:
        return dbr_reader_u8(r) != 0;
    case 1:
        return dbr_reader_be16(r) != 0;
    case 2:
        return dbr_reader_be32(r) != 0;
    case 3:
        return dbr_reader_le32(r) != 0;
    case 4:
        return dbr_reader_le64(r) != 0;
    case 5:
        return dbr_reader_uvarint(r) != 0;
    case 6:
        return dbr_reader_bytes(r, op >> 3).len != 0;
    default:
        return dbr_reader_bytes(r, (size_t)dbr_reader_uvarint(r)).len != 0;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dbr_reader r;
    size_t n_ops = size / 2;
    size_t left = size - n_ops;
    dbr_reader_init(&r, dbr_bytes(data + n_ops, left));
    for (size_t i = 0; i < n_ops; i++) {
        bool was_bad = r.bad;
        bool yields = step(&r, data[i]);
        dbr_assert(dbr_reader_left(&r) <= left);
        left = dbr_reader_left(&r);
        if (was_bad) {
            dbr_assert(r.bad && !yields);
        }
        dbr_assert(!r.bad || left == 0);
    }
    return 0;
}
