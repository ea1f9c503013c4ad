#include "dht/dht.h"

#include "base/alloc.h"
#include "base/check.h"
#include "base/failpoint.h"
#include "dht/inner.h"

struct item {
    struct dbr_dht_event event; /* without its pointers */
    struct dbr_buf data;
    struct dbr_buf hints; /* packed */
};

void dbr_dht_limits_default(struct dbr_dht_limits *limits)
{
    *limits = (struct dbr_dht_limits){.contacts = 1024,
                                      .lookups = 64,
                                      .background = 8,
                                      .requests = 1024,
                                      .probes = 32,
                                      .events = 4096,
                                      .hint_bytes = 65536,
                                      .settle_ms = 1000};
    dbr_dht_table_limits_default(&limits->table);
    dbr_dht_query_limits_default(&limits->query);
    dbr_dht_records_limits_default(&limits->records);
}

int dbr_dht_create(struct dbr_dht **out, const struct dbr_dht_config *config,
                   struct dbr_rng *rng, dbr_time now)
{
    const struct dbr_dht_limits *limits = &config->limits;
    dbr_assert(limits->query.k <= DBR_DHT_MESSAGE_PEERS_MAX && limits->requests > 0 &&
               limits->background > 0 && config->directory.addrs != NULL);
    struct dbr_dht *dht = dbr_calloc(1, sizeof(*dht));
    *out = dht;
    if (dht == NULL) {
        return DEBROS_ENOMEM;
    }
    dht->config = *config;
    dht->rng = rng;
    dht->now = dht->heard = dht->wall_at = now;
    dht->wall_ms = config->wall_ms;
    dht->next_number = 1;
    dht->self_at = dht->probe_at = DBR_TIME_NEVER;
    dbr_dht_key_of_peer(&dht->own, &config->self);
    dbr_dht_table_init(&dht->table, &dht->own, &limits->table, now);
    dbr_dht_records_init(&dht->records, &limits->records, &config->rules, &config->self);
    dbr_list_init(&dht->waiting);
    dbr_list_init(&dht->ops);
    /* What the machine asks and what it has to tell always finds room: requests of others
     * and hints wait or are dropped before. */
    dbr_ring_init(&dht->events, sizeof(struct item),
                  (size_t)limits->events + 2 * limits->requests + limits->lookups);
    return 0;
}

void dbr_dht_destroy(struct dbr_dht *dht)
{
    struct dbr_dht_contact *contact;
    struct dbr_dht_contact *tmp;
    struct item item;
    if (dht == NULL) {
        return;
    }
    while (!dbr_list_is_empty(&dht->ops)) {
        dbr_dht_op_destroy(dht, DBR_LIST_ENTRY(dht->ops.next, struct dbr_dht_op, in_dht));
    }
    dbr_dht_asking_finish(dht);
    HASH_ITER(hh, dht->contacts, contact, tmp)
    {
        HASH_DEL(dht->contacts, contact);
        dbr_free(contact);
    }
    while (dbr_ring_pop(&dht->events, &item)) {
        dbr_buf_finish(&item.data);
        dbr_buf_finish(&item.hints);
    }
    dbr_ring_finish(&dht->events);
    dbr_buf_finish(&dht->shown);
    dbr_dht_table_finish(&dht->table);
    dbr_dht_records_finish(&dht->records);
    dbr_free(dht);
}

/* ---- Events --------------------------------------------------------------------------
 */

bool dbr_dht_push(struct dbr_dht *dht, const struct dbr_dht_event *event,
                  struct dbr_buf *data, debros_bytes hints)
{
    struct item item = {.event = *event};
    if (data != NULL) {
        item.data = dbr_buf_take(data);
    }
    dbr_buf_add(&item.hints, hints.data, hints.len);
    if (item.data.failed || !dbr_ring_push(&dht->events, &item)) {
        dbr_buf_finish(&item.data);
        dbr_buf_finish(&item.hints);
        return false;
    }
    return true;
}

void dbr_dht_push_answer(struct dbr_dht *dht, uint64_t stream,
                         const struct dbr_dht_message *message)
{
    struct dbr_dht_event event = {.type = DBR_DHT_EVENT_ANSWER, .stream = stream};
    struct dbr_buf data = {0};
    if (dbr_dht_message_encode(&data, message) != 0) {
        event.type = DBR_DHT_EVENT_RESET;
        dbr_buf_finish(&data);
        data = (struct dbr_buf){0};
    }
    (void)dbr_dht_push(dht, &event, &data, dbr_bytes(NULL, 0));
}

