/* What a caller hears of libraft's errors. */
#include "consensus/machine.h"
#include "test.h"


static void each_error_has_one_of_ours(void **state)
{
    (void)state;
    static const int pairs[][2] = {{0, 0},
                                   {RAFT_NOMEM, DEBROS_ENOMEM},
                                   {RAFT_NOTLEADER, DEBROS_ENOTLEADER},
                                   {RAFT_LEADERSHIPLOST, DEBROS_ENOTLEADER},
                                   {RAFT_CANTCHANGE, DEBROS_EBUSY},
                                   {RAFT_BUSY, DEBROS_EBUSY},
                                   {RAFT_DUPLICATEID, DEBROS_EINVAL},
                                   {RAFT_NOTFOUND, DEBROS_EINVAL},
                                   {RAFT_NOCONNECTION, DEBROS_ETIMEDOUT},
                                   {RAFT_CORRUPT, DEBROS_EINTERNAL},
                                   {-1, DEBROS_EINTERNAL}};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        assert_int_equal(dbr_consensus_error(pairs[i][0]), pairs[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_error_has_one_of_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
