#include "dht/query.h"

#include "dht/table.h"
#include "fault.h"
#include "peers.h"
#include "test.h"

#define SELF 100000 /* the number of who looks up */

struct fixture {
    struct dbr_dht_query query;
    struct dbr_dht_query_limits limits;
    struct dbr_dht_key target;
    struct dbr_peer_id self;
    dbr_time now;
};

static void begin(struct fixture *f, uint64_t target, uint32_t paths)
{
    *f = (struct fixture){.now = 1000, .self = peer_of(SELF), .target = key_of(target)};
    dbr_dht_query_limits_default(&f->limits);
    f->limits.paths = paths;
    dbr_dht_query_init(&f->query, &f->limits, &f->target, &f->self, f->now);
}

static struct dbr_dht_named named(uint64_t number, uint64_t group)
{
    return (struct dbr_dht_named){
        .key = key_of(number), .id = peer_of(number), .group = group};
}

static const struct dbr_dht_key *sort_target;

static int by_distance(const void *a, const void *b)
{
    return dbr_dht_key_compare(sort_target, &((const struct dbr_dht_named *)a)->key,
                               &((const struct dbr_dht_named *)b)->key);
}

/* The peers `first` to `first + n - 1`, the closest to the target first. */
static void sorted(struct fixture *f, struct dbr_dht_named *out, uint64_t first, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = named(first + i, 0);
    }
    sort_target = &f->target;
    qsort(out, n, sizeof(*out), by_distance);
}

static bool next(struct fixture *f, struct dbr_peer_id *out)
{
    const struct dbr_dht_candidate *candidate = dbr_dht_query_next(&f->query, f->now);
    if (candidate != NULL) {
        *out = candidate->id;
    }
    return candidate != NULL;
}

static size_t ask_all(struct fixture *f, struct dbr_peer_id *out, size_t max)
{
    size_t n = 0;
    while (n < max && next(f, &out[n])) {
        n++;
    }
    return n;
}

static size_t place_of(const struct dbr_dht_named *peers, size_t n,
                       const struct dbr_peer_id *id)
{
    size_t at = 0;
    while (at < n && !dbr_peer_id_equal(&peers[at].id, id)) {
        at++;
    }
    return at;
}

static void nobody_to_ask_is_an_end(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_peer_id peer;
    begin(&f, 0, 1);
    dbr_dht_query_seed(&f.query, NULL, 0);
    assert_true(dbr_dht_query_is_done(&f.query));
    assert_false(next(&f, &peer));
    assert_null(dbr_dht_query_result(&f.query, 0));
    assert_int_equal(dbr_dht_query_deadline(&f.query), DBR_TIME_NEVER);
    dbr_dht_query_finish(&f.query);
}

static void alpha_are_asked_the_closest_first(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_dht_named peers[30];
    struct dbr_peer_id asked[30];
    begin(&f, 0, 1);
    sorted(&f, peers, 1, 30);
    dbr_dht_query_seed(&f.query, peers, 30);
    assert_int_equal(ask_all(&f, asked, 30), 10);
    for (size_t i = 0; i < 10; i++) {
        assert_memory_equal(&asked[i], &peers[i].id, sizeof(asked[i]));
    }
    assert_true(dbr_dht_query_answered(&f.query, &asked[4], NULL, 0));
    assert_false(dbr_dht_query_answered(&f.query, &asked[4], NULL, 0)); /* once */
    assert_false(dbr_dht_query_failed(&f.query, &asked[4]));
    assert_false(dbr_dht_query_answered(&f.query, &peers[20].id, NULL, 0));
    assert_int_equal(ask_all(&f, asked, 30), 1);
    assert_memory_equal(&asked[0], &peers[10].id, sizeof(asked[0]));
    dbr_dht_query_finish(&f.query);
}

