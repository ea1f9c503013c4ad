#include "dht/values.h"

#include "base/alloc.h"
#include "base/check.h"

void dbr_dht_values_limits_default(struct dbr_dht_values_limits *limits)
{
    *limits = (struct dbr_dht_values_limits){.values = 1024,
                                             .bytes = 16u << 20,
                                             .per_writer = 256,
                                             .gone = 1024,
                                             .expire_ms = 48u * 3600 * 1000,
                                             .republish_ms = 22u * 3600 * 1000};
}

void dbr_dht_values_init(struct dbr_dht_values *values,
                         const struct dbr_dht_values_limits *limits,
                         const struct dbr_dht_rules *rules,
                         const struct dbr_dht_key *self)
{
    *values = (struct dbr_dht_values){
        .limits = *limits, .rules = *rules, .next = DBR_TIME_NEVER};
    if (self != NULL) {
        values->has_self = true;
        values->self = *self;
    }
    dbr_dht_notes_init(&values->notes, limits->gone);
}

static size_t bytes_of(const struct dbr_dht_value *value)
{
    return value->key.len + value->value.len;
}

static void value_free(struct dbr_dht_value *value)
{
    dbr_free((void *)(uintptr_t)value->value.data);
    dbr_free(value);
}

/* Out of the table, but not yet out of memory. */
static void unlink_value(struct dbr_dht_values *values, struct dbr_dht_value *value)
{
    HASH_DEL(values->table, value);
    values->n--;
    values->n_bytes -= bytes_of(value);
    if (!value->own) {
        dbr_dht_shares_take(&values->writers, &value->writer);
    }
}

static void drop(struct dbr_dht_values *values, struct dbr_dht_value *value)
{
    unlink_value(values, value);
    dbr_dht_note_gone(&values->notes, &value->note, value->key, NULL);
    value_free(value);
}

void dbr_dht_values_finish(struct dbr_dht_values *values)
{
    struct dbr_dht_value *value;
    struct dbr_dht_value *tmp;
    HASH_ITER(hh, values->table, value, tmp)
    {
        unlink_value(values, value);
        value_free(value);
    }
    dbr_dht_shares_finish(&values->writers);
    dbr_dht_notes_finish(&values->notes);
}

static struct dbr_dht_value *find(const struct dbr_dht_values *values, debros_bytes key)
{
    struct dbr_dht_value *value;
    HASH_FIND(hh, values->table, key.data, key.len, value);
    return value;
}

/* ---- Times ----------------------------------------------------------------- */

/* The end of a value: its writer's, or the network's, which forgets what nobody puts
 * again. */
static dbr_time end_of(const struct dbr_dht_values *values, uint64_t expires_ms, bool own,
                       uint64_t received_ms, dbr_time now, uint64_t wall_ms)
{
    uint64_t age = wall_ms > received_ms ? wall_ms - received_ms : 0;
    uint64_t limit = own ? UINT64_MAX : values->limits.expire_ms;
    uint64_t held = limit > age ? limit - age : 0;
    uint64_t ends = expires_ms > UINT64_MAX - DBR_DHT_CLOCK_SKEW_MS
                        ? UINT64_MAX
                        : expires_ms + DBR_DHT_CLOCK_SKEW_MS;
    uint64_t left = ends > wall_ms ? ends - wall_ms : 0;
    return dbr_time_add(now, left < held ? left : held);
}

static void set_times(struct dbr_dht_values *values, struct dbr_dht_value *value,
                      uint64_t expires_ms, uint64_t received_ms, dbr_time now,
                      uint64_t wall_ms)
{
    uint64_t age = wall_ms > received_ms ? wall_ms - received_ms : 0;
    uint64_t pause = values->limits.republish_ms;
    value->received_ms = received_ms;
    value->until = end_of(values, expires_ms, value->own, received_ms, now, wall_ms);
    value->republish =
        value->own ? dbr_time_add(now, pause > age ? pause - age : 0) : DBR_TIME_NEVER;
    values->next =
        dbr_time_min(values->next, dbr_time_min(value->until, value->republish));
    dbr_dht_note_dirty(&values->notes, &value->note);
}

/* ---- Room ------------------------------------------------------------------ */

/* Above 0: `a` goes before `b`, if their writers have as many. */
static int compare(const struct dbr_dht_values *values, const struct dbr_dht_value *a,
                   const struct dbr_dht_value *b)
{
    if (values->has_self) {
        return dbr_dht_key_compare(&values->self, &a->place, &b->place);
    }
    if (a->until != b->until) {
        return a->until < b->until ? 1 : -1;
    }
    return memcmp(&a->place, &b->place, sizeof(a->place));
}

