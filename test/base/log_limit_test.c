#include <stdio.h>

#include "test.h"

#include "base/log_limit.h"

static struct dbr_log_limit limit;

static bool say(const char *site, const char *peer, const char *message, dbr_time now)
{
    debros_log_record record = {
        .level = DEBROS_LOG_WARN, .module = "swarm", .peer = peer, .message = message};
    return dbr_log_limit_pass(&limit, &record, site, now);
}

static void five_pass_and_the_rest_is_counted(void **state)
{
    static const char site[] = "%d";
    debros_log_record told;
    (void)state;
    memset(&limit, 0, sizeof(limit));
    for (int i = 0; i < 46; i++) {
        assert_true(say(site, "abcd1234", "again", 1000 + (dbr_time)i) == (i < 5));
    }
    assert_true(say(site, "other", "first of another", 1100));
    assert_true(say("another site", "abcd1234", "first of another", 1100));
    assert_int_equal(dbr_log_limit_deadline(&limit), 11000);
    assert_false(dbr_log_limit_poll(&limit, &told, 10999));
    assert_true(dbr_log_limit_poll(&limit, &told, 11000));
    assert_string_equal(told.message, "... 41 more like this in 10 s: again");
    assert_string_equal(told.peer, "abcd1234");
    assert_string_equal(told.module, "swarm");
    assert_int_equal(told.level, DEBROS_LOG_WARN);
    assert_false(dbr_log_limit_poll(&limit, &told, 11000));
    assert_true(dbr_log_limit_deadline(&limit) == DBR_TIME_NEVER);
    assert_true(say(site, "abcd1234", "again", 11001)); /* from the beginning */
}

static void what_is_rare_is_never_held_back(void **state)
{
    debros_log_record told;
    (void)state;
    memset(&limit, 0, sizeof(limit));
    for (dbr_time now = 0; now < 1000000; now += 2000) {
        assert_true(say("site", "", "every two seconds", now));
        assert_false(dbr_log_limit_poll(&limit, &told, now));
    }
}

static void debug_lines_always_pass(void **state)
{
    debros_log_record record = {.level = DEBROS_LOG_DEBUG, .peer = "", .message = ""};
    (void)state;
    memset(&limit, 0, sizeof(limit));
    for (int i = 0; i < 100; i++) {
        assert_true(dbr_log_limit_pass(&limit, &record, "site", 1));
    }
}

/* A crowd of peers shares one slot once the others are taken. */
static void a_crowd_is_one(void **state)
{
    char peer[16];
    int passed = 0;
    unsigned counted = 0;
    debros_log_record told;
    (void)state;
    memset(&limit, 0, sizeof(limit));
    for (int i = 0; i < 1000; i++) {
        snprintf(peer, sizeof(peer), "peer%04d", i);
        passed += say("site", peer, "x", 1);
    }
    assert_int_equal(passed, DBR_LOG_LIMIT_SLOTS + DBR_LOG_LIMIT_BURST);
    assert_true(dbr_log_limit_poll(&limit, &told, DBR_TIME_NEVER));
    assert_int_equal(sscanf(told.message, "... %u more", &counted), 1);
    assert_int_equal(counted, 1000 - passed);
    assert_string_equal(told.peer, "");
    /* When their time is over there is room again. */
    assert_true(say("site", "somebody", "x", 20000));
    assert_true(say("site", "else", "x", 20000));
}

static void long_lines_are_cut(void **state)
{
    char message[1000];
    debros_log_record told;
    (void)state;
    memset(&limit, 0, sizeof(limit));
    memset(message, 'x', sizeof(message));
    message[sizeof(message) - 1] = '\0';
    for (int i = 0; i < 6; i++) {
        say("site", "a peer with a long name", message, 1);
    }
    assert_true(dbr_log_limit_poll(&limit, &told, DBR_TIME_NEVER));
    assert_true(strlen(told.message) > 150 && strlen(told.message) < 250);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_pass_and_the_rest_is_counted),
        cmocka_unit_test(what_is_rare_is_never_held_back),
        cmocka_unit_test(debug_lines_always_pass),
        cmocka_unit_test(a_crowd_is_one),
        cmocka_unit_test(long_lines_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
