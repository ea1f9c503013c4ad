#include "store/network.h"

#include <sqlite3.h>
#include <stdlib.h>

#include "lib/fault_heap.h"
#include "network_fixture.h"

static struct network_fixture f;

/* ---- In peace ---------------------------------------------------------------------- */

static void what_is_written_is_found(void **state)
{
    (void)state;
    network_up(&f);
    network_fill(&f);
    assert_int_equal(network_write(&f), 0);
    for (int i = 0; i < 3; i++) {
        network_reopen(&f);
        assert_string_equal(network_text(&f.found), NETWORK_FILLED);
        assert_false(f.found.is_partial);
        assert_int_equal(f.warnings, 0);
    }
    network_down(&f);
}

static bool exists(const char *path)
{
    struct dbr_fs *fs = sim_disk_fs(f.disk);
    return fs->ops->exists(fs, path);
}

/* A start costs nothing as long as nothing is known. */
static void a_start_makes_no_file(void **state)
{
    (void)state;
    network_up(&f);
    assert_int_equal(sim_disk_ops(f.disk), 0);
    assert_int_equal(f.found.n, 0);
    assert_false(f.found.is_partial);
    network_close(&f);
    assert_false(exists(DBR_NETWORK_FILE));
    network_down(&f);
}

static void changes_count_in_their_order(void **state)
{
    (void)state;
    network_up(&f);
    network_fill(&f);
    assert_int_equal(network_write(&f), 0);
    network_put(&f, "key", "newer");
    network_add(&f, DBR_NETWORK_VALUES, DBR_DHT_ROW_DELETE, "own key", "", 0);
    network_add(&f, DBR_NETWORK_PROVIDERS, DBR_DHT_ROW_DELETE, "thing", "", 1);
    network_add(&f, DBR_NETWORK_PROVIDERS, DBR_DHT_ROW_DELETE, "none", "", 1);
    assert_int_equal(network_write(&f), 0);
    network_reopen(&f);
    assert_string_equal(network_text(&f.found), "key=newer;thing:2;[a book]");
    network_add(&f, DBR_NETWORK_VALUES, DBR_DHT_ROW_CLEAR, "", "", 0);
    network_put(&f, "a", "1");
    network_add(&f, DBR_NETWORK_PROVIDERS, DBR_DHT_ROW_CLEAR, "", "", 0);
    network_provide(&f, "b", 3);
    network_book(&f, "another");
    assert_int_equal(network_write(&f), 0);
    network_reopen(&f);
    assert_string_equal(network_text(&f.found), "a=1;b:3;[another]");
    network_down(&f);
}

/* No flush for a write: only what a checkpoint does, now and then, and the end. */
static void a_write_is_not_flushed(void **state)
{
    (void)state;
    network_up(&f);
    network_fill(&f);
    assert_int_equal(network_write(&f), 0);
    network_put(&f, "key", "lost by the power cut");
    assert_int_equal(network_write(&f), 0);
    network_put(&f, "key", "and this");
    assert_int_equal(network_write(&f), 0);
    uint64_t ops = sim_disk_ops(f.disk);
    network_put(&f, "key", "once more");
    assert_int_equal(network_write(&f), 0);
    assert_true(sim_disk_ops(f.disk) - ops < 5); /* a page or two of the WAL */
    network_down(&f);
}

static void what_is_read_is_bounded(void **state)
{
    (void)state;
    char key[16];
    network_up(&f);
    for (size_t i = 0; i <= DBR_NETWORK_READ_ROWS; i++) {
        snprintf(key, sizeof(key), "k%zu", i);
        network_provide(&f, key, 1);
    }
    assert_int_equal(network_write(&f), 0);
    network_reopen(&f);
    assert_int_equal(f.found.n, DBR_NETWORK_READ_ROWS);
    assert_true(f.found.is_partial);
    network_down(&f);
}

/* ---- Files that are of no use ------------------------------------------------------ */

