/* Keeps the routing table full and true: probes of newcomers, the lookup of the own id,
 * lookups in each bucket. */
#include "base/check.h"
#include "base/failpoint.h"
#include "dht/inner.h"

#define DRAWS_MAX 8192u /* of a key at once: some milliseconds */
#define REST_MS   5u    /* then others have the processor */
#define AGAIN     8u    /* settle_ms: so young, a node looks into all buckets again */

/* A newcomer with a place to go is asked for itself, as go-libp2p does: what its identify
 * lists is not enough. */
void dbr_dht_probe(struct dbr_dht *dht, struct dbr_dht_contact *contact)
{
    struct dbr_dht_message message = {.type = DBR_DHT_FIND_NODE};
    struct dbr_buf data = {0};
    if (contact->probing || dht->n_probes >= dht->config.limits.probes ||
        !dbr_dht_table_is_useful(&dht->table, &contact->id, contact->group, dht->now)) {
        return;
    }
    message.key = dbr_bytes(contact->id.bytes, contact->id.len);
    if (dbr_dht_message_encode(&data, &message) == 0) {
        struct dbr_dht_question question = {.why = DBR_DHT_WHY_PROBE,
                                            .type = DBR_DHT_FIND_NODE,
                                            .peer = contact->id,
                                            .data = dbr_bytes(data.data, data.len)};
        contact->probing = dbr_dht_ask(dht, &question);
    }
    dbr_buf_finish(&data);
}

void dbr_dht_check(struct dbr_dht *dht, const struct dbr_peer_id *peer)
{
    struct dbr_dht_question question = {.why = DBR_DHT_WHY_CHECK, .peer = *peer};
    (void)dbr_dht_ask(dht, &question); /* else the next newcomer has it asked */
}

static void begin(struct dbr_dht *dht, enum dbr_dht_purpose purpose,
                  const struct dbr_peer_id *target)
{
    struct dbr_dht_op *op =
        dbr_dht_op_create(dht, purpose, 0, dbr_bytes(target->bytes, target->len));
    if (op != NULL) { /* else the next time */
        dbr_dht_op_begin(dht, op);
    }
}

/* Nothing is to be found for a full bucket whose peers have all spoken lately. */
static bool is_fresh(const struct dbr_dht *dht, unsigned bucket)
{
    const struct dbr_dht_table_limits *limits = &dht->table.limits;
    size_t n = 0;
    for (size_t i = 0; i < dht->table.n; i++) {
        const struct dbr_dht_entry *entry = &dht->table.entries[i];
        n += dbr_dht_table_bucket(&dht->table, &entry->key) == bucket &&
             entry->failures == 0 &&
             dbr_time_add(entry->seen, limits->refresh_ms) > dht->now;
    }
    return n >= limits->bucket;
}

/* The silent ones are asked whether they are still there. */
static void check_silent(struct dbr_dht *dht, unsigned bucket)
{
    for (size_t i = 0; i < dht->table.n; i++) {
        struct dbr_dht_entry *entry = &dht->table.entries[i];
        if (!entry->checking &&
            dbr_dht_table_bucket(&dht->table, &entry->key) == bucket &&
            dbr_time_add(entry->seen, dht->table.limits.refresh_ms) <= dht->now) {
            entry->checking = true;
            dbr_dht_check(dht, &entry->id);
        }
    }
}


/* A young node learns of others that are as young: it looks again soon, then less and
 * less often. The first look leaves little to do for the other buckets. */
void dbr_dht_refresh_joined(struct dbr_dht *dht)
{
    dht->self_at = dht->now;
    dht->self_wait_ms = dht->config.limits.settle_ms;
    dht->rest_until = dbr_time_add(dht->now, dht->config.limits.settle_ms);
    dbr_dht_table_refresh_all(&dht->table, dht->now);
}

static void look_for_self(struct dbr_dht *dht)
{
    DBR_FAILPOINT("dht.refresh.look_for_self");
    uint32_t most = dht->config.limits.table.refresh_ms;
    if (dht->self_wait_ms == AGAIN * dht->config.limits.settle_ms) {
        /* Where many joined at once, few were to be found the first time. */
        dbr_dht_table_refresh_all(&dht->table, dht->now);
    }
    dht->self_at = dbr_time_add(dht->now, dht->self_wait_ms);
    dht->self_wait_ms = dht->self_wait_ms < most / 2 ? 2 * dht->self_wait_ms : most;
    check_silent(dht, dht->table.last);
    begin(dht, DBR_DHT_FOR_SELF, &dht->config.self);
}

/* False: the draws found no key, and go on a little later. */
static bool refresh(struct dbr_dht *dht, unsigned bucket)
{
    struct dbr_peer_id target;
    if (is_fresh(dht, bucket)) {
        dbr_dht_table_refreshed(&dht->table, bucket, dht->now);
        return true;
    }
    if (!dbr_dht_key_draw(&target, &dht->own, bucket, DRAWS_MAX, dht->rng)) {
        return false;
    }
    check_silent(dht, bucket);
    begin(dht, DBR_DHT_FOR_REFRESH, &target);
    dbr_dht_table_refreshed(&dht->table, bucket, dht->now);
    return true;
}

bool dbr_dht_has_room(const struct dbr_dht *dht)
{
    return dht->n_background < dht->config.limits.background;
}

dbr_time dbr_dht_refresh_deadline(const struct dbr_dht *dht)
{
    if (dht->table.n == 0) {
        return dht->probe_at;
    }
    if (!dbr_dht_has_room(dht)) {
        return DBR_TIME_NEVER;
    }
    dbr_time at = dbr_dht_table_deadline(&dht->table);
    return dbr_time_min(dht->self_at, at > dht->rest_until ? at : dht->rest_until);
}

/* Alone: whoever has a connection is asked again. */
static void probe_contacts(struct dbr_dht *dht)
{
    struct dbr_dht_contact *contact;
    struct dbr_dht_contact *tmp;
    HASH_ITER(hh, dht->contacts, contact, tmp)
    {
        if (contact->serves) {
            dbr_dht_probe(dht, contact);
        }
    }
}

void dbr_dht_refresh_lonely(struct dbr_dht *dht)
{
    dht->probe_at = dbr_time_add(dht->now, dht->config.limits.settle_ms);
}

void dbr_dht_refresh_expire(struct dbr_dht *dht)
{
    int bucket;
    if (dht->table.n == 0 && dht->probe_at <= dht->now) {
        dht->probe_at = DBR_TIME_NEVER;
        probe_contacts(dht);
    }
    if (dht->table.n > 0 && dbr_dht_has_room(dht) && dht->self_at <= dht->now) {
        look_for_self(dht);
    }
    while (dht->rest_until <= dht->now && dbr_dht_has_room(dht) &&
           (bucket = dbr_dht_table_due(&dht->table, dht->now)) >= 0) {
        if (!refresh(dht, (unsigned)bucket)) {
            dht->rest_until = dbr_time_add(dht->now, REST_MS);
        }
    }
}