static uint32_t share_of(const struct dbr_dht_values *values,
                         const struct dbr_dht_value *value)
{
    return dbr_dht_shares_of(&values->writers, &value->writer);
}

/* Of another writer, if that has more than the newcomer's will have; of as many, or of
 * the same writer, if it matters less. */
static bool may_go(const struct dbr_dht_values *values, const struct dbr_dht_value *item,
                   const struct dbr_dht_value *newcomer, const struct dbr_dht_value *held)
{
    if (item == held || item->own) {
        return false;
    }
    if (newcomer->own) {
        return true;
    }
    bool more = held == NULL || held->own ||
                !dbr_peer_id_equal(&held->writer, &newcomer->writer);
    uint32_t theirs = share_of(values, item);
    uint32_t ours = share_of(values, newcomer) + more;
    if (theirs != ours && !dbr_peer_id_equal(&item->writer, &newcomer->writer)) {
        return theirs > ours;
    }
    return compare(values, item, newcomer) > 0;
}

/* Of those who may go, whoever goes first, or NULL. */
static struct dbr_dht_value *first_to_go(const struct dbr_dht_values *values)
{
    struct dbr_dht_value *first = NULL;
    struct dbr_dht_value *item;
    struct dbr_dht_value *tmp;
    uint32_t most = 0;
    HASH_ITER(hh, values->table, item, tmp)
    {
        uint32_t share = item->may_go ? share_of(values, item) : 0;
        if (share > most || (share > 0 && share == most &&
                             compare(values, item, first) > 0)) {
            first = item;
            most = share;
        }
    }
    return first;
}

static bool has_room(const struct dbr_dht_values *values, size_t n, size_t n_bytes)
{
    return n <= values->limits.values && n_bytes <= values->limits.bytes;
}

/* Lets go whatever matters less than the newcomer until there is room for it in the place
 * of `held`, which may be NULL. False, and nothing has gone: that would not do. */
static bool make_room(struct dbr_dht_values *values, const struct dbr_dht_value *newcomer,
                      const struct dbr_dht_value *held)
{
    size_t more = held == NULL ? 1 : 0;
    size_t more_bytes = bytes_of(newcomer) - (held == NULL ? 0 : bytes_of(held));
    if (has_room(values, values->n + more, values->n_bytes + more_bytes)) {
        return true;
    }
    struct dbr_dht_value *item;
    struct dbr_dht_value *tmp;
    size_t n = values->n + more;
    size_t n_bytes = values->n_bytes + more_bytes;
    HASH_ITER(hh, values->table, item, tmp)
    {
        item->may_go = may_go(values, item, newcomer, held);
        if (item->may_go) {
            n--;
            n_bytes -= bytes_of(item);
        }
    }
    if (!has_room(values, n, n_bytes)) {
        return false;
    }
    while (!has_room(values, values->n + more, values->n_bytes + more_bytes)) {
        struct dbr_dht_value *worst = first_to_go(values);
        dbr_assert(worst != NULL);
        drop(values, worst);
        values->evicted++;
    }
    return true;
}

/* ---- Coming and going ------------------------------------------------------ */

static struct dbr_dht_value *make(debros_bytes key, debros_bytes bytes,
                                  const struct dbr_dht_envelope *envelope, bool own)
{
    struct dbr_dht_value *value = dbr_calloc(1, sizeof(*value) + key.len);
    uint8_t *copy = dbr_memdup(bytes.data, bytes.len);
    if (value == NULL || copy == NULL) {
        dbr_free(value);
        dbr_free(copy);
        return NULL;
    }
    memcpy(value->key_bytes, key.data, key.len);
    value->key = dbr_bytes(value->key_bytes, key.len);
    value->value = dbr_bytes(copy, bytes.len);
    dbr_dht_key_of(&value->place, key);
    dbr_dht_envelope_writer(&value->writer, envelope);
    value->own = own;
    dbr_dht_note_init(&value->note);
    return value;
}

static bool link_value(struct dbr_dht_values *values, struct dbr_dht_value *value)
{
    if (!value->own && !dbr_dht_shares_add(&values->writers, &value->writer)) {
        return false;
    }
    HASH_ADD_KEYPTR(hh, values->table, value->key_bytes, value->key.len, value);
    if (!dbr_hash_added(value)) {
        if (!value->own) {
            dbr_dht_shares_take(&values->writers, &value->writer);
        }
        return false;
    }
    values->n++;
    values->n_bytes += bytes_of(value);
    return true;
}

