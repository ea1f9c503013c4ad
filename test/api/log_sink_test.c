#include "api/log_sink.h"

#include <stdio.h>

#include "driver/loop.h"
#include "harness.h"

#define THREADS 4
#define EACH    200

struct lines {
    int n;
    int inside; /* calls under way: one at a time */
    char text[64][256];
    int64_t time_ms;
};

static void keep(void *data, const debros_log_record *record)
{
    struct lines *lines = data;
    assert_int_equal(lines->inside++, 0);
    if (lines->n < 64) {
        snprintf(lines->text[lines->n], sizeof(lines->text[0]), "%s %s %s: %s",
                 debros_log_level_name(record->level), record->module, record->peer,
                 record->message);
    }
    lines->time_ms = record->time_ms;
    lines->n++;
    lines->inside--;
}

static void write_line(struct dbr_log_sink *sink, const char *peer, int i)
{
    struct dbr_logger logger = {DEBROS_LOG_INFO, dbr_log_sink_write, sink};
    dbr_log_peer(&logger, DEBROS_LOG_INFO, "swarm", peer, "line %d", i);
}

static void lines_have_a_time(void **state)
{
    struct lines lines = {0};
    struct dbr_log_sink sink = {0};
    (void)state;
    dbr_log_sink_init(&sink, keep, &lines);
    int64_t before = dbr_loop_wall_ms();
    write_line(&sink, "12D3KooWabcd1234", 1);
    assert_true(lines.time_ms >= before && lines.time_ms <= dbr_loop_wall_ms());
    assert_string_equal(lines.text[0], "info swarm abcd1234: line 1");
    dbr_log_sink_finish(&sink);
    assert_int_equal(lines.n, 1);
}

static void repetition_is_told_when_its_time_is_over(void **state)
{
    struct lines lines = {0};
    struct dbr_log_sink sink = {0};
    (void)state;
    dbr_log_sink_init(&sink, keep, &lines);
    assert_true(dbr_log_sink_deadline(&sink) == DBR_TIME_NEVER);
    for (int i = 1; i <= 12; i++) {
        write_line(&sink, "abcd1234", i);
    }
    assert_int_equal(lines.n, 5);
    dbr_time at = dbr_log_sink_deadline(&sink);
    assert_true(at > dbr_loop_now() && at <= dbr_loop_now() + 10000);
    dbr_log_sink_expire(&sink, at - 1);
    assert_int_equal(lines.n, 5);
    dbr_log_sink_expire(&sink, at);
    assert_int_equal(lines.n, 6);
    assert_string_equal(lines.text[5],
                        "info swarm abcd1234: ... 7 more like this in 10 s: line 12");
    assert_true(dbr_log_sink_deadline(&sink) == DBR_TIME_NEVER);
    for (int i = 1; i <= 6; i++) {
        write_line(&sink, "efgh5678", i);
    }
    dbr_log_sink_finish(&sink); /* nothing is lost at the end */
    assert_int_equal(lines.n, 12);
    assert_non_null(strstr(lines.text[11], "... 1 more like this"));
}

static void *write_many(void *data)
{
    for (int i = 0; i < EACH; i++) {
        write_line(data, "abcd1234", i);
    }
    return NULL;
}

static void threads_take_turns(void **state)
{
    struct lines lines = {0};
    struct dbr_log_sink sink = {0};
    pthread_t threads[THREADS];
    (void)state;
    dbr_log_sink_init(&sink, keep, &lines);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, &sink), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    dbr_log_sink_finish(&sink);
    assert_int_equal(lines.n, 6);
    assert_non_null(strstr(lines.text[5], "... 795 more like this"));
}

/* A node tells of its life with the words that an operator looks for. */
static void a_node_tells_of_its_life(void **state)
{
    struct harness_folder folder;
    struct lines lines = {0};
    (void)state;
    harness_folder_make(&folder);
    debros_config config = harness_config(&folder);
    config.log = keep;
    config.log_data = &lines;
    config.log_level = DEBROS_LOG_INFO;
    assert_int_equal(debros_init(&config, NULL), 0);
    debros_node *node = harness_create(&config);
    assert_int_equal(harness_start(node), 0);
    assert_int_equal(harness_exec(node, "CREATE TABLE t (a)"), 0);
    assert_int_equal(harness_stop(node), 0);
    debros_node_destroy(node);
    char all[16384] = "";
    for (int i = 0; i < lines.n && i < 64; i++) {
        strcat(strcat(all, lines.text[i]), "\n");
    }
    static const char *const wanted[] = {
        "info node : starts: ", "info node : listens on ",
        "info raft : leads the cluster", "info node : has stopped"};
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        if (strstr(all, wanted[i]) == NULL) {
            fail_msg("'%s' is not in\n%s", wanted[i], all);
        }
    }
    harness_folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_have_a_time),
        cmocka_unit_test(repetition_is_told_when_its_time_is_over),
        cmocka_unit_test(threads_take_turns),
        cmocka_unit_test(a_node_tells_of_its_life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