/* Whatever it held: one warning at most, and a file that works. False: it was as good as
 * new. */
static bool begins_anew(size_t where)
{
    network_open(&f);
    bool is_lost = f.found.is_partial;
    if (is_lost != (f.found.n == 0) ||
        (!is_lost && strcmp(network_text(&f.found), NETWORK_FILLED) != 0)) {
        fail_msg("%zu: found %s", where, network_text(&f.found));
    }
    network_put(&f, "own key", "a");
    network_put(&f, "key", "b");
    network_provide(&f, "other", 9);
    dbr_network_write(&f.network, f.job);
    if (f.job->status != 0 || f.warnings > 1) {
        fail_msg("%zu: %s, %d warnings", where, f.job->detail.text, f.warnings);
    }
    is_lost = is_lost || f.job->is_lost;
    assert_true(is_lost == (f.warnings == 1));
    assert_true(is_lost == exists(DBR_NETWORK_OLD));
    network_reopen(&f);
    const char *now = is_lost ? "own key=a;key=b;other:9;"
                              : "own key=a;key=b;other:9;thing:1;thing:2;[a book]";
    if (strcmp(network_text(&f.found), now) != 0 || f.warnings != 0) {
        fail_msg("%zu: then found %s, warning %s", where, network_text(&f.found),
                 f.warning);
    }
    network_close(&f);
    return is_lost;
}

static struct sim_disk *filled_disk(void)
{
    network_up(&f);
    network_fill(&f);
    assert_int_equal(network_write(&f), 0);
    network_close(&f);
    return f.disk;
}

static void each_byte_may_turn(void **state)
{
    (void)state;
    struct sim_disk *disk = filled_disk();
    size_t len = 0;
    size_t n = 0;
    size_t n_lost = 0;
    size_t step = getenv("DEBROS_LONG") != NULL ? 1 : 5;
    assert_non_null(sim_disk_data(disk, DBR_NETWORK_FILE, &len));
    assert_in_range(len, 5 * 4096, 8 * 4096);
    for (size_t i = 0; i < len; i += i < 512 ? 1 : step) {
        f.disk = sim_disk_clone(disk, 1);
        sim_disk_data(f.disk, DBR_NETWORK_FILE, &len)[i] ^= (uint8_t)(1 + i % 255);
        n_lost += begins_anew(i);
        n++;
        sim_disk_destroy(f.disk);
    }
    assert_int_equal(n_lost, n); /* each byte of each page is summed, and looked at */
    sim_disk_destroy(disk);
}

static void any_of_it_may_be_missing(void **state)
{
    (void)state;
    struct sim_disk *disk = filled_disk();
    size_t len = 0;
    assert_non_null(sim_disk_data(disk, DBR_NETWORK_FILE, &len));
    for (size_t size = 1; size < len; size += size < 600 ? 1 : 61) {
        struct dbr_file *file;
        f.disk = sim_disk_clone(disk, 1);
        struct dbr_fs *fs = sim_disk_fs(f.disk);
        assert_int_equal(fs->ops->open(fs, &file, DBR_NETWORK_FILE, 0), 0);
        assert_int_equal(fs->ops->truncate(fs, file, size), 0);
        fs->ops->close(fs, file);
        assert_true(begins_anew(size));
        sim_disk_destroy(f.disk);
    }
    sim_disk_destroy(disk);
}

