/* The machine without a route: what waits, what is refused, what ends in time. */
#include "test.h"

#include "crypto/system.h"
#include "sql/sql.h"

static struct dbr_rng rng;
static struct dbr_swarm *swarm;
static struct dbr_sql *sql;
static struct dbr_keypair key;

static int up(void **state)
{
    struct dbr_swarm_protocol protocol = {"/debros/sql/1.0.0", DBR_PEER_CLIENT, 1000,
                                          2000};
    struct dbr_swarm_config config = {
        .identity = &key, .agent = "t", .protocols = &protocol, .n_protocols = 1};
    (void)state;
    dbr_rng_seed(&rng, 1);
    dbr_keypair_generate(&key, &rng);
    dbr_swarm_limits_default(&config.limits);
    struct dbr_sql_config sql_config = {.rng = &rng, .limits = {.pending = 2}};
    assert_int_equal(dbr_swarm_create(&swarm, &config, &rng, 0), 0);
    sql_config.swarm = swarm;
    return dbr_sql_create(&sql, &sql_config);
}

static int down(void **state)
{
    (void)state;
    dbr_sql_destroy(sql);
    dbr_swarm_destroy(swarm);
    return 0;
}

static int exec(uint64_t token, const char *ns, dbr_time deadline)
{
    debros_statement statement = {.sql = "SELECT 1"};
    return dbr_sql_exec(sql, token, ns, &statement, 1, NULL, false, deadline, 0);
}

/* The next answer; fails the test when there is none. */
static void expect_done(uint64_t token, int status)
{
    struct dbr_sql_event event;
    assert_true(dbr_sql_poll(sql, &event));
    assert_int_equal(event.type, DBR_SQL_DONE);
    assert_true(event.token == token);
    assert_int_equal(event.reply->status, status);
    dbr_sql_reply_destroy(event.reply);
}

static void expect_nothing(void)
{
    struct dbr_sql_event event;
    assert_false(dbr_sql_poll(sql, &event));
}

static void a_request_waits_for_a_route_until_its_deadline(void **state)
{
    (void)state;
    assert_int_equal(exec(1, "default", 100), 0);
    dbr_sql_flush(sql, 0);
    expect_nothing();
    assert_true(dbr_sql_deadline(sql) == 100);
    dbr_sql_expire(sql, 99);
    expect_nothing();
    dbr_sql_expire(sql, 100);
    expect_done(1, DEBROS_EUNREACHABLE); /* it never left: nothing can have happened */
}

static void a_full_table_is_ebusy(void **state)
{
    (void)state;
    assert_int_equal(exec(1, "default", 100), 0);
    assert_int_equal(exec(2, "default", 100), 0);
    assert_int_equal(exec(3, "default", 100), DEBROS_EBUSY);
    dbr_sql_cancel(sql, 1);
    expect_done(1, DEBROS_ECANCELED);
    assert_int_equal(exec(4, "default", 100), 0);
    dbr_sql_abort(sql, DEBROS_ECANCELED);
    expect_done(2, DEBROS_ECANCELED);
    expect_done(4, DEBROS_ECANCELED);
    expect_nothing();
}

static void the_clusters_namespace_is_refused(void **state)
{
    (void)state;
    assert_int_equal(exec(1, "_system", 100), 0);
    expect_done(1, DEBROS_EACCES);
}

static void cancel_of_an_unknown_token_does_nothing(void **state)
{
    (void)state;
    dbr_sql_cancel(sql, 99);
    expect_nothing();
}

/* A peer that is not connected is no route: the request waits and tries again. */
static void an_unreachable_route_is_retried(void **state)
{
    struct dbr_peer_id peer = {.len = 1, .bytes = {1}};
    (void)state;
    assert_int_equal(exec(1, "default", 1000), 0);
    dbr_sql_set_route(sql, DBR_SQL_ROUTE_PEER, &peer, 0);
    dbr_sql_flush(sql, 0);
    expect_nothing();
    assert_true(dbr_sql_deadline(sql) == 50); /* retry_ms */
    dbr_sql_flush(sql, 50);
    assert_true(dbr_sql_deadline(sql) == 100);
}

