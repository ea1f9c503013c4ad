#include "log_fixture.h"
#include "store/vote.h"

#define PATH "log/vote"

static int try_open(struct sim_disk *disk, struct dbr_log **log, debros_detail *detail)
{
    *log = NULL;
    return dbr_log_open(log, sim_disk_fs(disk), LOG_SEGMENT, NULL, detail);
}

static void write_number(struct dbr_log *log, enum dbr_log_op_type type, uint64_t value)
{
    struct dbr_log_op op = {.type = type, .value = value};
    assert_int_equal(dbr_log_write(log, &op, NULL), 0);
}

static struct dbr_vote newest(struct sim_disk *disk)
{
    struct dbr_vote vote = {0};
    size_t len = 0;
    size_t damaged = 0;
    bool empty = false;
    const uint8_t *data = sim_disk_data(disk, PATH, &len);
    assert_int_equal(len, DBR_VOTE_FILE);
    assert_int_equal(dbr_vote_choose(&vote, dbr_bytes(data, len), &damaged, &empty), 0);
    return vote;
}

/* A log of three terms; the process died. */
static struct sim_disk *make(void)
{
    struct sim_disk *disk = sim_disk_create(1);
    struct dbr_log *log = NULL;
    assert_int_equal(try_open(disk, &log, NULL), 0);
    for (uint64_t term = 1; term <= 3; term++) {
        write_number(log, DBR_LOG_TERM, term);
        write_number(log, DBR_LOG_VOTE, 100 + term);
    }
    struct sim_disk *left = sim_disk_clone(disk, 1);
    dbr_log_close(log);
    sim_disk_destroy(disk);
    return left;
}

static void each_change_is_in_a_slot_before_it_counts(void **state)
{
    (void)state;
    struct sim_disk *disk = make();
    struct dbr_vote vote = newest(disk);
    assert_int_equal(vote.seq, 7); /* the first one was made with the file */
    assert_int_equal(vote.term, 3);
    assert_int_equal(vote.vote, 103);
    assert_int_equal(vote.segment, 1);
    assert_true(vote.offset > 6 * 32);
    sim_disk_destroy(disk);
}

static void appends_alone_write_no_slot(void **state)
{
    (void)state;
    static struct log_script script;
    struct sim_disk *disk = sim_disk_create(1);
    struct dbr_log *log = NULL;
    log_script_fill(&script);
    assert_int_equal(try_open(disk, &log, NULL), 0);
    assert_int_equal(dbr_log_write(log, script.calls[0], NULL), 0);
    struct dbr_vote before = newest(disk);
    assert_int_equal(dbr_log_write(log, script.calls[1], NULL), 0);
    assert_int_equal(newest(disk).seq, before.seq);
    dbr_log_close(log); /* a clean end says where it was */
    assert_int_equal(newest(disk).seq, before.seq + 1);
    assert_true(newest(disk).offset > before.offset);
    assert_int_equal(try_open(disk, &log, NULL), 0);
    dbr_log_close(log); /* and nothing new has nothing to say */
    assert_int_equal(newest(disk).seq, before.seq + 1);
    sim_disk_destroy(disk);
}

static void one_damaged_place_loses_nothing(void **state)
{
    (void)state;
    struct sim_disk *disk = make();
    for (size_t block = 0; block < 2; block++) {
        struct sim_disk *copy = sim_disk_clone(disk, 1);
        struct dbr_log *log = NULL;
        size_t len = 0;
        memset(sim_disk_data(copy, PATH, &len) + block * DBR_VOTE_BLOCK, 0xee, 512);
        assert_int_equal(try_open(copy, &log, NULL), 0);
        assert_int_equal(dbr_log_state(log)->term, 3);
        assert_int_equal(dbr_log_state(log)->vote, 103);
        dbr_log_close(log);
        /* Whole again. */
        assert_int_equal(newest(copy).term, 3);
        assert_int_equal(newest(copy).vote, 103);
        sim_disk_destroy(copy);
    }
    sim_disk_destroy(disk);
}

static void both_damaged_is_an_error_and_never_a_reset(void **state)
{
    (void)state;
    struct sim_disk *disk = make();
    struct dbr_log *log = NULL;
    debros_detail detail = {{0}};
    size_t len = 0;
    uint8_t *data = sim_disk_data(disk, PATH, &len);
    memset(data, 0xee, 512);
    memset(data + DBR_VOTE_BLOCK, 0xee, 512);
    assert_int_equal(try_open(disk, &log, &detail), DEBROS_EIO);
    assert_non_null(strstr(detail.text, "sim/log/vote: damaged"));
    memset(data, 0, len); /* lost writes look like an empty file */
    assert_int_equal(try_open(disk, &log, &detail), DEBROS_EIO);
    struct dbr_fs *fs = sim_disk_fs(disk);
    assert_int_equal(fs->ops->remove(fs, PATH), 0);
    assert_int_equal(try_open(disk, &log, &detail), DEBROS_EIO);
    assert_non_null(strstr(detail.text, "sim/log/vote: is missing"));
    sim_disk_destroy(disk);
}

/* Each record of the log in turn, and everything behind it, as if it had never been
 * written: the slot knows better. */
static void a_vote_that_vanishes_from_the_log_is_an_error(void **state)
{
    (void)state;
    struct sim_disk *disk = make();
    size_t len = 0;
    size_t end = (size_t)newest(disk).offset;
    for (size_t at = 0; at < end; at += 8) {
        struct sim_disk *copy = sim_disk_clone(disk, 1);
        struct dbr_log *log = NULL;
        debros_detail detail = {{0}};
        uint8_t *data = sim_disk_data(copy, "log/0000000000000001.seg", &len);
        memset(data + at, 0, len - at);
        assert_int_equal(try_open(copy, &log, &detail), DEBROS_EIO);
        assert_non_null(strstr(detail.text, "sim/log/0000000000000001.seg: damaged at"));
        sim_disk_destroy(copy);
    }
    sim_disk_destroy(disk);
}

/* No room for the slot: the batch is not acknowledged and comes again, once. */
static void a_full_disk_at_the_slot_delays_the_batch(void **state)
{
    (void)state;
    static struct log_script script;
    struct sim_disk *disk = sim_disk_create(1);
    struct dbr_log *log = NULL;
    log_script_fill(&script);
    assert_int_equal(try_open(disk, &log, NULL), 0);
    assert_int_equal(dbr_log_write(log, script.calls[0], NULL), 0);
    assert_int_equal(dbr_log_write(log, script.calls[1], NULL), 0);
    for (uint64_t n = 2; n < 4; n++) { /* its write, its sync */
        sim_disk_fail_after(disk, n, DEBROS_ENOSPC);
        assert_int_equal(dbr_log_write(log, script.calls[2], NULL), DEBROS_ENOSPC);
    }
    assert_int_equal(dbr_log_write(log, script.calls[2], NULL), 0);
    dbr_log_close(log);
    assert_int_equal(try_open(disk, &log, NULL), 0);
    assert_int_equal(dbr_log_state(log)->term, 2);
    assert_int_equal(dbr_log_state(log)->n_entries, 14);
    dbr_log_close(log);
    sim_disk_destroy(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_change_is_in_a_slot_before_it_counts),
        cmocka_unit_test(appends_alone_write_no_slot),
        cmocka_unit_test(one_damaged_place_loses_nothing),
        cmocka_unit_test(both_damaged_is_an_error_and_never_a_reset),
        cmocka_unit_test(a_vote_that_vanishes_from_the_log_is_an_error),
        cmocka_unit_test(a_full_disk_at_the_slot_delays_the_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
