#include "dns.h"

#include <string.h>

#include "base/check.h"
#include "base/reader.h"

#define HEAD_SIZE     12u
#define POINTER       0xc0u /* the two top bits of a length: the rest is elsewhere */
#define POINTERS_MAX  16u   /* that one name may follow */
#define QUESTION_TAIL 4u    /* type and class */
#define RECORD_TAIL   10u   /* and ttl and length */

/* ---- Names ----------------------------------------------------------------- */

/* Another label, in front of the 0 that ends the name. */
static bool add_label(struct dbr_dns_name *name, const void *label, size_t len)
{
    if (len == 0 || len > DBR_DNS_LABEL_MAX || name->len + len + 2 > DBR_DNS_NAME_MAX) {
        return false;
    }
    name->bytes[name->len++] = (uint8_t)len;
    memcpy(name->bytes + name->len, label, len);
    name->len += len;
    return true;
}

static void end_name(struct dbr_dns_name *name)
{
    name->bytes[name->len++] = 0;
}

bool dbr_dns_name_from_text(struct dbr_dns_name *out, const char *text)
{
    out->len = 0;
    for (;;) {
        size_t len = strcspn(text, ".");
        if (!add_label(out, text, len)) {
            return false;
        }
        if (text[len] == '\0') {
            end_name(out);
            return true;
        }
        text += len + 1;
    }
}

bool dbr_dns_name_under(struct dbr_dns_name *out, const char *label,
                        const struct dbr_dns_name *name)
{
    out->len = 0;
    if (!add_label(out, label, strlen(label)) ||
        out->len + name->len > DBR_DNS_NAME_MAX) {
        return false;
    }
    memcpy(out->bytes + out->len, name->bytes, name->len);
    out->len += name->len;
    return true;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

/* Lengths are below 'A', so that folding them changes none. */
bool dbr_dns_name_equal(const struct dbr_dns_name *a, const struct dbr_dns_name *b)
{
    size_t i = 0;
    while (a->len == b->len && i < a->len && lower(a->bytes[i]) == lower(b->bytes[i])) {
        i++;
    }
    return a->len == b->len && i == a->len;
}

/* A name that begins at *offset, which ends behind it. A pointer leads to something in
 * front of the place where the labels before it began, so that there is an end. */
static bool read_name(debros_bytes packet, size_t *offset, struct dbr_dns_name *out)
{
    size_t at = *offset;
    size_t begin = at;
    size_t pointers = 0;
    out->len = 0;
    while (at < packet.len) {
        uint8_t len = packet.data[at++];
        if (len == 0) {
            end_name(out);
            *offset = pointers == 0 ? at : *offset;
            return true;
        }
        if (len <= DBR_DNS_LABEL_MAX) {
            if (len > packet.len - at || !add_label(out, packet.data + at, len)) {
                return false;
            }
            at += len;
            continue;
        }
        if ((len & POINTER) != POINTER || at == packet.len || pointers == POINTERS_MAX) {
            return false;
        }
        size_t target = (size_t)(len & ~POINTER) << 8 | packet.data[at++];
        if (target >= begin) {
            return false;
        }
        *offset = pointers++ == 0 ? at : *offset;
        at = begin = target;
    }
    return false;
}

/* ---- Reading --------------------------------------------------------------- */

static bool turn_bad(struct dbr_dns_reader *r)
{
    r->bad = true;
    r->questions = 0;
    r->records = 0;
    return false;
}

/* What is left from the offset on, to be read. */
static struct dbr_reader rest(const struct dbr_dns_reader *r)
{
    struct dbr_reader reader;
    dbr_reader_init(&reader,
                    dbr_bytes(r->packet.data + r->offset, r->packet.len - r->offset));
    return reader;
}

void dbr_dns_reader_init(struct dbr_dns_reader *r, debros_bytes packet)
{
    struct dbr_reader head;
    *r = (struct dbr_dns_reader){.packet = packet};
    dbr_reader_init(&head, packet);
    dbr_reader_be16(&head); /* the id means nothing in multicast */
    r->flags = dbr_reader_be16(&head);
    r->questions = dbr_reader_be16(&head);
    for (int section = 0; section < 3; section++) {
        r->records += dbr_reader_be16(&head);
    }
    r->offset = HEAD_SIZE;
    if (head.bad) {
        turn_bad(r);
    }
}

bool dbr_dns_next_question(struct dbr_dns_reader *r, struct dbr_dns_name *name,
                           uint16_t *type)
{
    if (r->questions == 0) {
        return false;
    }
    if (!read_name(r->packet, &r->offset, name)) {
        return turn_bad(r);
    }
    struct dbr_reader tail = rest(r);
    *type = dbr_reader_be16(&tail);
    dbr_reader_be16(&tail);
    if (tail.bad) {
        return turn_bad(r);
    }
    r->offset += QUESTION_TAIL;
    r->questions--;
    return true;
}

bool dbr_dns_next_record(struct dbr_dns_reader *r, struct dbr_dns_record *record)
{
    dbr_assert(r->questions == 0);
    if (r->records == 0) {
        return false;
    }
    if (!read_name(r->packet, &r->offset, &record->name)) {
        return turn_bad(r);
    }
    struct dbr_reader tail = rest(r);
    record->type = dbr_reader_be16(&tail);
    record->cls = dbr_reader_be16(&tail);
    record->ttl = dbr_reader_be32(&tail);
    record->data = dbr_reader_bytes(&tail, dbr_reader_be16(&tail));
    if (tail.bad) {
        return turn_bad(r);
    }
    record->offset = r->offset + RECORD_TAIL;
    r->offset = record->offset + record->data.len;
    r->records--;
    return true;
}

bool dbr_dns_data_name(const struct dbr_dns_reader *r,
                       const struct dbr_dns_record *record, struct dbr_dns_name *name)
{
    size_t offset = record->offset;
    size_t end = offset + record->data.len;
    return read_name(dbr_bytes(r->packet.data, end), &offset, name) && offset == end;
}

bool dbr_dns_next_string(debros_bytes *data, debros_bytes *string)
{
    struct dbr_reader r;
    dbr_reader_init(&r, *data);
    *string = dbr_reader_bytes(&r, dbr_reader_u8(&r));
    *data = dbr_reader_bytes(&r, dbr_reader_left(&r));
    return !r.bad;
}

/* ---- Writing --------------------------------------------------------------- */

void dbr_dns_add_head(struct dbr_buf *out, uint16_t flags, uint16_t questions,
                      uint16_t answers, uint16_t additional)
{
    dbr_buf_be16(out, 0);
    dbr_buf_be16(out, flags);
    dbr_buf_be16(out, questions);
    dbr_buf_be16(out, answers);
    dbr_buf_be16(out, 0);
    dbr_buf_be16(out, additional);
}

void dbr_dns_add_name(struct dbr_buf *out, const struct dbr_dns_name *name)
{
    dbr_buf_add(out, name->bytes, name->len);
}

void dbr_dns_add_question(struct dbr_buf *out, const struct dbr_dns_name *name,
                          uint16_t type)
{
    dbr_dns_add_name(out, name);
    dbr_buf_be16(out, type);
    dbr_buf_be16(out, DBR_DNS_IN);
}

void dbr_dns_add_record(struct dbr_buf *out, const struct dbr_dns_name *name,
                        uint16_t type, uint16_t cls, uint32_t ttl, size_t len)
{
    dbr_dns_add_name(out, name);
    dbr_buf_be16(out, type);
    dbr_buf_be16(out, cls);
    dbr_buf_be32(out, ttl);
    dbr_buf_be16(out, (uint16_t)len);
}
