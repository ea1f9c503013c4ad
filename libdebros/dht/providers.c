#include "dht/providers.h"

#include "base/alloc.h"
#include "base/check.h"

void dbr_dht_providers_limits_default(struct dbr_dht_providers_limits *limits)
{
    *limits = (struct dbr_dht_providers_limits){.keys = 1024,
                                                .per_key = 20,
                                                .per_peer = 256,
                                                .gone = 4096,
                                                .expire_ms = 48u * 3600 * 1000,
                                                .republish_ms = 22u * 3600 * 1000};
}

void dbr_dht_providers_init(struct dbr_dht_providers *providers,
                            const struct dbr_dht_providers_limits *limits,
                            const struct dbr_peer_id *self)
{
    dbr_assert(limits->per_key > 0);
    *providers = (struct dbr_dht_providers){
        .limits = *limits, .self = *self, .next = DBR_TIME_NEVER};
    dbr_dht_key_of_peer(&providers->place, self);
    dbr_dht_notes_init(&providers->notes, limits->gone);
}

static debros_bytes bytes_of(const struct dbr_dht_provided *key)
{
    return dbr_bytes(key->bytes, key->len);
}

static struct dbr_dht_provided *find_key(const struct dbr_dht_providers *providers,
                                         debros_bytes bytes)
{
    struct dbr_dht_provided *key;
    HASH_FIND(hh, providers->table, bytes.data, bytes.len, key);
    return key;
}

static struct dbr_dht_provider *find_peer(const struct dbr_dht_provided *key,
                                          const struct dbr_peer_id *peer)
{
    struct dbr_list *item;
    struct dbr_list *tmp;
    DBR_LIST_FOREACH(item, tmp, &key->peers)
    {
        struct dbr_dht_provider *entry =
            DBR_LIST_ENTRY(item, struct dbr_dht_provider, in_key);
        if (dbr_peer_id_equal(&entry->peer, peer)) {
            return entry;
        }
    }
    return NULL;
}

/* ---- Going ----------------------------------------------------------------- */

static void free_key(struct dbr_dht_providers *providers, struct dbr_dht_provided *key)
{
    HASH_DEL(providers->table, key);
    providers->n--;
    dbr_free(key);
}

/* Its key stays, if it is the last of it. */
static void drop_peer(struct dbr_dht_providers *providers, struct dbr_dht_provider *entry)
{
    struct dbr_dht_provided *key = entry->key;
    dbr_dht_note_gone(&providers->notes, &entry->note, bytes_of(key), &entry->peer);
    dbr_list_remove(&entry->in_key);
    key->n--;
    providers->n_in--;
    if (entry->own) {
        key->own = false;
    } else {
        dbr_dht_shares_take(&providers->peers, &entry->peer);
    }
    dbr_free(entry);
}

static void drop_key(struct dbr_dht_providers *providers, struct dbr_dht_provided *key)
{
    while (key->n > 0) {
        drop_peer(providers,
                  DBR_LIST_ENTRY(key->peers.next, struct dbr_dht_provider, in_key));
    }
    free_key(providers, key);
}

void dbr_dht_providers_finish(struct dbr_dht_providers *providers)
{
    struct dbr_dht_provided *key;
    struct dbr_dht_provided *tmp;
    HASH_ITER(hh, providers->table, key, tmp)
    {
        drop_key(providers, key);
    }
    dbr_dht_shares_finish(&providers->peers);
    dbr_dht_notes_finish(&providers->notes);
}

/* ---- Room ------------------------------------------------------------------ */

/* A place for a key at `place`: the furthest goes, if it is further. False: there is
 * none. */
static bool make_room(struct dbr_dht_providers *providers,
                      const struct dbr_dht_key *place, bool own)
{
    struct dbr_dht_provided *worst = NULL;
    struct dbr_dht_provided *key;
    struct dbr_dht_provided *tmp;
    if (providers->n < providers->limits.keys) {
        return true;
    }
    HASH_ITER(hh, providers->table, key, tmp)
    {
        if (!key->own &&
            (worst == NULL ||
             dbr_dht_key_compare(&providers->place, &key->place, &worst->place) > 0)) {
            worst = key;
        }
    }
    if (worst == NULL ||
        (!own && dbr_dht_key_compare(&providers->place, &worst->place, place) <= 0)) {
        return false;
    }
    providers->evicted += worst->n;
    drop_key(providers, worst);
    return true;
}

