#include "store/vote.h"

#include "lib/test.h"

static uint8_t file[DBR_VOTE_FILE];
/* What choose() has found. */
static struct dbr_vote vote;
static size_t damaged;
static bool empty;

static int setup(void **state)
{
    (void)state;
    memset(file, 0, sizeof(file));
    damaged = 0;
    empty = false;
    return 0;
}

static void put(uint64_t seq, uint64_t term, uint64_t candidate)
{
    struct dbr_vote slot = {
        .seq = seq, .term = term, .vote = candidate, .segment = 3, .offset = 4096};
    dbr_vote_encode(file + seq % 2 * DBR_VOTE_BLOCK, &slot);
}

static int choose(void)
{
    return dbr_vote_choose(&vote, dbr_bytes(file, sizeof(file)), &damaged, &empty);
}

static void the_newer_slot_wins(void **state)
{
    (void)state;
    for (uint64_t seq = 1; seq < 10; seq++) {
        put(seq, seq * 10, seq * 100);
        assert_int_equal(choose(), 0);
        assert_int_equal(damaged, 0);
        assert_false(empty);
        assert_int_equal(vote.seq, seq);
        assert_int_equal(vote.term, seq * 10);
        assert_int_equal(vote.vote, seq * 100);
        assert_int_equal(vote.segment, 3);
        assert_int_equal(vote.offset, 4096);
    }
}

static void one_damaged_slot_leaves_the_other(void **state)
{
    (void)state;
    put(4, 7, 70);
    put(5, 8, 80);
    for (size_t slot = 0; slot < 2; slot++) {
        for (size_t i = 0; i < DBR_VOTE_SLOT * 8; i++) {
            uint8_t *byte = &file[slot * DBR_VOTE_BLOCK + i / 8];
            *byte ^= (uint8_t)(1 << (i % 8));
            assert_int_equal(choose(), 0);
            assert_int_equal(damaged, 1);
            assert_int_equal(vote.term, slot == 0 ? 8 : 7);
            *byte ^= (uint8_t)(1 << (i % 8));
        }
    }
}

static void two_damaged_slots_are_an_error(void **state)
{
    (void)state;
    put(4, 7, 70);
    put(5, 8, 80);
    file[20] ^= 1;
    file[DBR_VOTE_BLOCK + 20] ^= 1;
    assert_int_equal(choose(), DEBROS_EIO);
    assert_int_equal(damaged, 2);
    assert_false(empty);
}

static void nothing_written_is_told_from_damage(void **state)
{
    (void)state;
    assert_int_equal(choose(), DEBROS_EIO);
    assert_true(empty);
    assert_int_equal(dbr_vote_choose(&vote, dbr_bytes(file, 0), &damaged, &empty),
                     DEBROS_EIO);
    assert_true(empty);
    file[sizeof(file) - 1] = 1;
    assert_int_equal(choose(), DEBROS_EIO);
    assert_false(empty);
}

static void a_slot_in_the_place_of_the_other_does_not_count(void **state)
{
    (void)state;
    put(4, 7, 70);
    memcpy(file + DBR_VOTE_BLOCK, file, DBR_VOTE_SLOT);
    memset(file, 0, DBR_VOTE_BLOCK);
    assert_int_equal(choose(), DEBROS_EIO);
    assert_int_equal(damaged, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_newer_slot_wins, setup),
        cmocka_unit_test_setup(one_damaged_slot_leaves_the_other, setup),
        cmocka_unit_test_setup(two_damaged_slots_are_an_error, setup),
        cmocka_unit_test_setup(nothing_written_is_told_from_damage, setup),
        cmocka_unit_test_setup(a_slot_in_the_place_of_the_other_does_not_count, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