/* Three of the closest, then the others of the closest twenty, then it is over. */
static void after_beta_the_set_is_completed(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_dht_named peers[40];
    struct dbr_peer_id asked[40];
    begin(&f, 0, 1);
    sorted(&f, peers, 1, 40);
    dbr_dht_query_seed(&f.query, peers, 40);
    assert_int_equal(ask_all(&f, asked, 40), 10);
    for (size_t i = 0; i < 3; i++) {
        assert_false(f.query.is_completing);
        assert_true(dbr_dht_query_answered(&f.query, &asked[i], NULL, 0));
    }
    assert_true(f.query.is_completing);
    size_t n_asked = 10;
    for (size_t i = 3; i < 20; i++) {
        assert_false(dbr_dht_query_is_done(&f.query));
        n_asked += ask_all(&f, asked, 40);
        assert_true(dbr_dht_query_answered(&f.query, &peers[i].id, NULL, 0));
    }
    assert_true(dbr_dht_query_is_done(&f.query));
    assert_int_equal(n_asked, 20);
    for (size_t i = 0; i < 20; i++) {
        assert_memory_equal(&dbr_dht_query_result(&f.query, i)->id, &peers[i].id,
                            sizeof(peers[i].id));
    }
    assert_null(dbr_dht_query_result(&f.query, 20));
    dbr_dht_query_finish(&f.query);
}

static void who_fails_is_replaced(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_dht_named peers[40];
    struct dbr_peer_id peer;
    begin(&f, 0, 1);
    sorted(&f, peers, 1, 40);
    dbr_dht_query_seed(&f.query, peers, 40);
    while (next(&f, &peer)) {
        bool ok = place_of(peers, 40, &peer) % 2 == 0
                      ? dbr_dht_query_failed(&f.query, &peer)
                      : dbr_dht_query_answered(&f.query, &peer, NULL, 0);
        assert_true(ok);
    }
    assert_true(dbr_dht_query_is_done(&f.query));
    assert_int_equal(f.query.stats.failed, 20 + 2); /* two of the closest three, twice */
    for (size_t i = 0; i < 20; i++) {
        assert_memory_equal(&dbr_dht_query_result(&f.query, i)->id, &peers[2 * i + 1].id,
                            sizeof(peers[0].id));
    }
    dbr_dht_query_finish(&f.query);
}

/* ---- Time ----------------------------------------------------------------------------
 */

static void whoever_is_slow_holds_nobody_up(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_dht_named peers[40];
    struct dbr_peer_id asked[40];
    begin(&f, 0, 1);
    sorted(&f, peers, 1, 40);
    dbr_dht_query_seed(&f.query, peers, 40);
    assert_int_equal(ask_all(&f, asked, 40), 10);
    assert_int_equal(dbr_dht_query_deadline(&f.query), 3000);
    dbr_dht_query_answered(&f.query, &peers[3].id, NULL, 0);
    dbr_dht_query_answered(&f.query, &peers[4].id, NULL, 0);
    f.now = 3000;
    dbr_dht_query_expire(&f.query, f.now);
    assert_int_equal(ask_all(&f, asked, 40), 10); /* as if they were not there */
    for (size_t i = 10; i < 20; i++) {
        assert_true(dbr_dht_query_answered(&f.query, &peers[i].id, NULL, 0));
    }
    assert_true(f.query.is_completing);
    assert_true(dbr_dht_query_answered(&f.query, &peers[0].id, NULL, 0)); /* late */
    struct dbr_peer_id peer;
    size_t again = 0;
    while (next(&f, &peer)) {
        if (place_of(peers, 3, &peer) < 3) { /* before the end, the closest once more */
            again++;
            dbr_dht_query_failed(&f.query, &peer);
        } else {
            dbr_dht_query_answered(&f.query, &peer, NULL, 0);
        }
    }
    assert_int_equal(again, 2);
    assert_true(dbr_dht_query_is_done(&f.query));
    assert_memory_equal(&dbr_dht_query_result(&f.query, 0)->id, &peers[0].id,
                        sizeof(peer));
    assert_memory_equal(&dbr_dht_query_result(&f.query, 1)->id, &peers[3].id,
                        sizeof(peer));
    dbr_dht_query_finish(&f.query);
}