/* The same among the providers of a key. */
static bool make_room_in(struct dbr_dht_providers *providers,
                         struct dbr_dht_provided *key, const struct dbr_dht_key *place,
                         bool own)
{
    struct dbr_dht_provider *worst = NULL;
    struct dbr_list *item;
    struct dbr_list *tmp;
    if (key->n < providers->limits.per_key) {
        return true;
    }
    DBR_LIST_FOREACH(item, tmp, &key->peers)
    {
        struct dbr_dht_provider *entry =
            DBR_LIST_ENTRY(item, struct dbr_dht_provider, in_key);
        if (!entry->own &&
            (worst == NULL ||
             dbr_dht_key_compare(&key->place, &entry->place, &worst->place) > 0)) {
            worst = entry;
        }
    }
    if (worst == NULL ||
        (!own && dbr_dht_key_compare(&key->place, &worst->place, place) <= 0)) {
        return false;
    }
    providers->evicted++;
    drop_peer(providers, worst);
    return true;
}

/* ---- Coming ---------------------------------------------------------------- */

static void set_times(struct dbr_dht_providers *providers, struct dbr_dht_provider *entry,
                      uint64_t received_ms, dbr_time now, uint64_t wall_ms)
{
    uint64_t age = wall_ms > received_ms ? wall_ms - received_ms : 0;
    uint64_t expire = providers->limits.expire_ms;
    uint64_t pause = providers->limits.republish_ms;
    entry->received_ms = received_ms;
    entry->until = entry->republish = DBR_TIME_NEVER;
    if (entry->own) {
        entry->republish = dbr_time_add(now, pause > age ? pause - age : 0);
    } else {
        entry->until = dbr_time_add(now, expire > age ? expire - age : 0);
    }
    providers->next =
        dbr_time_min(providers->next, dbr_time_min(entry->until, entry->republish));
    dbr_dht_note_dirty(&providers->notes, &entry->note);
}

static enum dbr_dht_verdict get_key(struct dbr_dht_providers *providers,
                                    debros_bytes bytes, bool own,
                                    struct dbr_dht_provided **out)
{
    struct dbr_dht_key place;
    dbr_dht_key_of(&place, bytes);
    if (!make_room(providers, &place, own)) {
        return DBR_DHT_VALUE_NO_ROOM;
    }
    struct dbr_dht_provided *key = dbr_calloc(1, sizeof(*key));
    if (key == NULL) {
        return DBR_DHT_VALUE_NO_MEMORY;
    }
    key->len = bytes.len;
    memcpy(key->bytes, bytes.data, bytes.len);
    key->place = place;
    dbr_list_init(&key->peers);
    HASH_ADD_KEYPTR(hh, providers->table, key->bytes, key->len, key);
    if (!dbr_hash_added(key)) {
        dbr_free(key);
        return DBR_DHT_VALUE_NO_MEMORY;
    }
    providers->n++;
    *out = key;
    return DBR_DHT_VALUE_NEWER;
}

static enum dbr_dht_verdict add_peer(struct dbr_dht_providers *providers,
                                     struct dbr_dht_provided *key,
                                     const struct dbr_peer_id *peer, bool own,
                                     struct dbr_dht_provider **out)
{
    struct dbr_dht_key place;
    dbr_dht_key_of_peer(&place, peer);
    if (!make_room_in(providers, key, &place, own)) {
        return DBR_DHT_VALUE_NO_ROOM;
    }
    struct dbr_dht_provider *entry = dbr_calloc(1, sizeof(*entry));
    if (entry == NULL || (!own && !dbr_dht_shares_add(&providers->peers, peer))) {
        dbr_free(entry);
        return DBR_DHT_VALUE_NO_MEMORY;
    }
    entry->key = key;
    entry->peer = *peer;
    entry->place = place;
    entry->own = own;
    key->own = key->own || own;
    dbr_dht_note_init(&entry->note);
    dbr_list_push_back(&key->peers, &entry->in_key);
    key->n++;
    providers->n_in++;
    *out = entry;
    return DBR_DHT_VALUE_NEWER;
}