void dbr_dht_push_hint(struct dbr_dht *dht, const struct dbr_peer_id *peer,
                       debros_bytes hints)
{
    struct dbr_dht_event event = {.type = DBR_DHT_EVENT_HINT, .peer = *peer};
    if (hints.len > 0 && dht->events.len < dht->config.limits.events) {
        (void)dbr_dht_push(dht, &event, NULL, hints);
    }
}

bool dbr_dht_has_rows(const struct dbr_dht *dht)
{
    return dbr_dht_notes_has_any(&dht->records.values.notes) ||
           dbr_dht_notes_has_any(&dht->records.providers.notes);
}

void dbr_dht_tell_rows_again(struct dbr_dht *dht)
{
    dbr_dht_notes_tell_again(&dht->records.values.notes);
    dbr_dht_notes_tell_again(&dht->records.providers.notes);
}

bool dbr_dht_poll_row(struct dbr_dht *dht, struct dbr_dht_event *event)
{
    *event = (struct dbr_dht_event){.type = DBR_DHT_EVENT_VALUE_ROW};
    if (dbr_dht_values_poll(&dht->records.values, &event->row)) {
        return true;
    }
    event->type = DBR_DHT_EVENT_PROVIDER_ROW;
    return dbr_dht_providers_poll(&dht->records.providers, &event->row);
}

bool dbr_dht_poll(struct dbr_dht *dht, struct dbr_dht_event *event)
{
    struct item item;
    dbr_buf_finish(&dht->shown);
    if (!dbr_ring_pop(&dht->events, &item)) {
        return false;
    }
    *event = item.event;
    dht->shown = item.data;
    if (event->type == DBR_DHT_EVENT_SEND || event->type == DBR_DHT_EVENT_PING) {
        event->n_addrs = dbr_dht_addrs_of(dht, &event->peer, dht->shown_addrs);
    }
    event->n_addrs = dbr_dht_unpack_addrs(dht->shown_addrs, event->n_addrs,
                                          dbr_bytes(item.hints.data, item.hints.len));
    dbr_buf_finish(&item.hints);
    event->addrs = dht->shown_addrs;
    if (event->n_peers > 0) {
        event->peers = (const struct dbr_peer_id *)(const void *)dht->shown.data;
    } else {
        event->data = dbr_bytes(dht->shown.data, dht->shown.len);
    }
    return true;
}

/* ---- Peers ---------------------------------------------------------------------------
 */

struct dbr_dht_contact *dbr_dht_contact(const struct dbr_dht *dht,
                                        const struct dbr_peer_id *peer)
{
    struct dbr_dht_contact *contact;
    HASH_FIND(hh, dht->contacts, peer, sizeof(*peer), contact);
    return contact;
}

size_t dbr_dht_addrs_of(const struct dbr_dht *dht, const struct dbr_peer_id *peer,
                        struct dbr_multiaddr out[DBR_DHT_PEER_ADDRS_MAX])
{
    if (dbr_peer_id_equal(peer, &dht->config.self)) {
        memcpy(out, dht->addrs, dht->n_addrs * sizeof(out[0]));
        return dht->n_addrs;
    }
    return dht->config.directory.addrs(dht->config.directory.user, peer, out,
                                       DBR_DHT_PEER_ADDRS_MAX);
}

static struct dbr_dht_contact *make_contact(struct dbr_dht *dht,
                                            const struct dbr_peer_id *peer)
{
    struct dbr_dht_contact *contact = NULL;
    if (HASH_COUNT(dht->contacts) < dht->config.limits.contacts) {
        contact = dbr_calloc(1, sizeof(*contact));
    }
    if (contact != NULL) {
        contact->id = *peer;
        HASH_ADD(hh, dht->contacts, id, sizeof(contact->id), contact);
        if (!dbr_hash_added(contact)) {
            dbr_free(contact);
            contact = NULL;
        }
    }
    return contact;
}

void dbr_dht_identified(struct dbr_dht *dht, const struct dbr_peer_id *peer,
                        const struct dbr_multiaddr *remote, bool outbound, bool serves,
                        dbr_time now)
{
    struct dbr_dht_contact *contact = dbr_dht_contact(dht, peer);
    struct dbr_endpoint endpoint;
    dht->now = now;
    contact = contact != NULL ? contact : make_contact(dht, peer);
    if (contact == NULL || dbr_peer_id_equal(peer, &dht->config.self)) {
        return;
    }
    contact->group = dbr_dht_group(remote);
    contact->outbound = outbound;
    contact->serves = serves;
    contact->is_local = dbr_multiaddr_endpoint(remote, &endpoint) &&
                        dbr_endpoint_is_loopback(&endpoint);
    dbr_dht_table_connected(&dht->table, peer, true);
    if (serves) {
        dbr_dht_probe(dht, contact);
    } else {
        dbr_dht_table_remove(&dht->table, peer);
    }
}

