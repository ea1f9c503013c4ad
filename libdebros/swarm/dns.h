/* DNS messages, as far as multicast DNS needs them: names, questions and records, read
 * with bounds and written without compression.
 *
 * Spec: RFC 1035 section 4; RFC 6762 section 18 */
#ifndef DBR_SWARM_DNS_H
#define DBR_SWARM_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"

#define DBR_DNS_NAME_MAX   255u /* bytes with all lengths */
#define DBR_DNS_LABEL_MAX  63u
#define DBR_DNS_STRING_MAX 255u /* of a TXT record */

#define DBR_DNS_A        1u
#define DBR_DNS_PTR      12u
#define DBR_DNS_TXT      16u
#define DBR_DNS_AAAA     28u
#define DBR_DNS_SRV      33u
#define DBR_DNS_ANY      255u
#define DBR_DNS_IN       1u      /* class */
#define DBR_DNS_TOP_BIT  0x8000u /* of a class: unicast wanted, or others are outdated */
#define DBR_DNS_RESPONSE 0x8400u /* flags: an authoritative answer */

/* Labels, each behind its length, and a length of 0. */
struct dbr_dns_name {
    size_t len;
    uint8_t bytes[DBR_DNS_NAME_MAX];
};

/* "a.b.c"; it has at least one label. False: a label or all of it is too long or empty.
 */
bool dbr_dns_name_from_text(struct dbr_dns_name *out, const char *text);
/* One label in front. False: too long. */
bool dbr_dns_name_under(struct dbr_dns_name *out, const char *label,
                        const struct dbr_dns_name *name);
/* Upper and lower case are the same in ASCII (RFC 4343). */
bool dbr_dns_name_equal(const struct dbr_dns_name *a, const struct dbr_dns_name *b);

/* ---- Reading --------------------------------------------------------------- */

struct dbr_dns_reader {
    debros_bytes packet;
    size_t offset;
    uint16_t flags;
    uint16_t questions; /* that are still to come */
    uint32_t records;   /* the same, of all three sections */
    bool bad;           /* malformed: nothing more comes */
};

struct dbr_dns_record {
    struct dbr_dns_name name;
    uint16_t type;
    uint16_t cls;
    uint32_t ttl;
    debros_bytes data;
    size_t offset; /* of the data in the packet */
};

void dbr_dns_reader_init(struct dbr_dns_reader *r, debros_bytes packet);
/* All questions come before the first record. False: there is none left, or `bad`. */
bool dbr_dns_next_question(struct dbr_dns_reader *r, struct dbr_dns_name *name,
                           uint16_t *type);
bool dbr_dns_next_record(struct dbr_dns_reader *r, struct dbr_dns_record *record);
/* The name that is a record's whole data: of PTR. */
bool dbr_dns_data_name(const struct dbr_dns_reader *r,
                       const struct dbr_dns_record *record, struct dbr_dns_name *name);
/* The next string of a TXT record's data, cut off its front. */
bool dbr_dns_next_string(debros_bytes *data, debros_bytes *string);

/* ---- Writing --------------------------------------------------------------- */

/* `additional`: records behind the answers. The id is 0, as multicast wants it. */
void dbr_dns_add_head(struct dbr_buf *out, uint16_t flags, uint16_t questions,
                      uint16_t answers, uint16_t additional);
void dbr_dns_add_name(struct dbr_buf *out, const struct dbr_dns_name *name);
void dbr_dns_add_question(struct dbr_buf *out, const struct dbr_dns_name *name,
                          uint16_t type);
/* What stands in front of `len` bytes of data. */
void dbr_dns_add_record(struct dbr_buf *out, const struct dbr_dns_name *name,
                        uint16_t type, uint16_t cls, uint32_t ttl, size_t len);

#endif