static void the_last_one_is_waited_for_twice_ten_seconds(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_dht_named one = named(1, 0);
    struct dbr_peer_id peer;
    begin(&f, 0, 1);
    dbr_dht_query_seed(&f.query, &one, 1);
    assert_true(next(&f, &peer));
    dbr_dht_query_expire(&f.query, 10999);
    assert_false(dbr_dht_query_is_done(&f.query));
    assert_int_equal(dbr_dht_query_deadline(&f.query), 11000);
    dbr_dht_query_expire(&f.query, 11000);
    f.now = 11000;
    assert_true(next(&f, &peer)); /* once more */
    dbr_dht_query_expire(&f.query, 20999);
    assert_false(dbr_dht_query_is_done(&f.query));
    dbr_dht_query_expire(&f.query, 21000);
    assert_true(dbr_dht_query_is_done(&f.query));
    assert_int_equal(f.query.stats.failed, 2);
    dbr_dht_query_finish(&f.query);
}

/* Each peer answers, just before it is given up, with others that are even closer. */
static void the_whole_takes_a_minute_at_most(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_dht_named peers[200];
    struct dbr_peer_id asked[10];
    begin(&f, 0, 1);
    f.query.limits.slow_ms = 10000;
    sorted(&f, peers, 1, 200);
    dbr_dht_query_seed(&f.query, peers + 199, 1);
    size_t last = 199;
    while (!dbr_dht_query_is_done(&f.query)) {
        size_t n = ask_all(&f, asked, 10);
        f.now += 9000;
        for (size_t i = 0; i < n; i++) {
            last--;
            dbr_dht_query_answered(&f.query, &asked[i], &peers[last], 1);
        }
        dbr_dht_query_expire(&f.query, f.now);
        assert_true(f.now <= 70000);
    }
    assert_true(f.now >= 61000);
    assert_non_null(dbr_dht_query_result(&f.query, 0)); /* what there is */
    dbr_dht_query_finish(&f.query);
}

/* ---- What answers may do -------------------------------------------------------------
 */

static void an_answer_is_bounded_and_counted(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_dht_named peers[60];
    struct dbr_peer_id asked;
    begin(&f, 0, 1);
    sorted(&f, peers, 1, 60);
    dbr_dht_query_seed(&f.query, peers + 59, 1);
    assert_true(next(&f, &asked));
    peers[0] = named(SELF, 0);
    peers[1] = peers[59];
    dbr_dht_query_answered(&f.query, &asked, peers, 59);
    assert_int_equal(f.query.stats.excess, 39);
    assert_int_equal(f.query.stats.junk, 2);
    assert_int_equal(f.query.n, 1 + 18);
    dbr_dht_query_finish(&f.query);
}

static void the_furthest_is_forgotten_first(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_dht_named peers[100];
    struct dbr_peer_id asked[30];
    begin(&f, 0, 1);
    f.query.limits.candidates = 25;
    sorted(&f, peers, 1, 100);
    dbr_dht_query_seed(&f.query, peers + 75, 25);
    assert_int_equal(ask_all(&f, asked, 30), 10);
    dbr_dht_query_answered(&f.query, &asked[0], peers + 90, 10); /* known or further */
    dbr_dht_query_answered(&f.query, &asked[1], peers, 20);
    assert_int_equal(f.query.n, 25); /* ten asked ones stay, and fifteen came */
    assert_int_equal(f.query.known[0], 25);
    assert_memory_equal(&f.query.candidates[0].id, &peers[0].id, sizeof(peers[0].id));
    dbr_dht_query_finish(&f.query);
}

static void few_of_an_ip_group_are_candidates(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_dht_named peers[20];
    struct dbr_peer_id asked[20];
    begin(&f, 0, 1);
    sorted(&f, peers, 1, 20);
    for (size_t i = 0; i < 20; i++) {
        peers[i].group = i < 10 ? 7 : 0; /* 0 is exempt */
    }
    dbr_dht_query_seed(&f.query, peers, 20);
    assert_int_equal(f.query.n, 3 + 10);
    assert_int_equal(f.query.stats.crowd, 7);
    /* One who is not there leaves room for another. */
    assert_int_equal(ask_all(&f, asked, 20), 10);
    assert_true(dbr_dht_query_failed(&f.query, &asked[0]));
    assert_true(dbr_dht_query_answered(&f.query, &asked[5], &peers[3], 2));
    assert_int_equal(f.query.n, 3 + 10 + 1);
    dbr_dht_query_finish(&f.query);
}

