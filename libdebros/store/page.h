/* The checksum that ends each page of a database file: SQLite leaves the last bytes of a
 * page alone ("reserved bytes" in the header of its file format). It covers the page and
 * its number, so a page of another place does not pass for this one. */
#ifndef DBR_STORE_PAGE_H
#define DBR_STORE_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DBR_PAGE_SIZE     4096u
#define DBR_PAGE_RESERVED 8 /* le32 CRC-32C, "DBP1" */

/* `number` counts from 1. */
void dbr_page_seal(uint8_t page[DBR_PAGE_SIZE], uint32_t number);
bool dbr_page_ok(const uint8_t page[DBR_PAGE_SIZE], uint32_t number);

#endif