/* The newcomer's content into `held`; nothing changes when memory is short. */
static bool replace(struct dbr_dht_values *values, struct dbr_dht_value *held,
                    struct dbr_dht_value *newcomer)
{
    if (!newcomer->own && !dbr_dht_shares_add(&values->writers, &newcomer->writer)) {
        return false;
    }
    if (!held->own) {
        dbr_dht_shares_take(&values->writers, &held->writer);
    }
    values->n_bytes += bytes_of(newcomer) - bytes_of(held);
    debros_bytes before = held->value;
    held->value = newcomer->value;
    newcomer->value = before;
    held->writer = newcomer->writer;
    held->own = newcomer->own;
    value_free(newcomer);
    return true;
}

/* `newcomer` in the place of `*held`, which may be NULL. It is taken if that is NEWER. */
static enum dbr_dht_verdict settle(struct dbr_dht_values *values,
                                   struct dbr_dht_value **held,
                                   struct dbr_dht_value *newcomer)
{
    const struct dbr_dht_value *before = *held;
    bool counts =
        !newcomer->own &&
        (before == NULL || !dbr_peer_id_equal(&before->writer, &newcomer->writer));
    if ((counts && dbr_dht_shares_of(&values->writers, &newcomer->writer) >=
                       values->limits.per_writer) ||
        !make_room(values, newcomer, before)) {
        return DBR_DHT_VALUE_NO_ROOM;
    }
    if (before != NULL) {
        return replace(values, *held, newcomer) ? DBR_DHT_VALUE_NEWER
                                                : DBR_DHT_VALUE_NO_MEMORY;
    }
    if (!link_value(values, newcomer)) {
        return DBR_DHT_VALUE_NO_MEMORY;
    }
    *held = newcomer;
    return DBR_DHT_VALUE_NEWER;
}

/* A good value that is newer than `*held`, which may be NULL. */
static enum dbr_dht_verdict take(struct dbr_dht_values *values,
                                 struct dbr_dht_value **held,
                                 const struct dbr_dht_row *row,
                                 const struct dbr_dht_envelope *e, dbr_time now,
                                 uint64_t wall_ms)
{
    bool own = row->own || (*held != NULL && (*held)->own);
    struct dbr_dht_value *newcomer = make(row->key, row->value, e, own);
    if (newcomer == NULL) {
        return DBR_DHT_VALUE_NO_MEMORY;
    }
    newcomer->until = end_of(values, e->expires_ms, own, row->received_ms, now, wall_ms);
    enum dbr_dht_verdict verdict =
        newcomer->until > now ? settle(values, held, newcomer) : DBR_DHT_VALUE_EXPIRED;
    if (verdict != DBR_DHT_VALUE_NEWER) {
        value_free(newcomer);
    }
    return verdict;
}

static enum dbr_dht_verdict put(struct dbr_dht_values *values,
                                const struct dbr_dht_row *row, dbr_time now,
                                uint64_t wall_ms)
{
    struct dbr_dht_envelope e;
    struct dbr_dht_value *held = find(values, row->key);
    if (held != NULL && held->until <= now) {
        drop(values, held);
        held = NULL;
    }
    /* Whoever puts an own value back to us does not publish it for us. */
    bool is_echo = held != NULL && held->own && !row->own;
    uint64_t received_ms = is_echo ? held->received_ms : row->received_ms;
    enum dbr_dht_verdict verdict =
        dbr_dht_envelope_judge(&e, &values->rules, row->key, row->value,
                               held == NULL ? dbr_bytes(NULL, 0) : held->value, wall_ms);
    if (verdict == DBR_DHT_VALUE_NEWER) {
        verdict = take(values, &held, row, &e, now, wall_ms);
    } else if (verdict == DBR_DHT_VALUE_SAME && row->own && !held->own) {
        dbr_dht_shares_take(&values->writers, &held->writer);
        held->own = true;
    }
    if (verdict == DBR_DHT_VALUE_NEWER || (verdict == DBR_DHT_VALUE_SAME && !is_echo)) {
        set_times(values, held, e.expires_ms, received_ms, now, wall_ms);
    }
    return verdict;
}