/* As a later version leaves it, or somebody else. */
static void other_formats_are_set_aside(void **state)
{
    (void)state;
    static const char *const changes[][2] = {
        {"PRAGMA user_version = 2", "has format 2, this version of debros knows 1"},
        {"PRAGMA application_id = 5", "is a database of something else"},
        {"DROP TABLE dht_values", "is damaged"},
        {"UPDATE dht_providers SET peer = zeroblob(43) WHERE peer = x'0701'",
         "is damaged"}};
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        network_up(&f);
        network_fill(&f);
        assert_int_equal(network_write(&f), 0);
        int rc = sqlite3_exec(f.network.sql, changes[i][0], NULL, NULL, NULL);
        assert_int_equal(rc, SQLITE_OK);
        network_reopen(&f);
        assert_int_equal(f.found.n, 0);
        assert_true(f.found.is_partial);
        assert_int_equal(f.warnings, 1);
        assert_non_null(strstr(f.warning, changes[i][1]));
        assert_non_null(strstr(f.warning, DBR_NETWORK_OLD));
        network_close(&f);
        assert_true(exists(DBR_NETWORK_OLD));
        assert_false(exists(DBR_NETWORK_FILE));
        network_open(&f); /* at the next start all is well */
        assert_int_equal(f.warnings, 0);
        network_fill(&f);
        assert_int_equal(network_write(&f), 0);
        network_down(&f);
    }
}

/* ---- Disks ------------------------------------------------------------------------- */

static void a_full_disk_delays(void **state)
{
    (void)state;
    network_up(&f);
    network_fill(&f);
    sim_disk_set_full(f.disk, true);
    assert_int_equal(network_write(&f), DEBROS_ENOSPC);
    assert_int_equal(network_write(&f), DEBROS_ENOSPC);
    assert_false(f.job->is_lost);
    sim_disk_set_full(f.disk, false);
    assert_int_equal(network_write(&f), 0);
    network_put(&f, "key", "newer");
    sim_disk_set_full(f.disk, true);
    assert_int_equal(network_write(&f), DEBROS_ENOSPC);
    sim_disk_set_full(f.disk, false);
    assert_int_equal(network_write(&f), 0);
    assert_int_equal(f.warnings, 0); /* whoever gave the job says it */
    network_reopen(&f);
    assert_string_equal(network_text(&f.found),
                        "own key=value;key=newer;thing:1;thing:2;[a book]");
    network_down(&f);
}

/* The same jobs from any state: again until they are done. */
static void write_until_done(void)
{
    while (network_write(&f) != 0) {
        assert_true(f.job->status == DEBROS_EIO || f.job->status == DEBROS_ENOSPC ||
                    f.job->status == DEBROS_ENOMEM);
    }
}

static void work(void)
{
    network_fill(&f);
    write_until_done();
    network_put(&f, "key", "newer");
    write_until_done();
    network_reopen(&f);
    network_provide(&f, "thing", 3);
    write_until_done();
}

/* One operation fails: nothing is lost that was not read at that very moment. */
static void fail_each_operation(int err)
{
    uint64_t n = 0;
    int partial = 0;
    for (bool is_over = false; !is_over; n++) {
        network_up(&f);
        sim_disk_count_reads(f.disk);
        uint64_t begin = sim_disk_ops(f.disk);
        sim_disk_fail_after(f.disk, n, err);
        work();
        is_over = sim_disk_ops(f.disk) - begin <= n;
        sim_disk_fail_after(f.disk, UINT64_MAX, 0);
        bool was_partial = f.found.is_partial;
        partial += was_partial;
        network_reopen(&f);
        assert_int_equal(f.warnings, 0);
        assert_string_equal(
            network_text(&f.found),
            "own key=value;key=newer;thing:1;thing:2;thing:3;[a book]");
        assert_false(exists(DBR_NETWORK_OLD));
        network_down(&f);
    }
    assert_true(n > 50 && partial > 0);
}

static void each_operation_fails_once(void **state)
{
    (void)state;
    fail_each_operation(DEBROS_EIO);
    fail_each_operation(DEBROS_ENOSPC);
}

static void write_number(int i)
{
    char text[2] = {(char)('0' + i), '\0'};
    network_open(&f);
    network_put(&f, "own key", text);
    network_put(&f, "key", text);
    network_book(&f, text);
    (void)network_write(&f);
    network_close(&f);
}

