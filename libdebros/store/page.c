#include "page.h"

#include <string.h>

#include "crypto/hash.h"

#define BODY (DBR_PAGE_SIZE - DBR_PAGE_RESERVED)

static const uint8_t magic[4] = {'D', 'B', 'P', '1'};

static void tail_of(uint8_t out[DBR_PAGE_RESERVED], const uint8_t *page, uint32_t number)
{
    uint8_t place[4];
    for (size_t i = 0; i < 4; i++) {
        place[i] = (uint8_t)(number >> (8 * i));
    }
    uint32_t crc = dbr_crc32c(dbr_crc32c(0, place, sizeof(place)), page, BODY);
    for (size_t i = 0; i < 4; i++) {
        out[i] = (uint8_t)(crc >> (8 * i));
    }
    memcpy(out + 4, magic, sizeof(magic));
}

void dbr_page_seal(uint8_t page[DBR_PAGE_SIZE], uint32_t number)
{
    tail_of(page + BODY, page, number);
}

bool dbr_page_ok(const uint8_t page[DBR_PAGE_SIZE], uint32_t number)
{
    uint8_t tail[DBR_PAGE_RESERVED];
    tail_of(tail, page, number);
    return memcmp(tail, page + BODY, sizeof(tail)) == 0;
}