/* A liar told a wrong address of somebody first. */
static void another_address_is_another_try(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_dht_named peers[3];
    struct dbr_peer_id asked[3];
    begin(&f, 0, 1);
    sorted(&f, peers, 1, 3);
    dbr_dht_query_seed(&f.query, peers, 3);
    assert_int_equal(ask_all(&f, asked, 3), 3);
    assert_true(dbr_dht_query_failed(&f.query, &peers[0].id));
    peers[0].hint = 0;
    assert_true(dbr_dht_query_answered(&f.query, &peers[1].id, peers, 1));
    assert_int_equal(ask_all(&f, asked, 3), 0); /* that was nothing new */
    peers[0].hint = 5;
    assert_true(dbr_dht_query_answered(&f.query, &peers[2].id, peers, 1));
    assert_int_equal(ask_all(&f, asked, 3), 1);
    assert_memory_equal(&asked[0], &peers[0].id, sizeof(asked[0]));
    assert_int_equal(dbr_dht_query_find(&f.query, &peers[0].key)->hint, 5);
    assert_true(dbr_dht_query_answered(&f.query, &peers[0].id, NULL, 0));
    assert_true(dbr_dht_query_is_done(&f.query));
    dbr_dht_query_finish(&f.query);
}

/* ---- Disjoint paths ------------------------------------------------------------------
 */

static void a_peer_is_asked_on_one_path_only(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_dht_named peers[40];
    struct dbr_peer_id asked[40];
    begin(&f, 0, 4);
    sorted(&f, peers, 1, 40);
    dbr_dht_query_seed(&f.query, peers + 20, 20);
    size_t n = ask_all(&f, asked, 40);
    assert_int_equal(n, 10); /* 3, 3, 2, 2 */
    assert_int_equal(f.query.flying[0], 3);
    assert_int_equal(f.query.flying[3], 2);
    for (size_t i = 0; i < n; i++) { /* all tell of the same closest peers */
        assert_true(dbr_dht_query_answered(&f.query, &asked[i], peers, 20));
    }
    size_t more;
    while ((more = ask_all(&f, asked + n, 40 - n)) > 0) {
        for (size_t i = n; i < n + more; i++) {
            assert_true(dbr_dht_query_answered(&f.query, &asked[i], NULL, 0));
        }
        n += more;
    }
    assert_true(dbr_dht_query_is_done(&f.query));
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++) {
            assert_false(dbr_peer_id_equal(&asked[i], &asked[k]));
        }
    }
    for (size_t i = 0; i < 20; i++) {
        assert_memory_equal(&dbr_dht_query_result(&f.query, i)->id, &peers[i].id,
                            sizeof(asked[0]));
    }
    dbr_dht_query_finish(&f.query);
}

/* Who stands on one path names only friends that are not there: as many as it likes. The
 * other paths find what there is. */
static void a_liar_spoils_its_own_path(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_dht_named peers[40];
    struct dbr_dht_named lies[2000];
    struct dbr_peer_id asked[10];
    size_t told = 0;
    begin(&f, 0, 4);
    sorted(&f, peers, 1, 40);
    sorted(&f, lies, 200000, 2000); /* the closest are closer than any real one */
    dbr_dht_query_seed(&f.query, peers + 36, 4);
    while (!dbr_dht_query_is_done(&f.query)) {
        size_t n = ask_all(&f, asked, 10);
        for (size_t i = 0; i < n; i++) {
            size_t at = place_of(peers, 40, &asked[i]);
            if (at == 36) {
                dbr_dht_query_answered(&f.query, &asked[i], lies + told, 20);
                told += 20;
            } else if (at < 40) {
                dbr_dht_query_answered(&f.query, &asked[i], peers, 20);
            } else {
                dbr_dht_query_failed(&f.query, &asked[i]);
            }
        }
        assert_true(n > 0);
    }
    for (size_t i = 0; i < 20; i++) {
        assert_memory_equal(&dbr_dht_query_result(&f.query, i)->id, &peers[i].id,
                            sizeof(asked[0]));
    }
    dbr_dht_query_finish(&f.query);
}

/* ---- A whole network -----------------------------------------------------------------
 */

enum { NODES = 400 };

struct network {
    struct dbr_dht_table tables[NODES];
    struct dbr_dht_named all[NODES];
};

