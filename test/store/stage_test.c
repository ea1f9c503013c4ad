#include "store/stage.h"

#include <stdio.h>

#include "fixture.h"
#include "transfer/descriptor.h"

/* A store with a copy that another one receives. */
struct pair {
    struct fixture from;
    struct fixture to;
    struct dbr_buf bytes;
    struct dbr_descriptor d;
};

static debros_bytes described(const struct pair *p)
{
    return dbr_bytes(p->bytes.data, p->bytes.len);
}

static void copy_again(struct pair *p)
{
    dbr_descriptor_finish(&p->d);
    dbr_buf_finish(&p->bytes);
    assert_int_equal(fixture_copy(&p->from), 0);
    p->bytes = dbr_buf_take(&p->from.bulk->data);
    assert_int_equal(dbr_descriptor_decode(&p->d, described(p)), 0);
}

static void pair_init(struct pair *p)
{
    memset(p, 0, sizeof(*p));
    fixture_init_default(&p->from);
    fixture_must(&p->from, "default", "CREATE TABLE t AS SELECT randomblob(60000) AS a");
    copy_again(p);
    fixture_init_default(&p->to);
}

static void pair_finish(struct pair *p)
{
    dbr_descriptor_finish(&p->d);
    dbr_buf_finish(&p->bytes);
    fixture_finish(&p->from);
    fixture_finish(&p->to);
}

static int receive(struct pair *p, uint64_t max)
{
    return fixture_receive(&p->to, &p->from, described(p), max);
}

static uint8_t *staged(struct pair *p, size_t file, size_t *len)
{
    char path[256];
    size_t at = (size_t)snprintf(path, sizeof(path), "db/in-");
    for (size_t i = 0; i < sizeof(p->d.id); i++) {
        at += (size_t)snprintf(path + at, sizeof(path) - at, "%02x", p->d.id[i]);
    }
    (void)snprintf(path + at, sizeof(path) - at, "-%zu", file);
    return sim_disk_data(p->to.disk, path, len);
}

static void what_was_received_is_what_was_sent(void **state)
{
    (void)state;
    struct pair p;
    size_t len = 0;
    pair_init(&p);
    assert_int_equal(receive(&p, UINT64_MAX), 0);
    assert_int_equal(fixture_verify(&p.to), 0);
    for (size_t i = 0; i < p.d.n_files; i++) {
        assert_non_null(staged(&p, i, &len));
        assert_int_equal(len, p.d.files[i].size);
    }
    pair_finish(&p);
}

static void half_of_it_is_not_verified(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p);
    assert_int_equal(fixture_bulk(&p.to, DBR_BULK_VERIFY, 0, dbr_bytes(NULL, 0)),
                     DEBROS_ECANCELED);
    assert_int_equal(receive(&p, p.d.total / 2), 0);
    assert_int_equal(fixture_bulk(&p.to, DBR_BULK_VERIFY, 0, dbr_bytes(NULL, 0)),
                     DEBROS_ECANCELED);
    assert_int_equal(fixture_bulk(&p.to, DBR_BULK_WRITE, 1, dbr_bytes("x", 1)),
                     DEBROS_ECANCELED);
    pair_finish(&p);
}

/* The power goes after any number of bytes: what is there later is whole, and little is
 * sent twice. */
static void a_crash_loses_little(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p);
    for (uint64_t got = 1000; got < p.d.total; got += 7777) {
        assert_int_equal(fixture_bulk(&p.to, DBR_BULK_STAGE, 0, dbr_bytes(NULL, 0)), 0);
        assert_int_equal(receive(&p, got), 0);
        fixture_crash(&p.to);
        assert_int_equal(fixture_bulk(&p.to, DBR_BULK_STAGE, 0, described(&p)), 0);
        assert_int_equal(receive(&p, UINT64_MAX), 0);
        assert_int_equal(fixture_verify(&p.to), 0);
    }
    pair_finish(&p);
}

static void a_restart_goes_on_behind_the_last_sync(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p);
    uint64_t got = p.d.files[0].size + 20000; /* in the second file */
    assert_int_equal(receive(&p, got), 0);
    fixture_reopen(&p.to);
    assert_int_equal(fixture_bulk(&p.to, DBR_BULK_STAGE, 0, described(&p)), 0);
    assert_int_equal(p.to.bulk->offset, p.d.files[0].size + 16384);
    assert_int_equal(receive(&p, UINT64_MAX), 0);
    assert_int_equal(fixture_verify(&p.to), 0);
    pair_finish(&p);
}

