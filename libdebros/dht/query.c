#include "dht/query.h"

#include "base/alloc.h"
#include "base/check.h"

#define CAP_MIN   32u
#define TRIES_MAX 3u /* of one peer */

_Static_assert(sizeof(struct dbr_dht_candidate) <= 104, "as the header says");

enum state { NEW, ASKED, SLOW, ANSWERED, FAILED };

void dbr_dht_query_limits_default(struct dbr_dht_query_limits *limits)
{
    *limits = (struct dbr_dht_query_limits){.k = 20,
                                            .alpha = 10,
                                            .beta = 3,
                                            .paths = 1,
                                            .candidates = 256,
                                            .per_group = 3,
                                            .slow_ms = 2000,
                                            .request_ms = 10000,
                                            .whole_ms = 60000};
}

void dbr_dht_query_init(struct dbr_dht_query *query,
                        const struct dbr_dht_query_limits *limits,
                        const struct dbr_dht_key *target, const struct dbr_peer_id *self,
                        dbr_time now)
{
    dbr_assert(limits->beta > 0 && limits->beta <= limits->k && limits->alpha > 0 &&
               limits->paths > 0 && limits->paths <= DBR_DHT_PATHS_MAX &&
               limits->candidates >= limits->paths);
    *query = (struct dbr_dht_query){.limits = *limits, .target = *target, .self = *self};
    query->end = query->wake = dbr_time_add(now, limits->whole_ms);
}

void dbr_dht_query_finish(struct dbr_dht_query *query)
{
    dbr_free(query->candidates);
    query->candidates = NULL;
    query->n = query->cap = 0;
    query->is_done = true;
}

/* ---- Candidates ----------------------------------------------------------------------
 */

static bool is_on(const struct dbr_dht_candidate *candidate, unsigned path)
{
    return (candidate->paths >> path & 1) != 0;
}

/* The first that is not closer than `key`. */
static size_t place_of(const struct dbr_dht_query *query, const struct dbr_dht_key *key)
{
    size_t from = 0;
    size_t to = query->n;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        if (dbr_dht_key_compare(&query->target, &query->candidates[mid].key, key) < 0) {
            from = mid + 1;
        } else {
            to = mid;
        }
    }
    return from;
}

static struct dbr_dht_candidate *candidate_at(const struct dbr_dht_query *query,
                                              size_t place, const struct dbr_dht_key *key)
{
    return place < query->n && dbr_dht_key_equal(&query->candidates[place].key, key)
               ? &query->candidates[place]
               : NULL;
}

static struct dbr_dht_candidate *candidate_of(const struct dbr_dht_query *query,
                                              const struct dbr_peer_id *id)
{
    struct dbr_dht_key key;
    dbr_dht_key_of_peer(&key, id);
    return candidate_at(query, place_of(query, &key), &key);
}

const struct dbr_dht_candidate *dbr_dht_query_find(const struct dbr_dht_query *query,
                                                   const struct dbr_dht_key *key)
{
    return candidate_at(query, place_of(query, key), key);
}

static void take_out(struct dbr_dht_query *query, size_t place)
{
    memmove(&query->candidates[place], &query->candidates[place + 1],
            (query->n - place - 1) * sizeof(query->candidates[0]));
    query->n--;
}

/* Makes room on a path that knows as many as it may: the furthest that was not asked
 * goes, unless `place` is even further. */
static bool make_room(struct dbr_dht_query *query, unsigned path, size_t place)
{
    if (query->known[path] < query->limits.candidates / query->limits.paths) {
        return true;
    }
    for (size_t i = query->n; i-- > place;) {
        struct dbr_dht_candidate *candidate = &query->candidates[i];
        if (candidate->state == NEW && is_on(candidate, path)) {
            candidate->paths = (uint8_t)(candidate->paths & ~(1u << path));
            query->known[path]--;
            if (candidate->paths == 0) {
                take_out(query, i);
            }
            return true;
        }
    }
    return false;
}

static bool insert(struct dbr_dht_query *query, size_t place,
                   const struct dbr_dht_candidate *candidate)
{
    if (query->n == query->cap) {
        size_t cap = query->cap == 0 ? CAP_MIN : 2 * query->cap;
        struct dbr_dht_candidate *grown =
            dbr_realloc_array(query->candidates, cap, sizeof(*grown));
        if (grown == NULL) {
            return false;
        }
        query->candidates = grown;
        query->cap = cap;
    }
    memmove(&query->candidates[place + 1], &query->candidates[place],
            (query->n - place) * sizeof(*candidate));
    query->candidates[place] = *candidate;
    query->n++;
    return true;
}

/* Those that turned out not to be there do not count. */
static bool is_crowded(const struct dbr_dht_query *query, unsigned path, uint64_t group)
{
    uint32_t n = 0;
    if (group == 0 || query->limits.per_group == 0) {
        return false;
    }
    for (size_t i = 0; i < query->n && n < query->limits.per_group; i++) {
        const struct dbr_dht_candidate *candidate = &query->candidates[i];
        n += candidate->group == group && candidate->state != FAILED &&
             is_on(candidate, path);
    }
    return n >= query->limits.per_group;
}

