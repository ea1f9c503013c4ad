/* Every allocation of two connected stacks fails once: a clean error or a stream less,
 * never a crash, a leak or a wrong byte. */
#include "base/alloc.h"
#include "fault.h"
#include "pair.h"
#include "test.h"

static int start(struct pair *p)
{
    for (int i = 0; i < 2; i++) {
        struct pair_side *side = &p->side[i];
        int err = dbr_stack_create(&side->stack, &p->config[i], &side->rng, p->now);
        if (err != 0) {
            return err;
        }
    }
    return pair_run(p);
}

static int converse(struct pair *p)
{
    static const uint8_t big[300000];
    uint32_t stream = 0;
    int err = start(p);
    if (err == 0) {
        err = dbr_stack_open(p->side[0].stack, &stream, dbr_bytes_str("/echo"), p->now);
    }
    if (err == 0) {
        err = dbr_stack_send(p->side[0].stack, stream, dbr_bytes(big, sizeof(big)));
    }
    if (err == 0) {
        (void)dbr_stack_send(p->side[0].stack, stream, dbr_bytes(big, 1)); /* EBUSY */
        err = pair_run(p);
    }
    if (err == 0) {
        dbr_stack_finish(p->side[0].stack, stream);
        dbr_stack_finish(p->side[1].stack, stream);
        dbr_stack_goaway(p->side[1].stack);
        err = pair_run(p);
    }
    return err;
}

static void walk(bool no_early_muxer)
{
    for (size_t n = 0;; n++) {
        struct pair *p = pair_new(1, PAIR_WHOLE);
        p->config[1].no_early_muxer = no_early_muxer;
        fault_after(n);
        int err = converse(p);
        bool failed = fault_off();
        /* protobuf-c cannot tell a short memory from a malformed payload. */
        assert_true(err == 0 || err == DEBROS_ENOMEM || err == DEBROS_EPROTO);
        if (err != 0 && p->side[0].err == DEBROS_ENOMEM) {
            assert_true(strlen(dbr_stack_reason(p->side[0].stack)) > 0);
        }
        pair_free(p);
        if (!failed) {
            assert_int_equal(err, 0);
            assert_true(n > 20);
            return;
        }
    }
}

static void a_connection_survives_every_failed_allocation_or_says_enomem(void **state)
{
    (void)state;
    walk(false);
}

static void so_does_one_that_negotiates_its_muxer(void **state)
{
    (void)state;
    walk(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_survives_every_failed_allocation_or_says_enomem),
        cmocka_unit_test(so_does_one_that_negotiates_its_muxer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
