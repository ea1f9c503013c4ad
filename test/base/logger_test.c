#include "test.h"

#include "base/logger.h"

struct line {
    int count;
    enum debros_log_level level;
    char module[16];
    char peer[64];
    char message[2048];
    const char *site;
};

static void keep(void *data, const debros_log_record *record, const char *site)
{
    struct line *line = data;
    line->count++;
    line->level = record->level;
    strcpy(line->module, record->module);
    strcpy(line->peer, record->peer);
    strcpy(line->message, record->message);
    line->site = site;
}

static void lines_reach_the_sink(void **state)
{
    (void)state;
    struct line line = {0};
    struct dbr_logger logger = {DEBROS_LOG_INFO, keep, &line};
    dbr_log(&logger, DEBROS_LOG_WARN, "swarm", "peer %s is %d s late", "X", 7);
    assert_int_equal(line.count, 1);
    assert_int_equal(line.level, DEBROS_LOG_WARN);
    assert_string_equal(line.module, "swarm");
    assert_string_equal(line.message, "peer X is 7 s late");
    assert_string_equal(line.peer, "");
    assert_string_equal(line.site, "peer %s is %d s late");
}

static void a_peer_is_named_by_the_end_of_its_id(void **state)
{
    (void)state;
    struct line line = {0};
    struct dbr_logger logger = {DEBROS_LOG_INFO, keep, &line};
    dbr_log_peer(&logger, DEBROS_LOG_INFO, "swarm", "12D3KooWabcdefgh1234", "%d lost", 2);
    assert_string_equal(line.peer, "efgh1234");
    assert_string_equal(line.message, "2 lost");
    dbr_log_peer(&logger, DEBROS_LOG_INFO, "swarm", "short", "x");
    assert_string_equal(line.peer, "short");
    dbr_log_peer(&logger, DEBROS_LOG_DEBUG, "swarm", "short", "y");
    dbr_log_peer(NULL, DEBROS_LOG_ERROR, "swarm", "short", "y");
    assert_int_equal(line.count, 2);
}

static void every_level_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(debros_log_level_name(DEBROS_LOG_ERROR), "error");
    assert_string_equal(debros_log_level_name(DEBROS_LOG_WARN), "warn");
    assert_string_equal(debros_log_level_name(DEBROS_LOG_INFO), "info");
    assert_string_equal(debros_log_level_name(DEBROS_LOG_DEBUG), "debug");
    assert_string_equal(debros_log_level_name((enum debros_log_level)9), "unknown");
}

static void the_level_is_a_threshold(void **state)
{
    (void)state;
    struct line line = {0};
    struct dbr_logger logger = {DEBROS_LOG_INFO, keep, &line};
    dbr_log(&logger, DEBROS_LOG_DEBUG, "a", "b");
    assert_int_equal(line.count, 0);
    dbr_log(&logger, DEBROS_LOG_INFO, "a", "b");
    dbr_log(&logger, DEBROS_LOG_ERROR, "a", "b");
    assert_int_equal(line.count, 2);
}

static void silence_is_allowed(void **state)
{
    (void)state;
    struct dbr_logger logger = {DEBROS_LOG_DEBUG, NULL, NULL};
    dbr_log(NULL, DEBROS_LOG_ERROR, "a", "b");
    dbr_log(&logger, DEBROS_LOG_ERROR, "a", "b");
}

static void peers_cannot_begin_a_line(void **state)
{
    (void)state;
    struct line line = {0};
    struct dbr_logger logger = {DEBROS_LOG_INFO, keep, &line};
    dbr_log(&logger, DEBROS_LOG_INFO, "identify", "agent %s",
            "x\nERROR\r\x1b[2J\x7f\xc3\xa9");
    assert_string_equal(line.message, "agent x ERROR  [2J \xc3\xa9");
}

static void long_lines_are_cut(void **state)
{
    (void)state;
    struct line line = {0};
    struct dbr_logger logger = {DEBROS_LOG_INFO, keep, &line};
    dbr_log(&logger, DEBROS_LOG_INFO, "a", "%2000d", 1);
    assert_int_equal(strlen(line.message), 1023);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_reach_the_sink),
        cmocka_unit_test(a_peer_is_named_by_the_end_of_its_id),
        cmocka_unit_test(every_level_has_a_name),
        cmocka_unit_test(the_level_is_a_threshold),
        cmocka_unit_test(silence_is_allowed),
        cmocka_unit_test(peers_cannot_begin_a_line),
        cmocka_unit_test(long_lines_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