static void learn(struct dbr_dht_query *query, const struct dbr_dht_named *named,
                  unsigned path, uint8_t hops)
{
    struct dbr_dht_candidate fresh = {.key = named->key,
                                      .id = named->id,
                                      .paths = (uint8_t)(1u << path),
                                      .hops = hops,
                                      .hint = named->hint,
                                      .group = named->group};
    if (dbr_peer_id_equal(&named->id, &query->self)) {
        query->stats.junk++;
        return;
    }
    size_t place = place_of(query, &fresh.key);
    struct dbr_dht_candidate *known = candidate_at(query, place, &fresh.key);
    if (known != NULL && named->hint != 0) {
        known->hint = named->hint;
        known->state = known->state == FAILED && known->tries < TRIES_MAX ? NEW
                                                                           : known->state;
    }
    if (known != NULL && is_on(known, path)) {
        return;
    }
    if (known == NULL && is_crowded(query, path, named->group)) {
        query->stats.crowd++;
        return;
    }
    if (!make_room(query, path, place)) {
        return;
    }
    if (known != NULL) {
        known->paths |= fresh.paths;
        query->known[path]++;
    } else if (insert(query, place, &fresh)) { /* short memory forgets it */
        query->known[path]++;
    }
}

/* ---- How far it is -------------------------------------------------------------------
 */

/* Whoever is slow is waited for only where nobody else is left. */
static bool is_path_over(const struct dbr_dht_query *query, unsigned path)
{
    uint32_t answered = 0;
    bool some_slow = false;
    for (size_t i = 0; i < query->n && answered < query->limits.beta; i++) {
        const struct dbr_dht_candidate *candidate = &query->candidates[i];
        if (!is_on(candidate, path)) {
            continue;
        }
        if (candidate->state == NEW || candidate->state == ASKED) {
            return false;
        }
        some_slow = some_slow || candidate->state == SLOW;
        answered += candidate->state == ANSWERED;
    }
    return answered >= query->limits.beta || !some_slow;
}

/* Whether k have answered, with none between them who may still do so. */
static bool is_complete(const struct dbr_dht_query *query)
{
    uint32_t answered = 0;
    bool some_slow = false;
    for (size_t i = 0; i < query->n && answered < query->limits.k; i++) {
        const struct dbr_dht_candidate *candidate = &query->candidates[i];
        if (candidate->state == NEW || candidate->state == ASKED) {
            return false;
        }
        some_slow = some_slow || candidate->state == SLOW;
        answered += candidate->state == ANSWERED;
    }
    return answered >= query->limits.beta || !some_slow;
}

/* Before the end: whoever stands among the beta closest and did not answer once may have
 * had a bad moment. True: somebody is to be asked again. */
static bool give_another_chance(struct dbr_dht_query *query)
{
    bool again = false;
    for (size_t i = 0; i < query->n && i < query->limits.beta; i++) {
        struct dbr_dht_candidate *candidate = &query->candidates[i];
        if ((candidate->state == SLOW || candidate->state == FAILED) &&
            candidate->tries < 2) {
            candidate->state = NEW;
            again = true;
        }
    }
    return again;
}

static void settle(struct dbr_dht_query *query)
{
    bool all = true;
    for (unsigned path = 0; path < query->limits.paths && !query->is_completing; path++) {
        query->is_over[path] = query->is_over[path] || is_path_over(query, path);
        all = all && query->is_over[path];
    }
    query->is_completing = query->is_completing || all;
    if (query->is_completing && !query->is_done && is_complete(query) &&
        !give_another_chance(query)) {
        dbr_dht_query_stop(query);
    }
}

void dbr_dht_query_stop(struct dbr_dht_query *query)
{
    const struct dbr_dht_candidate *closest = dbr_dht_query_result(query, 0);
    query->stats.hops = closest != NULL ? closest->hops : 0;
    query->is_done = true;
}

/* ---- In ------------------------------------------------------------------------------
 */

void dbr_dht_query_seed(struct dbr_dht_query *query, const struct dbr_dht_named *peers,
                        size_t n)
{
    for (size_t i = 0; i < n; i++) {
        learn(query, &peers[i], (unsigned)(i % query->limits.paths), 1);
    }
    settle(query);
}

/* True when it was asked and may still answer. */
static bool land(struct dbr_dht_query *query, struct dbr_dht_candidate *candidate,
                 enum state state)
{
    if (candidate == NULL || query->is_done ||
        (candidate->state != ASKED && candidate->state != SLOW)) {
        return false;
    }
    if (candidate->state == ASKED) {
        query->flying[candidate->path]--;
    }
    candidate->state = (uint8_t)state;
    return true;
}

bool dbr_dht_query_answered(struct dbr_dht_query *query, const struct dbr_peer_id *from,
                            const struct dbr_dht_named *closer, size_t n)
{
    struct dbr_dht_candidate *candidate = candidate_of(query, from);
    if (!land(query, candidate, ANSWERED)) {
        return false;
    }
    unsigned path = candidate->path;
    uint8_t hops = (uint8_t)(candidate->hops + (candidate->hops < UINT8_MAX));
    query->stats.answered++;
    if (n > query->limits.k) {
        query->stats.excess += (uint32_t)(n - query->limits.k);
        n = query->limits.k;
    }
    for (size_t i = 0; i < n; i++) { /* moves the candidates */
        if (dbr_peer_id_equal(&closer[i].id, from)) {
            query->stats.junk++;
        } else {
            learn(query, &closer[i], path, hops);
        }
    }
    settle(query);
    return true;
}