static enum dbr_dht_verdict add(struct dbr_dht_providers *providers,
                                const struct dbr_dht_row *row, dbr_time now,
                                uint64_t wall_ms)
{
    bool own = dbr_peer_id_equal(&row->peer, &providers->self);
    if (row->key.len == 0 || row->key.len > DBR_DHT_PROVIDER_KEY_MAX) {
        return DBR_DHT_VALUE_BAD_KEY;
    }
    struct dbr_dht_provided *key = find_key(providers, row->key);
    struct dbr_dht_provider *entry = key == NULL ? NULL : find_peer(key, &row->peer);
    enum dbr_dht_verdict verdict = DBR_DHT_VALUE_SAME;
    if (entry == NULL) {
        if (!own && dbr_dht_shares_of(&providers->peers, &row->peer) >=
                        providers->limits.per_peer) {
            return DBR_DHT_VALUE_NO_ROOM;
        }
        verdict =
            key != NULL ? DBR_DHT_VALUE_NEWER : get_key(providers, row->key, own, &key);
        if (verdict == DBR_DHT_VALUE_NEWER) {
            verdict = add_peer(providers, key, &row->peer, own, &entry);
        }
        if (verdict != DBR_DHT_VALUE_NEWER) {
            if (key != NULL && key->n == 0) {
                free_key(providers, key);
            }
            return verdict;
        }
    }
    set_times(providers, entry, row->received_ms, now, wall_ms);
    return verdict;
}

enum dbr_dht_verdict dbr_dht_providers_add(struct dbr_dht_providers *providers,
                                           debros_bytes key,
                                           const struct dbr_peer_id *peer, dbr_time now,
                                           uint64_t wall_ms)
{
    struct dbr_dht_row row = {.key = key, .peer = *peer, .received_ms = wall_ms};
    return add(providers, &row, now, wall_ms);
}

static bool is_over(const struct dbr_dht_providers *providers,
                    const struct dbr_dht_row *row, uint64_t wall_ms)
{
    return !dbr_peer_id_equal(&row->peer, &providers->self) &&
           wall_ms > row->received_ms &&
           wall_ms - row->received_ms >= providers->limits.expire_ms;
}

enum dbr_dht_verdict dbr_dht_providers_load(struct dbr_dht_providers *providers,
                                            const struct dbr_dht_row *row, dbr_time now,
                                            uint64_t wall_ms)
{
    enum dbr_dht_verdict verdict = is_over(providers, row, wall_ms)
                                       ? DBR_DHT_VALUE_EXPIRED
                                       : add(providers, row, now, wall_ms);
    if (dbr_dht_verdict_is_good(verdict)) {
        struct dbr_dht_provider *entry =
            find_peer(find_key(providers, row->key), &row->peer);
        dbr_list_remove(&entry->note.in_dirty); /* it is there already */
    } else if (verdict != DBR_DHT_VALUE_NO_MEMORY) {
        struct dbr_dht_note note;
        dbr_dht_note_init(&note);
        dbr_dht_note_gone(&providers->notes, &note, row->key, &row->peer);
    }
    return verdict;
}

static void remove_peer(struct dbr_dht_providers *providers,
                        struct dbr_dht_provider *entry)
{
    struct dbr_dht_provided *key = entry->key;
    drop_peer(providers, entry);
    if (key->n == 0) {
        free_key(providers, key);
    }
}

bool dbr_dht_providers_remove(struct dbr_dht_providers *providers, debros_bytes bytes)
{
    const struct dbr_dht_provided *key = find_key(providers, bytes);
    struct dbr_dht_provider *entry =
        key == NULL ? NULL : find_peer(key, &providers->self);
    if (entry == NULL) {
        return false;
    }
    remove_peer(providers, entry);
    return true;
}