/* Its entry stays: whether it can be reached shows when it is needed. */
void dbr_dht_disconnected(struct dbr_dht *dht, const struct dbr_peer_id *peer,
                          dbr_time now)
{
    DBR_FAILPOINT("dht.dht.disconnected");
    struct dbr_dht_contact *contact = dbr_dht_contact(dht, peer);
    dht->now = now;
    dbr_dht_table_connected(&dht->table, peer, false);
    if (contact != NULL) {
        HASH_DEL(dht->contacts, contact);
        dbr_free(contact);
    }
}

void dbr_dht_meet(struct dbr_dht *dht, const struct dbr_peer_id *peer)
{
    DBR_FAILPOINT("dht.dht.meet");
    const struct dbr_dht_contact *contact = dbr_dht_contact(dht, peer);
    struct dbr_peer_id check;
    if (contact == NULL || !contact->serves) { /* its connection has gone meanwhile */
        dbr_dht_table_seen(&dht->table, peer, dht->now);
        return;
    }
    bool was_empty = dht->table.n == 0;
    enum dbr_dht_added added = dbr_dht_table_add(
        &dht->table, peer, contact->group, contact->outbound, dht->now, &check);
    if (added == DBR_DHT_CHECK) {
        dbr_dht_check(dht, &check);
    }
    if (was_empty && added == DBR_DHT_ADDED) {
        dbr_dht_refresh_joined(dht);
    }
}

void dbr_dht_set_server(struct dbr_dht *dht, bool server, dbr_time now)
{
    dht->now = now;
    dht->config.server = server;
}

void dbr_dht_set_addrs(struct dbr_dht *dht, const struct dbr_multiaddr *addrs, size_t n)
{
    dht->n_addrs = n < DBR_DHT_PEER_ADDRS_MAX ? n : DBR_DHT_PEER_ADDRS_MAX;
    memcpy(dht->addrs, addrs, dht->n_addrs * sizeof(addrs[0]));
}

/* ---- Records -------------------------------------------------------------------------
 */

enum dbr_dht_verdict dbr_dht_load_value(struct dbr_dht *dht,
                                        const struct dbr_dht_row *row, dbr_time now)
{
    dht->now = now;
    return dbr_dht_values_load(&dht->records.values, row, now, dbr_dht_wall(dht));
}

enum dbr_dht_verdict dbr_dht_load_provider(struct dbr_dht *dht,
                                           const struct dbr_dht_row *row, dbr_time now)
{
    dht->now = now;
    return dbr_dht_providers_load(&dht->records.providers, row, now, dbr_dht_wall(dht));
}

bool dbr_dht_remove(struct dbr_dht *dht, debros_bytes key)
{
    return dbr_dht_values_remove(&dht->records.values, key);
}

bool dbr_dht_unprovide(struct dbr_dht *dht, debros_bytes key)
{
    return dbr_dht_providers_remove(&dht->records.providers, key);
}

void dbr_dht_set_wall(struct dbr_dht *dht, uint64_t wall_ms, dbr_time now)
{
    dht->now = dht->wall_at = now;
    dht->wall_ms = wall_ms;
}

uint64_t dbr_dht_wall(const struct dbr_dht *dht)
{
    return dht->wall_ms + (dht->now - dht->wall_at);
}

/* ---- Time, figures -------------------------------------------------------------------
 */

dbr_time dbr_dht_deadline(const struct dbr_dht *dht)
{
    dbr_time at = dbr_time_min(dbr_dht_asking_deadline(dht), dbr_dht_ops_deadline(dht));
    at = dbr_time_min(at, dbr_dht_refresh_deadline(dht));
    return dbr_time_min(at, dbr_dht_publish_deadline(dht));
}

void dbr_dht_expire(struct dbr_dht *dht, dbr_time now)
{
    dht->now = now;
    dbr_dht_asking_expire(dht);
    dbr_dht_ops_expire(dht);
    dbr_dht_refresh_expire(dht);
    dbr_dht_publish_expire(dht);
}

const struct dbr_dht_counts *dbr_dht_counts(const struct dbr_dht *dht)
{
    return &dht->counts;
}

const struct dbr_dht_table *dbr_dht_table(const struct dbr_dht *dht)
{
    return &dht->table;
}

const struct dbr_dht_records *dbr_dht_records(const struct dbr_dht *dht)
{
    return &dht->records;
}
