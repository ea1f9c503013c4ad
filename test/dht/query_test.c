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

static struct fixture f;
static struct dbr_dht_named peers[200];
static struct dbr_peer_id asked[40];

static void begin(uint64_t target, uint32_t paths)
{
    f = (struct fixture){.now = 1000, .self = peer_of(SELF), .target = key_of(target)};
    dbr_dht_query_limits_default(&f.limits);
    f.limits.paths = paths;
    dbr_dht_query_init(&f.query, &f.limits, &f.target, &f.self, f.now);
}

static int end(void **state)
{
    (void)state;
    dbr_dht_query_finish(&f.query);
    return 0;
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
static void sorted(struct dbr_dht_named *out, uint64_t first, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = named(first + i, 0);
    }
    sort_target = &f.target;
    qsort(out, n, sizeof(*out), by_distance);
}

/* `peers` are the first `n`; the query begins with those of them from `from` on, who are
 * the furthest. */
static void seed(size_t n, size_t from, uint32_t paths)
{
    begin(0, paths);
    sorted(peers, 1, n);
    dbr_dht_query_seed(&f.query, peers + from, n - from);
}

static bool answered(const struct dbr_peer_id *from, const struct dbr_dht_named *closer,
                     size_t n)
{
    return dbr_dht_query_answered(&f.query, from, closer, n);
}

static bool failed(const struct dbr_peer_id *peer)
{
    return dbr_dht_query_failed(&f.query, peer);
}

static bool is_done(void)
{
    return dbr_dht_query_is_done(&f.query);
}

static void assert_result(size_t i, const struct dbr_dht_named *peer)
{
    assert_memory_equal(&dbr_dht_query_result(&f.query, i)->id, &peer->id,
                        sizeof(peer->id));
}

static void assert_closest_twenty(const struct dbr_dht_named *all)
{
    assert_true(is_done());
    for (size_t i = 0; i < 20; i++) {
        assert_result(i, &all[i]);
    }
}

static bool next(struct dbr_peer_id *out)
{
    const struct dbr_dht_candidate *candidate = dbr_dht_query_next(&f.query, f.now);
    if (candidate != NULL) {
        *out = candidate->id;
    }
    return candidate != NULL;
}

static size_t ask_all(struct dbr_peer_id *out, size_t max)
{
    size_t n = 0;
    while (n < max && next(&out[n])) {
        n++;
    }
    return n;
}

/* Among the first `n` of `peers`; n: it is none of them. */
static size_t place_of(size_t n, const struct dbr_peer_id *id)
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
    struct dbr_peer_id peer;
    begin(0, 1);
    dbr_dht_query_seed(&f.query, NULL, 0);
    assert_true(is_done());
    assert_false(next(&peer));
    assert_null(dbr_dht_query_result(&f.query, 0));
    assert_int_equal(dbr_dht_query_deadline(&f.query), DBR_TIME_NEVER);
}

static void alpha_are_asked_the_closest_first(void **state)
{
    (void)state;
    seed(30, 0, 1);
    assert_int_equal(ask_all(asked, 40), 10);
    for (size_t i = 0; i < 10; i++) {
        assert_memory_equal(&asked[i], &peers[i].id, sizeof(asked[i]));
    }
    assert_true(answered(&asked[4], NULL, 0));
    assert_false(answered(&asked[4], NULL, 0)); /* once */
    assert_false(failed(&asked[4]));
    assert_false(answered(&peers[20].id, NULL, 0));
    assert_int_equal(ask_all(asked, 40), 1);
    assert_memory_equal(&asked[0], &peers[10].id, sizeof(asked[0]));
}

/* Three of the closest, then the others of the closest twenty, then it is over. */
static void after_beta_the_set_is_completed(void **state)
{
    (void)state;
    seed(40, 0, 1);
    assert_int_equal(ask_all(asked, 40), 10);
    for (size_t i = 0; i < 3; i++) {
        assert_false(f.query.is_completing);
        assert_true(answered(&asked[i], NULL, 0));
    }
    assert_true(f.query.is_completing);
    size_t n_asked = 10;
    for (size_t i = 3; i < 20; i++) {
        assert_false(is_done());
        n_asked += ask_all(asked, 40);
        assert_true(answered(&peers[i].id, NULL, 0));
    }
    assert_true(is_done());
    assert_int_equal(n_asked, 20);
    assert_closest_twenty(peers);
    assert_null(dbr_dht_query_result(&f.query, 20));
}

static void who_fails_is_replaced(void **state)
{
    (void)state;
    struct dbr_peer_id peer;
    seed(40, 0, 1);
    while (next(&peer)) {
        bool ok = place_of(40, &peer) % 2 == 0
                      ? failed(&peer)
                      : answered(&peer, NULL, 0);
        assert_true(ok);
    }
    assert_true(is_done());
    assert_int_equal(f.query.stats.failed, 20 + 2); /* two of the closest three, twice */
    for (size_t i = 0; i < 20; i++) {
        assert_result(i, &peers[2 * i + 1]);
    }
}

/* ---- Time ----------------------------------------------------------------------------
 */

