/* CRC-32C, reflected polynomial 0x82f63b78: the processor's instruction where there is
 * one, else eight bytes a step through eight tables ("slicing by 8"). */
#include "hash.h"

#include <stdbool.h>

/* A CRC is linear: the entry of a byte is the XOR of its bits' entries. So the entries of
 * the eight single bits spell out a whole table, at compile time. */
#define BITS1(x, a)             (x), (x) ^ (a)
#define BITS2(x, a, b)          BITS1(x, a), BITS1((x) ^ (b), a)
#define BITS3(x, a, b, c)       BITS2(x, a, b), BITS2((x) ^ (c), a, b)
#define BITS4(x, a, b, c, d)    BITS3(x, a, b, c), BITS3((x) ^ (d), a, b, c)
#define BITS5(x, a, b, c, d, e) BITS4(x, a, b, c, d), BITS4((x) ^ (e), a, b, c, d)
#define BITS6(x, a, b, c, d, e, f)                                                       \
    BITS5(x, a, b, c, d, e), BITS5((x) ^ (f), a, b, c, d, e)
#define BITS7(x, a, b, c, d, e, f, g)                                                    \
    BITS6(x, a, b, c, d, e, f), BITS6((x) ^ (g), a, b, c, d, e, f)
#define TABLE(a, b, c, d, e, f, g, h)                                                    \
    {                                                                                    \
        BITS7(0u, a, b, c, d, e, f, g), BITS7(h, a, b, c, d, e, f, g)                    \
    }

/* tables[k]: a byte that has k more bytes of its step behind it. */
/* clang-format off */
static const uint32_t tables[8][256] = {
    TABLE(0xf26b8303, 0xe13b70f7, 0xc79a971f, 0x8ad958cf,
          0x105ec76f, 0x20bd8ede, 0x417b1dbc, 0x82f63b78),
    TABLE(0x13a29877, 0x274530ee, 0x4e8a61dc, 0x9d14c3b8,
          0x3fc5f181, 0x7f8be302, 0xff17c604, 0xfbc3faf9),
    TABLE(0xa541927e, 0x4f6f520d, 0x9edea41a, 0x38513ec5,
          0x70a27d8a, 0xe144fb14, 0xc76580d9, 0x8b277743),
    TABLE(0xdd45aab8, 0xbf672381, 0x7b2231f3, 0xf64463e6,
          0xe964b13d, 0xd725148b, 0xaba65fe7, 0x52a0c93f),
    TABLE(0x38116fac, 0x7022df58, 0xe045beb0, 0xc5670b91,
          0x8f2261d3, 0x1ba8b557, 0x37516aae, 0x6ea2d55c),
    TABLE(0xef306b19, 0xdb8ca0c3, 0xb2f53777, 0x6006181f,
          0xc00c303e, 0x85f4168d, 0x0e045beb, 0x1c08b7d6),
    TABLE(0x68032cc8, 0xd0065990, 0xa5e0c5d1, 0x4e2dfd53,
          0x9c5bfaa6, 0x3d5b83bd, 0x7ab7077a, 0xf56e0ef4),
    TABLE(0x493c7d27, 0x9278fa4e, 0x211d826d, 0x423b04da,
          0x847609b4, 0x0d006599, 0x1a00cb32, 0x34019664),
};
/* clang-format on */

static uint32_t add_byte(uint32_t crc, uint8_t byte)
{
    return tables[0][(crc ^ byte) & 0xff] ^ crc >> 8;
}

static uint32_t add_eight(uint32_t crc, const uint8_t *p)
{
    crc ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
           (uint32_t)p[3] << 24;
    return tables[7][crc & 0xff] ^ tables[6][crc >> 8 & 0xff] ^
           tables[5][crc >> 16 & 0xff] ^ tables[4][crc >> 24] ^ tables[3][p[4]] ^
           tables[2][p[5]] ^ tables[1][p[6]] ^ tables[0][p[7]];
}

static uint32_t by_tables(uint32_t crc, const uint8_t *p, size_t len)
{
    for (; len >= 8; len -= 8, p += 8) {
        crc = add_eight(crc, p);
    }
    for (; len > 0; len--, p++) {
        crc = add_byte(crc, *p);
    }
    return crc;
}

#if defined(__x86_64__) && defined(__GNUC__)
static bool has_instruction(void)
{
    return __builtin_cpu_supports("sse4.2");
}

__attribute__((target("sse4.2"))) static uint32_t
by_instruction(uint32_t crc, const uint8_t *p, size_t len)
{
    uint64_t sum = crc;
    for (; len >= 8; len -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, sizeof(word));
        sum = __builtin_ia32_crc32di(sum, word);
    }
    for (; len > 0; len--, p++) {
        sum = __builtin_ia32_crc32qi((uint32_t)sum, *p);
    }
    return (uint32_t)sum;
}
#else
static bool has_instruction(void)
{
    return false;
}

static uint32_t by_instruction(uint32_t crc, const uint8_t *p, size_t len)
{
    return by_tables(crc, p, len);
}
#endif

uint32_t dbr_crc32c(uint32_t crc, const void *data, size_t len)
{
    return has_instruction() ? ~by_instruction(~crc, data, len)
                             : ~by_tables(~crc, data, len);
}

uint32_t dbr_crc32c_portable(uint32_t crc, const void *data, size_t len)
{
    return ~by_tables(~crc, data, len);
}