size_t dbr_dht_providers_get(const struct dbr_dht_providers *providers,
                             debros_bytes bytes, struct dbr_peer_id *out, size_t n,
                             dbr_time now)
{
    const struct dbr_dht_provided *key = find_key(providers, bytes);
    size_t found = 0;
    if (key == NULL) {
        return 0;
    }
    for (const struct dbr_list *item = key->peers.next; item != &key->peers && found < n;
         item = item->next) {
        const struct dbr_dht_provider *entry =
            DBR_LIST_ENTRY(item, const struct dbr_dht_provider, in_key);
        if (entry->until > now) {
            out[found++] = entry->peer;
        }
    }
    return found;
}

/* ---- Time passes ----------------------------------------------------------- */

/* What is over by `now` goes; `next` is right afterwards. */
static void sweep(struct dbr_dht_providers *providers, dbr_time now)
{
    struct dbr_dht_provided *key;
    struct dbr_dht_provided *next_key;
    providers->next = DBR_TIME_NEVER;
    HASH_ITER(hh, providers->table, key, next_key)
    {
        struct dbr_list *item;
        struct dbr_list *tmp;
        DBR_LIST_FOREACH(item, tmp, &key->peers)
        {
            struct dbr_dht_provider *entry =
                DBR_LIST_ENTRY(item, struct dbr_dht_provider, in_key);
            if (entry->until <= now) {
                drop_peer(providers, entry);
            } else {
                providers->next = dbr_time_min(
                    providers->next, dbr_time_min(entry->until, entry->republish));
            }
        }
        if (key->n == 0) {
            free_key(providers, key);
        }
    }
}

bool dbr_dht_providers_due(struct dbr_dht_providers *providers, debros_bytes *out,
                           dbr_time now, uint64_t wall_ms)
{
    struct dbr_dht_provided *key;
    struct dbr_dht_provided *tmp;
    if (now < providers->next) {
        return false;
    }
    HASH_ITER(hh, providers->table, key, tmp)
    {
        struct dbr_dht_provider *entry =
            key->own ? find_peer(key, &providers->self) : NULL;
        if (entry != NULL && entry->republish <= now) {
            set_times(providers, entry, wall_ms, now, wall_ms);
            *out = bytes_of(key);
            return true;
        }
    }
    sweep(providers, now);
    return false;
}

void dbr_dht_providers_again(struct dbr_dht_providers *providers, debros_bytes bytes,
                             dbr_time at)
{
    const struct dbr_dht_provided *key = find_key(providers, bytes);
    struct dbr_dht_provider *entry =
        key != NULL && key->own ? find_peer(key, &providers->self) : NULL;
    if (entry != NULL) {
        entry->republish = dbr_time_min(entry->republish, at);
        providers->next = dbr_time_min(providers->next, at);
    }
}

dbr_time dbr_dht_providers_deadline(const struct dbr_dht_providers *providers)
{
    return providers->next;
}

void dbr_dht_providers_expire(struct dbr_dht_providers *providers, dbr_time now)
{
    if (now >= providers->next) {
        sweep(providers, now);
    }
}

/* ---- Rows ------------------------------------------------------------------ */

static void all_dirty(struct dbr_dht_providers *providers)
{
    struct dbr_dht_provided *key;
    struct dbr_dht_provided *next_key;
    HASH_ITER(hh, providers->table, key, next_key)
    {
        struct dbr_list *item;
        struct dbr_list *tmp;
        DBR_LIST_FOREACH(item, tmp, &key->peers)
        {
            dbr_dht_note_dirty(
                &providers->notes,
                &DBR_LIST_ENTRY(item, struct dbr_dht_provider, in_key)->note);
        }
    }
}

bool dbr_dht_providers_poll(struct dbr_dht_providers *providers, struct dbr_dht_row *row)
{
    if (dbr_dht_notes_poll_gone(&providers->notes, row)) {
        if (row->type == DBR_DHT_ROW_CLEAR) {
            all_dirty(providers);
        }
        return true;
    }
    struct dbr_dht_note *note = dbr_dht_notes_poll_dirty(&providers->notes);
    if (note == NULL) {
        return false;
    }
    const struct dbr_dht_provider *entry =
        DBR_CONTAINER_OF(note, struct dbr_dht_provider, note);
    *row = (struct dbr_dht_row){.type = DBR_DHT_ROW_PUT,
                                .key = bytes_of(entry->key),
                                .peer = entry->peer,
                                .received_ms = entry->received_ms,
                                .own = entry->own};
    return true;
}