static void whoever_is_slow_holds_nobody_up(void **state)
{
    (void)state;
    seed(40, 0, 1);
    assert_int_equal(ask_all(asked, 40), 10);
    assert_int_equal(dbr_dht_query_deadline(&f.query), 3000);
    answered(&peers[3].id, NULL, 0);
    answered(&peers[4].id, NULL, 0);
    f.now = 3000;
    dbr_dht_query_expire(&f.query, f.now);
    assert_int_equal(ask_all(asked, 40), 10); /* as if they were not there */
    for (size_t i = 10; i < 20; i++) {
        assert_true(answered(&peers[i].id, NULL, 0));
    }
    assert_true(f.query.is_completing);
    assert_true(answered(&peers[0].id, NULL, 0)); /* late */
    struct dbr_peer_id peer;
    size_t again = 0;
    while (next(&peer)) {
        if (place_of(3, &peer) < 3) { /* before the end, the closest once more */
            again++;
            failed(&peer);
        } else {
            answered(&peer, NULL, 0);
        }
    }
    assert_int_equal(again, 2);
    assert_true(is_done());
    assert_result(0, &peers[0]);
    assert_result(1, &peers[3]);
}

static void the_last_one_is_waited_for_twice_ten_seconds(void **state)
{
    (void)state;
    struct dbr_dht_named one = named(1, 0);
    struct dbr_peer_id peer;
    begin(0, 1);
    dbr_dht_query_seed(&f.query, &one, 1);
    assert_true(next(&peer));
    dbr_dht_query_expire(&f.query, 10999);
    assert_false(is_done());
    assert_int_equal(dbr_dht_query_deadline(&f.query), 11000);
    dbr_dht_query_expire(&f.query, 11000);
    f.now = 11000;
    assert_true(next(&peer)); /* once more */
    dbr_dht_query_expire(&f.query, 20999);
    assert_false(is_done());
    dbr_dht_query_expire(&f.query, 21000);
    assert_true(is_done());
    assert_int_equal(f.query.stats.failed, 2);
}

/* Each peer answers, just before it is given up, with others that are even closer. */
static void the_whole_takes_a_minute_at_most(void **state)
{
    (void)state;
    begin(0, 1);
    f.query.limits.slow_ms = 10000;
    sorted(peers, 1, 200);
    dbr_dht_query_seed(&f.query, peers + 199, 1);
    size_t last = 199;
    while (!is_done()) {
        size_t n = ask_all(asked, 40);
        f.now += 9000;
        for (size_t i = 0; i < n; i++) {
            last--;
            answered(&asked[i], &peers[last], 1);
        }
        dbr_dht_query_expire(&f.query, f.now);
        assert_true(f.now <= 70000);
    }
    assert_true(f.now >= 61000);
    assert_non_null(dbr_dht_query_result(&f.query, 0)); /* what there is */
}

/* ---- What answers may do -------------------------------------------------------------
 */

static void an_answer_is_bounded_and_counted(void **state)
{
    (void)state;
    seed(60, 59, 1);
    assert_true(next(asked));
    peers[0] = named(SELF, 0);
    peers[1] = peers[59];
    answered(asked, peers, 59);
    assert_int_equal(f.query.stats.excess, 39);
    assert_int_equal(f.query.stats.junk, 2);
    assert_int_equal(f.query.n, 1 + 18);
}

static void the_furthest_is_forgotten_first(void **state)
{
    (void)state;
    begin(0, 1);
    f.query.limits.candidates = 25;
    sorted(peers, 1, 100);
    dbr_dht_query_seed(&f.query, peers + 75, 25);
    assert_int_equal(ask_all(asked, 40), 10);
    answered(&asked[0], peers + 90, 10); /* known or further */
    answered(&asked[1], peers, 20);
    assert_int_equal(f.query.n, 25); /* ten asked ones stay, and fifteen came */
    assert_int_equal(f.query.known[0], 25);
    assert_memory_equal(&f.query.candidates[0].id, &peers[0].id, sizeof(peers[0].id));
}

static void few_of_an_ip_group_are_candidates(void **state)
{
    (void)state;
    begin(0, 1);
    sorted(peers, 1, 20);
    for (size_t i = 0; i < 20; i++) {
        peers[i].group = i < 10 ? 7 : 0; /* 0 is exempt */
    }
    dbr_dht_query_seed(&f.query, peers, 20);
    assert_int_equal(f.query.n, 3 + 10);
    assert_int_equal(f.query.stats.crowd, 7);
    /* One who is not there leaves room for another. */
    assert_int_equal(ask_all(asked, 40), 10);
    assert_true(failed(&asked[0]));
    assert_true(answered(&asked[5], &peers[3], 2));
    assert_int_equal(f.query.n, 3 + 10 + 1);
}

