#include "transfer/transfer.h"

#include "rig.h"

static void a_snapshot_travels(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_transfer_progress progress;
    rig_init(&rig, NULL);
    rig_offer(&rig);
    rig_fetch(&rig);
    rig_run(&rig, 60);
    dbr_transfer_progress(rig.to.t, &progress);
    assert_int_equal(progress.in_total, TOTAL);
    assert_true(progress.in_done > 0 && progress.in_done < TOTAL);
    dbr_transfer_progress(rig.from.t, &progress);
    assert_int_equal(progress.out_total, TOTAL);
    assert_true(progress.out_done > 0);
    rig_run(&rig, 100000);
    assert_received(&rig);
    dbr_transfer_progress(rig.to.t, &progress);
    assert_int_equal(progress.in_total, 0);
    assert_true(rig.bytes < TOTAL + 5000); /* nothing was sent twice */
    rig_finish(&rig);
}

/* The stream breaks after any number of steps: what is on the disk is not sent again. */
static void it_goes_on_after_every_cut(void **state)
{
    (void)state;
    for (size_t steps = 1; steps < 120; steps++) {
        struct rig rig;
        rig_init(&rig, NULL);
        rig_offer(&rig);
        rig_fetch(&rig);
        rig_run(&rig, steps);
        rig_hang_up(&rig);
        rig_wait(&rig, 2000);
        assert_received(&rig);
        assert_true(rig.bytes < TOTAL + 10000);
        rig_finish(&rig);
    }
}

static void many_cuts_do_not_stop_it(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, NULL);
    rig_offer(&rig);
    rig_fetch(&rig);
    for (int i = 0; i < 1000 && rig.to.status != 0; i++) {
        rig_run(&rig, 12);
        rig_hang_up(&rig);
        rig.now += 500;
        dbr_transfer_expire(rig.to.t, rig.now);
    }
    assert_received(&rig);
    rig_finish(&rig);
}

static void a_stranger_to_it_says_nothing(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, NULL);
    assert_int_equal(
        dbr_transfer_recv(rig.to.t, 9, &rig.from.id, dbr_bytes("x", 1), 1000),
        DEBROS_EPROTO);
    dbr_transfer_stream_closed(rig.to.t, 9, 1000);
    assert_int_equal(dbr_transfer_deadline(rig.to.t), DBR_TIME_NEVER);
    rig_finish(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_snapshot_travels),
        cmocka_unit_test(it_goes_on_after_every_cut),
        cmocka_unit_test(many_cuts_do_not_stop_it),
        cmocka_unit_test(a_stranger_to_it_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