/* Any byte that turns is found, and only its file and those behind it come again. */
static void damage_is_found(void **state)
{
    (void)state;
    struct pair p;
    size_t len;
    pair_init(&p);
    for (size_t file = 0; file < p.d.n_files; file++) {
        assert_int_equal(receive(&p, UINT64_MAX), 0);
        uint8_t *bytes = staged(&p, file, &len);
        bytes[len / 2] ^= 1;
        assert_int_equal(fixture_verify(&p.to), DEBROS_EPROTO);
        assert_non_null(strstr(p.to.bulk->detail.text, p.d.files[file].name));
        uint64_t before = file == 0 ? 0 : p.d.files[0].size;
        assert_int_equal(p.to.bulk->offset, before);
        assert_null(staged(&p, file, &len));
        assert_int_equal(receive(&p, UINT64_MAX), 0);
        assert_int_equal(fixture_verify(&p.to), 0);
    }
    pair_finish(&p);
}

static void another_snapshot_takes_the_place(void **state)
{
    (void)state;
    struct pair p;
    size_t len;
    pair_init(&p);
    assert_int_equal(receive(&p, 30000), 0);
    struct dbr_descriptor first = p.d;
    first.files = NULL;
    fixture_must(&p.from, "default", "INSERT INTO t VALUES(1)");
    copy_again(&p);
    assert_int_equal(receive(&p, 30000), 0);
    assert_non_null(staged(&p, 0, &len));
    struct dbr_descriptor second = p.d;
    memcpy(p.d.id, first.id, sizeof(first.id));
    assert_null(staged(&p, 0, &len));
    memcpy(p.d.id, second.id, sizeof(second.id));
    assert_int_equal(fixture_bulk(&p.to, DBR_BULK_STAGE, 0, dbr_bytes(NULL, 0)), 0);
    assert_null(staged(&p, 0, &len));
    pair_finish(&p);
}

static void a_full_disk_is_waited_for(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p);
    assert_int_equal(receive(&p, 20000), 0);
    sim_disk_set_full(p.to.disk, true);
    assert_int_equal(receive(&p, UINT64_MAX), DEBROS_ENOSPC);
    assert_non_null(strstr(p.to.bulk->detail.text, "db/in-"));
    sim_disk_set_full(p.to.disk, false);
    assert_int_equal(receive(&p, UINT64_MAX), 0);
    assert_int_equal(fixture_verify(&p.to), 0);
    pair_finish(&p);
}

static void what_no_node_has_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    struct dbr_descriptor_file files[2] = {{.name = "../x", .size = 1},
                                           {.name = "_system", .size = 1}};
    struct dbr_buf bytes = {0};
    fixture_init_default(&f);
    assert_int_equal(dbr_descriptor_encode(&bytes, 5, files, 2), 0);
    assert_int_equal(fixture_bulk(&f, DBR_BULK_STAGE, 0, test_view(bytes)),
                     DEBROS_EPROTO);
    dbr_buf_clear(&bytes);
    (void)snprintf(files[0].name, sizeof(files[0].name), "a");
    assert_int_equal(dbr_descriptor_encode(&bytes, 5, files, 1), 0); /* no _system */
    assert_int_equal(fixture_bulk(&f, DBR_BULK_STAGE, 0, test_view(bytes)),
                     DEBROS_EPROTO);
    dbr_buf_finish(&bytes);
    fixture_finish(&f);
}

/* What this node has caught up with otherwise goes at the next start. */
static void an_old_beginning_goes_at_the_start(void **state)
{
    (void)state;
    struct pair p;
    size_t len;
    pair_init(&p);
    assert_int_equal(receive(&p, 20000), 0);
    fixture_reopen(&p.to);
    assert_non_null(staged(&p, 0, &len));
    fixture_must(&p.to, "_system", "CREATE TABLE more(a)");
    fixture_must(&p.to, "default", "CREATE TABLE more(a)");
    fixture_must(&p.to, "_system", "INSERT INTO more VALUES(1)");
    fixture_must(&p.to, "default", "INSERT INTO more VALUES(1)");
    fixture_reopen(&p.to);
    assert_null(staged(&p, 0, &len));
    pair_finish(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_received_is_what_was_sent),
        cmocka_unit_test(half_of_it_is_not_verified),
        cmocka_unit_test(a_crash_loses_little),
        cmocka_unit_test(a_restart_goes_on_behind_the_last_sync),
        cmocka_unit_test(damage_is_found),
        cmocka_unit_test(another_snapshot_takes_the_place),
        cmocka_unit_test(a_full_disk_is_waited_for),
        cmocka_unit_test(what_no_node_has_is_refused),
        cmocka_unit_test(an_old_beginning_goes_at_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