/* A liar told a wrong address of somebody first. */
static void another_address_is_another_try(void **state)
{
    (void)state;
    seed(3, 0, 1);
    assert_int_equal(ask_all(asked, 40), 3);
    assert_true(failed(&peers[0].id));
    peers[0].hint = 0;
    assert_true(answered(&peers[1].id, peers, 1));
    assert_int_equal(ask_all(asked, 40), 0); /* that was nothing new */
    peers[0].hint = 5;
    assert_true(answered(&peers[2].id, peers, 1));
    assert_int_equal(ask_all(asked, 40), 1);
    assert_memory_equal(&asked[0], &peers[0].id, sizeof(asked[0]));
    assert_int_equal(dbr_dht_query_find(&f.query, &peers[0].key)->hint, 5);
    assert_true(answered(&peers[0].id, NULL, 0));
    assert_true(is_done());
}

/* ---- Disjoint paths ------------------------------------------------------------------
 */

static void a_peer_is_asked_on_one_path_only(void **state)
{
    (void)state;
    seed(40, 20, 4);
    size_t n = ask_all(asked, 40);
    assert_int_equal(n, 10); /* 3, 3, 2, 2 */
    assert_int_equal(f.query.flying[0], 3);
    assert_int_equal(f.query.flying[3], 2);
    for (size_t i = 0; i < n; i++) { /* all tell of the same closest peers */
        assert_true(answered(&asked[i], peers, 20));
    }
    size_t more;
    while ((more = ask_all(asked + n, 40 - n)) > 0) {
        for (size_t i = n; i < n + more; i++) {
            assert_true(answered(&asked[i], NULL, 0));
        }
        n += more;
    }
    assert_true(is_done());
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++) {
            assert_false(dbr_peer_id_equal(&asked[i], &asked[k]));
        }
    }
    assert_closest_twenty(peers);
}

/* Who stands on one path names only friends that are not there: as many as it likes. The
 * other paths find what there is. */
static void a_liar_spoils_its_own_path(void **state)
{
    (void)state;
    struct dbr_dht_named lies[2000];
    size_t told = 0;
    begin(0, 4);
    sorted(peers, 1, 40);
    sorted(lies, 200000, 2000); /* the closest are closer than any real one */
    dbr_dht_query_seed(&f.query, peers + 36, 4);
    while (!is_done()) {
        size_t n = ask_all(asked, 40);
        for (size_t i = 0; i < n; i++) {
            size_t at = place_of(40, &asked[i]);
            if (at == 36) {
                answered(&asked[i], lies + told, 20);
                told += 20;
            } else if (at < 40) {
                answered(&asked[i], peers, 20);
            } else {
                failed(&asked[i]);
            }
        }
        assert_true(n > 0);
    }
    assert_closest_twenty(peers);
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
            struct dbr_dht_named closer[20];
        struct dbr_peer_id peer;
        dbr_dht_query_finish(&f.query);
        begin(5000 + i, i % 2 == 0 ? 1 : 4);
        size_t n = closest_of(&network->tables[i], closer, &f.target);
        dbr_dht_query_seed(&f.query, closer, n);
        while (next(&peer)) {
            n = closest_of(table_of(network, &peer), closer, &f.target);
            assert_true(answered(&peer, closer, n));
        }
        assert_true(is_done());
        sorted(network->all, 1, NODES);
        for (size_t k = 0; k < 20; k++) {
            assert_memory_equal(&dbr_dht_query_result(&f.query, k)->id,
                                &network->all[k].id, sizeof(peer));
        }
        assert_true(f.query.stats.hops <= 10); /* log2(400), and one */
        assert_true(f.query.stats.asked <= 80);
    }
    for (size_t i = 0; i < NODES; i++) {
        dbr_dht_table_finish(&network->tables[i]);
    }
    free(network);
}

static void short_memory_forgets_candidates(void **state)
{
    (void)state;
    begin(0, 1);
    sorted(peers, 1, 40);
    fault_after(1);
    dbr_dht_query_seed(&f.query, peers, 40);
    assert_true(fault_off());
    assert_int_equal(f.query.n, 32);
    assert_false(is_done());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(nobody_to_ask_is_an_end, end),
        cmocka_unit_test_teardown(alpha_are_asked_the_closest_first, end),
        cmocka_unit_test_teardown(after_beta_the_set_is_completed, end),
        cmocka_unit_test_teardown(who_fails_is_replaced, end),
        cmocka_unit_test_teardown(whoever_is_slow_holds_nobody_up, end),
        cmocka_unit_test_teardown(the_last_one_is_waited_for_twice_ten_seconds, end),
        cmocka_unit_test_teardown(the_whole_takes_a_minute_at_most, end),
        cmocka_unit_test_teardown(an_answer_is_bounded_and_counted, end),
        cmocka_unit_test_teardown(the_furthest_is_forgotten_first, end),
        cmocka_unit_test_teardown(few_of_an_ip_group_are_candidates, end),
        cmocka_unit_test_teardown(another_address_is_another_try, end),
        cmocka_unit_test_teardown(a_peer_is_asked_on_one_path_only, end),
        cmocka_unit_test_teardown(a_liar_spoils_its_own_path, end),
        cmocka_unit_test_teardown(lookups_find_the_closest_twenty, end),
        cmocka_unit_test_teardown(short_memory_forgets_candidates, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