bool dbr_dht_query_failed(struct dbr_dht_query *query, const struct dbr_peer_id *peer)
{
    if (!land(query, candidate_of(query, peer), FAILED)) {
        return false;
    }
    query->stats.failed++;
    settle(query);
    return true;
}

/* ---- Out -----------------------------------------------------------------------------
 */

static uint32_t flying(const struct dbr_dht_query *query)
{
    uint32_t n = 0;
    for (unsigned path = 0; path < query->limits.paths; path++) {
        n += query->flying[path];
    }
    return n;
}

/* Of the k closest on one path, or on all for path == paths. */
static struct dbr_dht_candidate *first_new(const struct dbr_dht_query *query,
                                           unsigned path)
{
    uint32_t n = 0;
    for (size_t i = 0; i < query->n && n < query->limits.k; i++) {
        struct dbr_dht_candidate *candidate = &query->candidates[i];
        if (path == query->limits.paths || is_on(candidate, path)) {
            if (candidate->state == NEW) {
                return candidate;
            }
            n += candidate->state == ANSWERED || candidate->state == ASKED;
        }
    }
    return NULL;
}

static void ask(struct dbr_dht_query *query, struct dbr_dht_candidate *candidate,
                unsigned path, dbr_time now)
{
    candidate->state = ASKED;
    candidate->path = (uint8_t)path;
    candidate->asked = now;
    candidate->tries++;
    query->wake = dbr_time_min(query->wake, dbr_time_add(now, query->limits.slow_ms));
    query->flying[path]++;
    query->stats.asked++;
}

static unsigned some_path(const struct dbr_dht_candidate *candidate)
{
    unsigned path = 0;
    while (!is_on(candidate, path)) {
        path++;
    }
    return path;
}

static const struct dbr_dht_candidate *next_completing(struct dbr_dht_query *query,
                                                       dbr_time now)
{
    struct dbr_dht_candidate *candidate = NULL;
    if (flying(query) < query->limits.alpha) {
        candidate = first_new(query, query->limits.paths);
    }
    if (candidate != NULL) {
        ask(query, candidate, some_path(candidate), now);
    }
    return candidate;
}

const struct dbr_dht_candidate *dbr_dht_query_next(struct dbr_dht_query *query,
                                                   dbr_time now)
{
    const struct dbr_dht_query_limits *limits = &query->limits;
    uint32_t each = limits->alpha / limits->paths;
    if (query->is_done || query->is_completing) {
        return query->is_done ? NULL : next_completing(query, now);
    }
    for (unsigned path = 0; path < limits->paths; path++) {
        uint32_t share = each + (path < limits->alpha % limits->paths);
        struct dbr_dht_candidate *candidate = NULL;
        if (!query->is_over[path] && query->flying[path] < (share > 0 ? share : 1)) {
            candidate = first_new(query, path);
        }
        if (candidate != NULL) {
            ask(query, candidate, path, now);
            return candidate;
        }
    }
    return NULL;
}

const struct dbr_dht_candidate *dbr_dht_query_result(const struct dbr_dht_query *query,
                                                     size_t i)
{
    for (size_t at = 0; at < query->n && i < query->limits.k; at++) {
        if (query->candidates[at].state == ANSWERED && i-- == 0) {
            return &query->candidates[at];
        }
    }
    return NULL;
}

/* ---- Time ----------------------------------------------------------------------------
 */

dbr_time dbr_dht_query_deadline(const struct dbr_dht_query *query)
{
    return query->is_done ? DBR_TIME_NEVER : query->wake;
}

static void grow_old(struct dbr_dht_query *query, struct dbr_dht_candidate *candidate,
                     dbr_time now)
{
    dbr_time slow = dbr_time_add(candidate->asked, query->limits.slow_ms);
    dbr_time failed = dbr_time_add(candidate->asked, query->limits.request_ms);
    if (candidate->state == ASKED && slow <= now) {
        candidate->state = SLOW;
        query->flying[candidate->path]--;
    }
    if (candidate->state == SLOW && failed <= now) {
        candidate->state = FAILED;
        query->stats.failed++;
    }
    query->wake = candidate->state == ASKED  ? dbr_time_min(query->wake, slow)
                  : candidate->state == SLOW ? dbr_time_min(query->wake, failed)
                                             : query->wake;
}

void dbr_dht_query_expire(struct dbr_dht_query *query, dbr_time now)
{
    if (query->is_done || query->wake > now) {
        return;
    }
    query->wake = query->end;
    for (size_t i = 0; i < query->n; i++) {
        grow_old(query, &query->candidates[i], now);
    }
    settle(query);
    if (!query->is_done && query->end <= now) {
        dbr_dht_query_stop(query);
    }
}
