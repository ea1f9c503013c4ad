#include "consensus/configuration.h"

#include <string.h>

#include "base/alloc.h"
#include "base/check.h"
#include "base/reader.h"

#define ENCODING_FORMAT 1 /* libraft's configuration.c */

bool dbr_configuration_address_ok(debros_bytes address)
{
    if (address.len == 0 || address.len >= DBR_SERVER_ADDRESS_MAX) {
        return false;
    }
    for (size_t i = 0; i < address.len; i++) {
        if (address.data[i] <= ' ' || address.data[i] > '~') {
            return false;
        }
    }
    return true;
}

void dbr_configuration_address_copy(char out[DBR_SERVER_ADDRESS_MAX], const char *address)
{
    size_t len = strlen(address);
    dbr_assert(len < DBR_SERVER_ADDRESS_MAX);
    memcpy(out, address, len + 1);
}

static int add_server(struct raft_configuration *out, struct dbr_reader *r)
{
    uint64_t id = dbr_reader_le64(r);
    size_t left = dbr_reader_left(r);
    const uint8_t *end = left > 0 ? memchr(r->pos, 0, left) : NULL;
    if (r->bad || id == 0 || end == NULL) {
        return DEBROS_EPROTO;
    }
    debros_bytes address = dbr_reader_bytes(r, (size_t)(end - r->pos));
    if (!dbr_configuration_address_ok(address)) {
        return DEBROS_EPROTO;
    }
    const char *text = (const char *)address.data; /* its NUL follows */
    dbr_reader_u8(r);
    int rv = raft_configuration_add(out, id, text, dbr_reader_u8(r));
    if (rv == RAFT_NOMEM) {
        return DEBROS_ENOMEM;
    }
    return rv != 0 || r->bad ? DEBROS_EPROTO : 0;
}

int dbr_configuration_decode(struct raft_configuration *out, debros_bytes bytes)
{
    struct dbr_reader r;
    dbr_reader_init(&r, bytes);
    raft_configuration_init(out);
    uint8_t format = dbr_reader_u8(&r);
    uint64_t n = dbr_reader_le64(&r);
    if (r.bad || format != ENCODING_FORMAT || n == 0 ||
        n > DBR_CONFIGURATION_SERVERS_MAX) {
        return DEBROS_EPROTO;
    }
    int rv = 0;
    for (uint64_t i = 0; i < n && rv == 0; i++) {
        rv = add_server(out, &r);
    }
    if (rv == 0 && (dbr_reader_left(&r) >= 8 || dbr_configuration_voters(out) == 0)) {
        rv = DEBROS_EPROTO; /* the encoding is padded to a multiple of 8 */
    }
    if (rv != 0) {
        raft_configuration_close(out);
        raft_configuration_init(out);
    }
    return rv;
}

int dbr_configuration_encode(const struct raft_configuration *configuration,
                             struct dbr_buf *out)
{
    struct raft_buffer buf;
    if (raft_configuration_encode(configuration, &buf) != 0) {
        return DEBROS_ENOMEM;
    }
    /* libraft leaves the padding at the end as malloc gave it. */
    size_t used = 1 + 8;
    for (unsigned i = 0; i < configuration->n; i++) {
        used += 8 + strlen(configuration->servers[i].address) + 1 + 1;
    }
    dbr_assert(used <= buf.len);
    memset((uint8_t *)buf.base + used, 0, buf.len - used);
    dbr_buf_add(out, buf.base, buf.len);
    raft_free(buf.base);
    return out->failed ? DEBROS_ENOMEM : 0;
}

int dbr_configuration_copy(struct raft_configuration *out,
                           const struct raft_configuration *from)
{
    raft_configuration_init(out);
    for (unsigned i = 0; i < from->n; i++) {
        const struct raft_server *s = &from->servers[i];
        if (raft_configuration_add(out, s->id, s->address, s->role) != 0) {
            raft_configuration_close(out);
            raft_configuration_init(out);
            return DEBROS_ENOMEM;
        }
    }
    return 0;
}

const struct raft_server *
dbr_configuration_find(const struct raft_configuration *configuration, uint64_t id)
{
    for (unsigned i = 0; i < configuration->n; i++) {
        if (configuration->servers[i].id == id) {
            return &configuration->servers[i];
        }
    }
    return NULL;
}

unsigned dbr_configuration_voters(const struct raft_configuration *configuration)
{
    unsigned n = 0;
    for (unsigned i = 0; i < configuration->n; i++) {
        n += configuration->servers[i].role == RAFT_VOTER;
    }
    return n;
}

bool dbr_configuration_is_sole_voter(const struct raft_configuration *configuration,
                                     uint64_t id)
{
    const struct raft_server *server = dbr_configuration_find(configuration, id);
    return server != NULL && server->role == RAFT_VOTER &&
           dbr_configuration_voters(configuration) == 1;
}

/* ---- History ---------------------------------------------------------------- */

void dbr_history_clear(struct dbr_history *history)
{
    for (size_t i = 0; i < history->n; i++) {
        raft_configuration_close(&history->items[i].configuration);
    }
    history->n = 0;
}

void dbr_history_finish(struct dbr_history *history)
{
    dbr_history_clear(history);
    dbr_free(history->items);
    *history = (struct dbr_history){0};
}

int dbr_history_add(struct dbr_history *history, uint64_t index,
                    const struct raft_configuration *configuration)
{
    dbr_assert(history->n == 0 || history->items[history->n - 1].index < index);
    if (history->n == history->cap) {
        size_t cap = history->cap == 0 ? 4 : history->cap * 2;
        void *items = dbr_realloc_array(history->items, cap, sizeof(*history->items));
        if (items == NULL) {
            return DEBROS_ENOMEM;
        }
        history->items = items;
        history->cap = cap;
    }
    struct dbr_configuration_at *at = &history->items[history->n];
    at->index = index;
    int rv = dbr_configuration_copy(&at->configuration, configuration);
    history->n += rv == 0;
    return rv;
}

const struct dbr_configuration_at *dbr_history_at(const struct dbr_history *history,
                                                  uint64_t index)
{
    for (size_t i = history->n; i > 0; i--) {
        if (history->items[i - 1].index <= index) {
            return &history->items[i - 1];
        }
    }
    return NULL;
}

const struct dbr_configuration_at *dbr_history_newest(const struct dbr_history *history)
{
    return history->n > 0 ? &history->items[history->n - 1] : NULL;
}

void dbr_history_prune(struct dbr_history *history, uint64_t index)
{
    size_t drop = 0;
    while (drop + 1 < history->n && history->items[drop + 1].index <= index) {
        raft_configuration_close(&history->items[drop].configuration);
        drop++;
    }
    if (drop > 0) {
        history->n -= drop;
        memmove(history->items, history->items + drop,
                history->n * sizeof(*history->items));
    }
}