enum dbr_dht_verdict dbr_dht_values_put(struct dbr_dht_values *values, debros_bytes key,
                                        debros_bytes bytes, bool own, dbr_time now,
                                        uint64_t wall_ms)
{
    struct dbr_dht_row row = {
        .key = key, .value = bytes, .received_ms = wall_ms, .own = own};
    return put(values, &row, now, wall_ms);
}

enum dbr_dht_verdict dbr_dht_values_load(struct dbr_dht_values *values,
                                         const struct dbr_dht_row *row, dbr_time now,
                                         uint64_t wall_ms)
{
    enum dbr_dht_verdict verdict = put(values, row, now, wall_ms);
    struct dbr_dht_value *held = find(values, row->key);
    if (dbr_dht_verdict_is_good(verdict)) {
        dbr_list_remove(&held->note.in_dirty); /* it is there already */
    } else if (held == NULL && verdict != DBR_DHT_VALUE_NO_MEMORY) {
        struct dbr_dht_note note;
        dbr_dht_note_init(&note);
        dbr_dht_note_gone(&values->notes, &note, row->key, NULL);
    }
    return verdict;
}

const struct dbr_dht_value *dbr_dht_values_get(const struct dbr_dht_values *values,
                                               debros_bytes key, dbr_time now)
{
    const struct dbr_dht_value *value = find(values, key);
    return value != NULL && value->until > now ? value : NULL;
}

bool dbr_dht_values_remove(struct dbr_dht_values *values, debros_bytes key)
{
    struct dbr_dht_value *value = find(values, key);
    if (value == NULL || !value->own) {
        return false;
    }
    drop(values, value);
    return true;
}

/* ---- Time passes ----------------------------------------------------------- */

static void find_next(struct dbr_dht_values *values)
{
    struct dbr_dht_value *value;
    struct dbr_dht_value *tmp;
    values->next = DBR_TIME_NEVER;
    HASH_ITER(hh, values->table, value, tmp)
    {
        values->next =
            dbr_time_min(values->next, dbr_time_min(value->until, value->republish));
    }
}

const struct dbr_dht_value *dbr_dht_values_due(struct dbr_dht_values *values,
                                               dbr_time now, uint64_t wall_ms)
{
    struct dbr_dht_value *value;
    struct dbr_dht_value *tmp;
    if (now < values->next) {
        return NULL;
    }
    HASH_ITER(hh, values->table, value, tmp)
    {
        struct dbr_dht_envelope e;
        if (value->republish <= now && value->until > now &&
            dbr_dht_envelope_decode(&e, value->value) == 0) {
            set_times(values, value, e.expires_ms, wall_ms, now, wall_ms);
            return value;
        }
    }
    find_next(values);
    return NULL;
}

void dbr_dht_values_again(struct dbr_dht_values *values, debros_bytes key, dbr_time at)
{
    struct dbr_dht_value *value = find(values, key);
    if (value != NULL && value->own) {
        value->republish = dbr_time_min(value->republish, at);
        values->next = dbr_time_min(values->next, at);
    }
}

dbr_time dbr_dht_values_deadline(const struct dbr_dht_values *values)
{
    return values->next;
}

void dbr_dht_values_expire(struct dbr_dht_values *values, dbr_time now)
{
    struct dbr_dht_value *value;
    struct dbr_dht_value *tmp;
    if (now < values->next) {
        return;
    }
    HASH_ITER(hh, values->table, value, tmp)
    {
        if (value->until <= now) {
            drop(values, value);
        }
    }
    find_next(values);
}

/* ---- Rows ------------------------------------------------------------------ */

bool dbr_dht_values_poll(struct dbr_dht_values *values, struct dbr_dht_row *row)
{
    struct dbr_dht_value *value;
    struct dbr_dht_value *tmp;
    if (dbr_dht_notes_poll_gone(&values->notes, row)) {
        if (row->type == DBR_DHT_ROW_CLEAR) {
            HASH_ITER(hh, values->table, value, tmp)
            {
                dbr_dht_note_dirty(&values->notes, &value->note);
            }
        }
        return true;
    }
    struct dbr_dht_note *note = dbr_dht_notes_poll_dirty(&values->notes);
    if (note == NULL) {
        return false;
    }
    value = DBR_CONTAINER_OF(note, struct dbr_dht_value, note);
    *row = (struct dbr_dht_row){.type = DBR_DHT_ROW_PUT,
                                .key = value->key,
                                .value = value->value,
                                .received_ms = value->received_ms,
                                .own = value->own};
    return true;
}