static struct network *build(void)
{
    struct network *network = calloc(1, sizeof(*network));
    struct dbr_dht_table_limits limits;
    struct dbr_peer_id check;
    dbr_dht_table_limits_default(&limits);
    assert_non_null(network);
    for (uint64_t i = 0; i < NODES; i++) {
        struct dbr_dht_key own = key_of(i + 1);
        dbr_dht_table_init(&network->tables[i], &own, &limits, 0);
        for (uint64_t k = 0; k < NODES; k++) {
            struct dbr_peer_id id = peer_of((i + k) % NODES + 1);
            (void)dbr_dht_table_add(&network->tables[i], &id, 0, true, 0, &check);
        }
    }
    return network;
}

static size_t closest_of(const struct dbr_dht_table *table, struct dbr_dht_named *out,
                         const struct dbr_dht_key *target)
{
    const struct dbr_dht_entry *entries[20];
    size_t n = dbr_dht_table_closest(table, entries, 20, target, true);
    for (size_t i = 0; i < n; i++) {
        out[i] = (struct dbr_dht_named){.key = entries[i]->key, .id = entries[i]->id};
    }
    return n;
}

static const struct dbr_dht_table *table_of(const struct network *network,
                                            const struct dbr_peer_id *id)
{
    struct dbr_dht_key key;
    dbr_dht_key_of_peer(&key, id);
    for (size_t i = 0; i < NODES; i++) {
        if (dbr_dht_key_equal(&network->tables[i].own, &key)) {
            return &network->tables[i];
        }
    }
    return NULL;
}

static void lookups_find_the_closest_twenty(void **state)
{
    (void)state;
    struct network *network = build();
    for (uint64_t i = 0; i < 60; i++) {
        struct fixture f;
        struct dbr_dht_named closer[20];
        struct dbr_peer_id peer;
        begin(&f, 5000 + i, i % 2 == 0 ? 1 : 4);
        size_t n = closest_of(&network->tables[i], closer, &f.target);
        dbr_dht_query_seed(&f.query, closer, n);
        while (next(&f, &peer)) {
            n = closest_of(table_of(network, &peer), closer, &f.target);
            assert_true(dbr_dht_query_answered(&f.query, &peer, closer, n));
        }
        assert_true(dbr_dht_query_is_done(&f.query));
        sorted(&f, network->all, 1, NODES);
        for (size_t k = 0; k < 20; k++) {
            assert_memory_equal(&dbr_dht_query_result(&f.query, k)->id,
                                &network->all[k].id, sizeof(peer));
        }
        assert_true(f.query.stats.hops <= 10); /* log2(400), and one */
        assert_true(f.query.stats.asked <= 80);
        dbr_dht_query_finish(&f.query);
    }
    for (size_t i = 0; i < NODES; i++) {
        dbr_dht_table_finish(&network->tables[i]);
    }
    free(network);
}

static void short_memory_forgets_candidates(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_dht_named peers[40];
    begin(&f, 0, 1);
    sorted(&f, peers, 1, 40);
    fault_after(1);
    dbr_dht_query_seed(&f.query, peers, 40);
    assert_true(fault_off());
    assert_int_equal(f.query.n, 32);
    assert_false(dbr_dht_query_is_done(&f.query));
    dbr_dht_query_finish(&f.query);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_to_ask_is_an_end),
        cmocka_unit_test(alpha_are_asked_the_closest_first),
        cmocka_unit_test(after_beta_the_set_is_completed),
        cmocka_unit_test(who_fails_is_replaced),
        cmocka_unit_test(whoever_is_slow_holds_nobody_up),
        cmocka_unit_test(the_last_one_is_waited_for_twice_ten_seconds),
        cmocka_unit_test(the_whole_takes_a_minute_at_most),
        cmocka_unit_test(an_answer_is_bounded_and_counted),
        cmocka_unit_test(the_furthest_is_forgotten_first),
        cmocka_unit_test(few_of_an_ip_group_are_candidates),
        cmocka_unit_test(another_address_is_another_try),
        cmocka_unit_test(a_peer_is_asked_on_one_path_only),
        cmocka_unit_test(a_liar_spoils_its_own_path),
        cmocka_unit_test(lookups_find_the_closest_twenty),
        cmocka_unit_test(short_memory_forgets_candidates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