/* The power goes at the n-th operation. False: it did not. */
static bool cut_at(uint64_t n, bool is_new)
{
    f = (struct network_fixture){.disk = sim_disk_create(n + 1)};
    if (!is_new) {
        write_number(1);
    }
    uint64_t begin = sim_disk_ops(f.disk);
    sim_disk_crash_after(f.disk, n);
    write_number(2);
    write_number(3);
    bool is_cut = sim_disk_ops(f.disk) - begin >= n;
    sim_disk_crash(f.disk);
    sim_disk_revive(f.disk);
    return is_cut;
}

/* What is found was written at one time, whole; never is a file set aside. */
static void the_power_goes_anywhere(void **state)
{
    (void)state;
    static const char *const states[] = {"", "own key=1;key=1;[1]", "own key=2;key=2;[2]",
                                         "own key=3;key=3;[3]"};
    for (int is_new = 0; is_new <= 1; is_new++) {
        size_t seen[4] = {0};
        uint64_t n = 0;
        for (bool is_cut = true; is_cut; n++) {
            is_cut = cut_at(n, is_new);
            network_open(&f);
            size_t i = 0;
            while (i < 4 && strcmp(network_text(&f.found), states[i]) != 0) {
                i++;
            }
            if (i == 4 || f.warnings != 0 || f.found.is_partial) {
                fail_msg("operation %d: found %s; %s", (int)n, network_text(&f.found),
                         f.warning);
            }
            seen[i]++;
            network_fill(&f);
            assert_int_equal(network_write(&f), 0);
            network_down(&f);
        }
        assert_true(n > 15 && n < 500);
        assert_true(seen[is_new ? 0 : 1] > 0 && seen[2] > 0 && seen[3] > 0);
        assert_int_equal(seen[is_new ? 1 : 0], 0);
    }
}

/* ---- Memory ------------------------------------------------------------------------ */

static uint64_t n_left = UINT64_MAX;
static enum fault_heap failing;

bool fault_heap_fails(enum fault_heap heap)
{
    if (heap != failing || n_left == UINT64_MAX) {
        return false;
    }
    n_left = n_left == 0 ? UINT64_MAX : n_left - 1;
    return n_left == UINT64_MAX;
}

static void fail_each_allocation(enum fault_heap heap, uint64_t least)
{
    uint64_t n = 0;
    for (bool is_over = false; !is_over; n += 1 + n / 64) {
        network_up(&f);
        network_fill(&f);
        assert_int_equal(network_write(&f), 0);
        network_close(&f);
        failing = heap;
        n_left = n;
        network_open(&f);
        bool was_partial = f.found.is_partial;
        uint64_t left = n_left;
        n_left = UINT64_MAX;
        network_put(&f, "key", "newer");
        n_left = left;
        write_until_done();
        is_over = n_left != UINT64_MAX;
        n_left = UINT64_MAX;
        assert_true(was_partial == (f.warnings > 0));
        network_reopen(&f);
        assert_false(exists(DBR_NETWORK_OLD));
        assert_string_equal(network_text(&f.found),
                            "own key=value;key=newer;thing:1;thing:2;[a book]");
        network_down(&f);
    }
    assert_true(n > least);
}

static void each_allocation_fails_once(void **state)
{
    (void)state;
    fail_each_allocation(FAULT_HEAP_OURS, 3);
    fail_each_allocation(FAULT_HEAP_SQLITE, 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_found),
        cmocka_unit_test(a_start_makes_no_file),
        cmocka_unit_test(changes_count_in_their_order),
        cmocka_unit_test(a_write_is_not_flushed),
        cmocka_unit_test(what_is_read_is_bounded),
        cmocka_unit_test(each_byte_may_turn),
        cmocka_unit_test(any_of_it_may_be_missing),
        cmocka_unit_test(other_formats_are_set_aside),
        cmocka_unit_test(a_full_disk_delays),
        cmocka_unit_test(each_operation_fails_once),
        cmocka_unit_test(the_power_goes_anywhere),
        cmocka_unit_test(each_allocation_fails_once),
    };
    if (!fault_heap_wrap_sqlite()) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