static void a_replica_answers_reads_of_level_none_itself(void **state)
{
    struct dbr_sql_event event;
    debros_statement statement = {.sql = "SELECT 1"};
    (void)state;
    dbr_sql_set_replica(sql, true, true);
    dbr_sql_query(sql, 5, "default", &statement, DEBROS_NONE, 0, false, 100, 0);
    dbr_sql_flush(sql, 0);
    assert_true(dbr_sql_poll(sql, &event));
    assert_int_equal(event.type, DBR_SQL_QUERY);
    assert_int_equal(event.job->timeout_ms, 100);
    event.job->reply = dbr_sql_reply_create();
    dbr_sql_query_done(sql, event.job, 10);
    expect_done(5, 0);
}

static void none(uint64_t token, enum debros_level level, uint32_t freshness,
                 dbr_time now)
{
    debros_statement statement = {.sql = "SELECT 1"};
    dbr_sql_query(sql, token, "default", &statement, level, freshness, false, 5000, now);
    dbr_sql_flush(sql, now);
}

/* A reader gets it, and answers. */
static void expect_job(uint64_t token)
{
    struct dbr_sql_event event;
    assert_true(dbr_sql_poll(sql, &event));
    assert_int_equal(event.type, DBR_SQL_QUERY);
    event.job->reply = dbr_sql_reply_create();
    dbr_sql_query_done(sql, event.job, 10);
    expect_done(token, 0);
}

static void a_bound_of_freshness_refuses_older_state(void **state)
{
    (void)state;
    dbr_sql_set_replica(sql, true, false);
    none(1, DEBROS_NONE, 300, 1000);
    expect_done(1, DEBROS_ESTATE); /* no leader has spoken yet */
    dbr_sql_set_fresh(sql, 1000, 7);
    none(2, DEBROS_NONE, 300, 1010);
    expect_done(2, DEBROS_ESTATE); /* what it said is not in the databases */
    dbr_sql_applied(sql, NULL, 7, 1020);
    none(3, DEBROS_NONE, 300, 1300);
    expect_job(3);
    none(4, DEBROS_NONE, 300, 1301);
    expect_done(4, DEBROS_ESTATE);
    none(5, DEBROS_NONE, 0, 9000);
    expect_job(5); /* any age */
    dbr_sql_set_fresh(sql, 9000, 7);
    none(6, DEBROS_NONE, 300, 9000);
    expect_job(6);
}

static void auto_is_none_without_a_vote_and_weak_with_one(void **state)
{
    (void)state;
    dbr_sql_set_replica(sql, true, false);
    none(1, DEBROS_AUTO, 0, 1000);
    expect_job(1);
    dbr_sql_set_replica(sql, true, true);
    none(2, DEBROS_AUTO, 0, 1000);
    expect_nothing(); /* it asks the leader, whom nobody knows */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_request_waits_for_a_route_until_its_deadline,
                                        up, down),
        cmocka_unit_test_setup_teardown(a_full_table_is_ebusy, up, down),
        cmocka_unit_test_setup_teardown(the_clusters_namespace_is_refused, up, down),
        cmocka_unit_test_setup_teardown(cancel_of_an_unknown_token_does_nothing, up,
                                        down),
        cmocka_unit_test_setup_teardown(an_unreachable_route_is_retried, up, down),
        cmocka_unit_test_setup_teardown(a_replica_answers_reads_of_level_none_itself, up,
                                        down),
        cmocka_unit_test_setup_teardown(a_bound_of_freshness_refuses_older_state, up,
                                        down),
        cmocka_unit_test_setup_teardown(auto_is_none_without_a_vote_and_weak_with_one, up,
                                        down),
    };
    dbr_crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
