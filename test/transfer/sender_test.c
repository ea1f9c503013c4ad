#include "transfer/inner.h"

#include "rig.h"

static void one_copy_serves_all(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, NULL);
    rig_offer(&rig);
    dbr_transfer_ask(rig.from.t, 10, rig.now);
    rig_run(&rig, 1000);
    assert_int_equal(rig.from.counts[DBR_TRANSFER_OFFER], 2);
    assert_int_equal(rig.from.counts[DBR_TRANSFER_FREEZE], 1);
    dbr_transfer_ask(rig.from.t, 11, rig.now); /* the log has moved on: another copy */
    rig_run(&rig, 1000);
    assert_int_equal(rig.from.counts[DBR_TRANSFER_FREEZE], 2);
    rig_finish(&rig);
}

static void a_copy_is_dropped_when_nobody_wants_it(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, NULL);
    rig_offer(&rig);
    rig_wait(&rig, 59000);
    assert_int_equal(rig.from.n_bulk[DBR_BULK_DROP], 0);
    rig_fetch(&rig); /* somebody does */
    rig_run(&rig, 100000);
    rig_wait(&rig, 59000);
    assert_int_equal(rig.from.n_bulk[DBR_BULK_DROP], 0);
    rig_wait(&rig, 2000);
    assert_int_equal(rig.from.n_bulk[DBR_BULK_DROP], 1);
    rig_finish(&rig);
}

static void who_comes_too_late_is_told(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, NULL);
    rig_offer(&rig);
    rig_wait(&rig, 61000);
    rig_fetch(&rig);
    rig_run(&rig, 1000);
    assert_int_equal(rig.from.counts[DBR_TRANSFER_LOST], 1);
    assert_int_equal(rig.to.counts[DBR_TRANSFER_FETCHED], 1);
    assert_int_equal(rig.to.status, DEBROS_ENOTFOUND);
    rig_finish(&rig);
}

static void what_cannot_be_frozen_is_not_offered(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_transfer_event event;
    rig_init(&rig, NULL);
    dbr_transfer_ask(rig.from.t, 10, rig.now);
    assert_true(dbr_transfer_poll(rig.from.t, &event));
    assert_int_equal(event.type, DBR_TRANSFER_FREEZE);
    dbr_transfer_frozen(rig.from.t, event.freeze, DEBROS_EIO, rig.now);
    rig_run(&rig, 10);
    assert_int_equal(rig.from.counts[DBR_TRANSFER_OFFER], 1);
    assert_int_equal(rig.from.status, DEBROS_EIO);
    dbr_transfer_ask(rig.from.t, 10, rig.now); /* the next try works */
    rig_run(&rig, 100);
    assert_int_equal(rig.from.status, 0);
    rig_finish(&rig);
}

static void the_rate_is_kept(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_transfer_limits limits;
    dbr_transfer_limits_default(&limits);
    limits.chunk = 100;
    limits.rate = 2000; /* bytes in a second */
    rig_init(&rig, &limits);
    rig_offer(&rig);
    rig_wait(&rig, 100);
    rig.from.t->sender.credit = 0;
    rig_fetch(&rig);
    rig_wait(&rig, 4000);
    assert_int_equal(rig.to.counts[DBR_TRANSFER_FETCHED], 0);
    assert_true(rig.to.staged > 6000 && rig.to.staged <= 8300);
    rig_wait(&rig, 6000);
    assert_received(&rig);
    rig_finish(&rig);
}

static struct dbr_transfer_message fetch_of(const struct rig *rig, uint64_t offset)
{
    struct dbr_transfer_message m = {
        .type = DBR_TRANSFER_FETCH, .offset = offset, .length = 100};
    dbr_descriptor_id(m.id, rig_descriptor(rig));
    return m;
}

static int ask(struct rig *rig, uint64_t stream, const struct dbr_transfer_message *m)
{
    struct dbr_buf bytes = {0};
    assert_int_equal(dbr_transfer_encode(&bytes, m), 0);
    int rv =
        dbr_transfer_recv(rig->from.t, stream, &rig->to.id, test_view(bytes), rig->now);
    dbr_buf_finish(&bytes);
    return rv;
}

static void too_much_at_once_is_refused(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_transfer_limits limits;
    dbr_transfer_limits_default(&limits);
    limits.fetches = 3;
    limits.streams = 2;
    limits.reads = 1;
    rig_init(&rig, &limits);
    rig_offer(&rig);
    rig.busy = true;
    struct dbr_transfer_message m = fetch_of(&rig, 0);
    assert_int_equal(ask(&rig, 5, &m), 0);
    assert_int_equal(ask(&rig, 5, &m), 0);
    assert_int_equal(ask(&rig, 5, &m), 0);
    assert_int_equal(ask(&rig, 5, &m), DEBROS_EPROTO);
    assert_int_equal(ask(&rig, 6, &m), 0);
    assert_int_equal(ask(&rig, 7, &m), DEBROS_EPROTO); /* streams */
    dbr_transfer_stream_closed(rig.from.t, 6, rig.now);
    assert_int_equal(ask(&rig, 7, &m), 0);
    rig_run(&rig, 10);
    assert_int_equal(rig.from.n_bulk[DBR_BULK_READ], 1); /* one at the disk */
    m = fetch_of(&rig, TOTAL);
    assert_int_equal(ask(&rig, 7, &m), DEBROS_EPROTO);
    m.type = DBR_TRANSFER_GONE;
    assert_int_equal(ask(&rig, 8, &m), DEBROS_EPROTO);
    rig_finish(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_copy_serves_all),
        cmocka_unit_test(a_copy_is_dropped_when_nobody_wants_it),
        cmocka_unit_test(who_comes_too_late_is_told),
        cmocka_unit_test(what_cannot_be_frozen_is_not_offered),
        cmocka_unit_test(the_rate_is_kept),
        cmocka_unit_test(too_much_at_once_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
