#include "transfer/inner.h"

#include "rig.h"

static void damage_on_the_own_disk_comes_again(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, NULL);
    rig_offer(&rig);
    rig_fetch(&rig);
    while (rig.to.staged < TOTAL) {
        rig_run(&rig, 1);
    }
    rig.to.disk[A_SIZE + 10] ^= 1;
    rig_run(&rig, 100000);
    assert_received(&rig);
    assert_int_equal(rig.to.n_bulk[DBR_BULK_VERIFY], 2);
    rig_finish(&rig);
}

/* The copy itself is damaged: after two tries the sender makes a new one. */
static void damage_on_the_other_disk_is_told(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, NULL);
    rig_offer(&rig);
    rig_fetch(&rig);
    rig_run(&rig, 10);
    for (int i = 0; i < 2; i++) {
        while (rig.to.staged < TOTAL) {
            rig_run(&rig, 1);
        }
        rig.to.disk[A_SIZE + 10] ^= 1;
        while (rig.to.staged == TOTAL) {
            rig_run(&rig, 1);
        }
    }
    rig_run(&rig, 100000);
    assert_int_equal(rig.to.counts[DBR_TRANSFER_FETCHED], 1);
    assert_int_equal(rig.to.status, DEBROS_EPROTO);
    assert_int_equal(rig.from.n_bulk[DBR_BULK_DROP], 1);
    assert_int_equal(rig.from.counts[DBR_TRANSFER_LOST], 1);
    assert_int_equal(rig.to.staged, 0); /* nothing of it is kept */
    rig_finish(&rig);
}

static void a_full_disk_is_waited_for(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, NULL);
    rig_offer(&rig);
    rig_fetch(&rig);
    rig_run(&rig, 30);
    rig.to.fail_write = DEBROS_ENOSPC;
    rig_wait(&rig, 5000);
    assert_received(&rig);
    assert_int_equal(rig.to.n_bulk[DBR_BULK_STAGE], 2);
    rig_finish(&rig);
}

static void a_broken_disk_is_told(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, NULL);
    rig_offer(&rig);
    rig_fetch(&rig);
    rig_run(&rig, 30);
    rig.to.fail_write = DEBROS_EIO;
    rig_wait(&rig, 5000);
    assert_int_equal(rig.to.counts[DBR_TRANSFER_BROKEN], 1);
    assert_int_equal(rig.to.status, DEBROS_EIO);
    rig_finish(&rig);
}

static void a_silent_sender_is_asked_anew_and_then_given_up(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, NULL);
    rig_offer(&rig);
    rig.busy = true;
    rig_fetch(&rig);
    rig_wait(&rig, 30000);
    assert_true(rig.to.counts[DBR_TRANSFER_OPEN] >= 3);
    assert_int_equal(rig.to.counts[DBR_TRANSFER_FETCHED], 0);
    rig_wait(&rig, 40000);
    assert_int_equal(rig.to.counts[DBR_TRANSFER_FETCHED], 1);
    assert_int_equal(rig.to.status, DEBROS_ETIMEDOUT);
    assert_int_equal(dbr_transfer_deadline(rig.to.t), DBR_TIME_NEVER);
    rig_finish(&rig);
}

static void who_cannot_be_reached_is_tried_again(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, NULL);
    rig_offer(&rig);
    rig.unreachable = true;
    rig_fetch(&rig);
    rig_wait(&rig, 10000);
    assert_int_equal(rig.to.counts[DBR_TRANSFER_OPEN], 21); /* each half second */
    rig.unreachable = false;
    rig_wait(&rig, 1000);
    assert_received(&rig);
    rig_finish(&rig);
}

static void what_is_not_needed_goes(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, NULL);
    rig_offer(&rig);
    rig_fetch(&rig);
    rig_run(&rig, 40);
    assert_true(rig.to.staged > 0);
    dbr_transfer_abandon(rig.to.t, rig.now);
    rig_wait(&rig, 1000);
    assert_int_equal(rig.to.staged, 0);
    assert_int_equal(rig.to.counts[DBR_TRANSFER_FETCHED], 0);
    assert_int_equal(dbr_transfer_deadline(rig.to.t), DBR_TIME_NEVER);
    rig_finish(&rig);
}

static void the_same_one_goes_on(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, NULL);
    rig_offer(&rig);
    for (int i = 0; i < 6; i++) {
        rig_fetch(&rig);
        rig_run(&rig, 5);
    }
    rig_run(&rig, 100000);
    assert_received(&rig);
    assert_int_equal(rig.to.n_bulk[DBR_BULK_STAGE], 1);
    rig_finish(&rig);
}

static void an_older_or_malformed_one_is_refused(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, NULL);
    rig_offer(&rig);
    assert_int_equal(
        dbr_transfer_fetch(rig.to.t, &rig.from.id, 11, rig_descriptor(&rig), rig.now),
        DEBROS_EPROTO);
    assert_int_equal(
        dbr_transfer_fetch(rig.to.t, &rig.from.id, 1, dbr_bytes("\xff", 1), rig.now),
        DEBROS_EPROTO);
    rig_run(&rig, 10);
    assert_int_equal(rig.to.counts[DBR_TRANSFER_OPEN], 0);
    rig_finish(&rig);
}

/* A sender's chunks must be what was asked for. */
static void other_chunks_are_refused(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_buf bytes = {0};
    rig_init(&rig, NULL);
    rig_offer(&rig);
    rig.busy = true;
    rig_fetch(&rig);
    rig_run(&rig, 50);
    struct dbr_transfer_message m = {.type = DBR_TRANSFER_CHUNK_OF,
                                     .data = dbr_bytes(rig.from.disk, 999)};
    dbr_descriptor_id(m.id, rig_descriptor(&rig));
    for (int i = 0; i < 3; i++) {
        dbr_buf_clear(&bytes);
        m.offset = i == 1 ? 1000 : 0;
        m.data.len = i == 0 ? 999 : 1000;
        m.id[0] ^= i == 2;
        assert_int_equal(dbr_transfer_encode(&bytes, &m), 0);
        assert_int_equal(dbr_transfer_recv(rig.to.t, rig.to.stream, &rig.from.id,
                                           test_view(bytes), rig.now),
                         DEBROS_EPROTO);
    }
    dbr_buf_finish(&bytes);
    rig_finish(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damage_on_the_own_disk_comes_again),
        cmocka_unit_test(damage_on_the_other_disk_is_told),
        cmocka_unit_test(a_full_disk_is_waited_for),
        cmocka_unit_test(a_broken_disk_is_told),
        cmocka_unit_test(a_silent_sender_is_asked_anew_and_then_given_up),
        cmocka_unit_test(who_cannot_be_reached_is_tried_again),
        cmocka_unit_test(what_is_not_needed_goes),
        cmocka_unit_test(the_same_one_goes_on),
        cmocka_unit_test(an_older_or_malformed_one_is_refused),
        cmocka_unit_test(other_chunks_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
