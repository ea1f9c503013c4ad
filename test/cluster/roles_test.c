#include "fixture.h"

#include "cluster/roles.h"

/* Places and presence of candidates as letters: v s p - (voter, standby, spare, none),
 * capital: online. */
static enum dbr_role_change next(const char *text, size_t *which)
{
    struct dbr_candidate all[16] = {0};
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++) {
        static const char low[] = "-psv";
        static const char high[] = "+PSV";
        const char *at = strchr(low, text[i]);
        all[i].is_online = at == NULL;
        all[i].place =
            (enum dbr_place)(at != NULL ? at - low : strchr(high, text[i]) - high);
    }
    return dbr_roles_next(all, n, which);
}

static void assert_next(const char *text, enum dbr_role_change change, size_t expected)
{
    size_t which = 99;
    assert_int_equal(next(text, &which), change);
    if (change != DBR_CHANGE_NOTHING) {
        assert_int_equal(which, expected);
    }
}

static void a_new_member_is_added_then_votes(void **state)
{
    (void)state;
    assert_next("V+", DBR_CHANGE_ADD, 1);
    assert_next("VS", DBR_CHANGE_VOTER, 1);
    assert_next("VP", DBR_CHANGE_STANDBY, 1);
}

static void three_vote_and_two_stand_by(void **state)
{
    (void)state;
    assert_next("VVV", DBR_CHANGE_NOTHING, 0);
    assert_next("VVV+", DBR_CHANGE_ADD, 3);
    assert_next("VVVS+", DBR_CHANGE_ADD, 4);
    assert_next("VVVSS+", DBR_CHANGE_NOTHING, 0);
    assert_next("VVVS", DBR_CHANGE_NOTHING, 0);
}

static void who_is_away_gets_no_new_place(void **state)
{
    (void)state;
    assert_next("V-", DBR_CHANGE_NOTHING, 0);
    assert_next("Vs", DBR_CHANGE_NOTHING, 0);
    assert_next("Vs+", DBR_CHANGE_ADD, 2);
    assert_next("", DBR_CHANGE_NOTHING, 0);
}

/* An absent voter keeps its vote: there is no replacement behind anybody's back. */
static void an_absent_voter_stays(void **state)
{
    (void)state;
    assert_next("VvVSS", DBR_CHANGE_NOTHING, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_member_is_added_then_votes),
        cmocka_unit_test(three_vote_and_two_stand_by),
        cmocka_unit_test(who_is_away_gets_no_new_place),
        cmocka_unit_test(an_absent_voter_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
