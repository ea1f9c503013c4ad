/* Hundreds of seeds of the simulated cluster, and the proof that it can see: libraft
 * without the repairs fails in it.
 *
 *   consensus_sim_test                  the suite
 *   consensus_sim_test SEED [poor]      one seed, told step by step
 *   consensus_sim_test FIRST COUNT      many seeds, for a soak
 *   consensus_sim_test poor FIRST COUNT the same with memory that fails
 *   consensus_sim_test bare FIRST COUNT what libraft does without the repairs
 *
 * DEBROS_SIM_SEEDS sets the number of seeds of the suite. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "consensus_sim.h"
#include "test.h"

#define SEEDS      400
#define BARE_SEEDS 200

static uint64_t run_seeds(uint64_t first, uint64_t count, bool poor,
                          struct sim_counts *sum)
{
    uint64_t failed = 0;
    for (uint64_t seed = first; seed < first + count; seed++) {
        struct sim_config config;
        struct sim_counts c;
        sim_config_of(&config, seed);
        config.poor = poor;
        const char *wrong = sim_run(&config, &c);
        if (wrong != NULL) {
            printf("seed %llu: %s\n  replay: consensus_sim_test %llu%s\n",
                   (unsigned long long)seed, wrong, (unsigned long long)seed,
                   poor ? " poor" : "");
            fflush(stdout);
            failed++;
        }
        sum->acked += c.acked;
        sum->reads += c.reads;
        sum->crashes += c.crashes;
        sum->leaders += c.leaders;
        sum->messages += c.messages;
        sum->snapshots += c.snapshots;
        sum->installs += c.installs;
        sum->changes += c.changes;
        sum->transfers += c.transfers;
        sum->poor += c.poor;
        sum->ended += c.ended;
    }
    return failed;
}

static void print_sum(const struct sim_counts *c)
{
    printf("acknowledged %llu, reads %llu, crashes %llu, leaders %llu, messages %llu,\n"
           "snapshots %llu, installs %llu, changes %llu, transfers %llu,\n"
           "calls without memory %llu, ended by it %llu\n",
           (unsigned long long)c->acked, (unsigned long long)c->reads,
           (unsigned long long)c->crashes, (unsigned long long)c->leaders,
           (unsigned long long)c->messages, (unsigned long long)c->snapshots,
           (unsigned long long)c->installs, (unsigned long long)c->changes,
           (unsigned long long)c->transfers,
           (unsigned long long)c->poor, (unsigned long long)c->ended);
}

static uint64_t seeds_wanted(void)
{
    const char *text = getenv("DEBROS_SIM_SEEDS");
    return text != NULL ? strtoull(text, NULL, 10) : SEEDS;
}

static void nothing_goes_wrong_under_faults(void **state)
{
    (void)state;
    struct sim_counts sum = {0};
    uint64_t seeds = seeds_wanted();
    assert_int_equal(run_seeds(1, seeds, false, &sum), 0);
    print_sum(&sum);
    /* The simulation does what it says. */
    assert_true(sum.crashes > seeds && sum.installs > 0 && sum.snapshots > seeds);
    assert_true(sum.changes > 0 && sum.transfers > 0 && sum.reads > seeds);
}

/* No crash, no leak, and nothing that was acknowledged is lost. */
static void nothing_goes_wrong_without_memory(void **state)
{
    (void)state;
    struct sim_counts sum = {0};
    uint64_t seeds = seeds_wanted() / 4 + 1;
    assert_int_equal(run_seeds(1000001, seeds, true, &sum), 0);
    print_sum(&sum);
    assert_true(sum.poor > seeds && sum.ended > seeds);
}

static void a_seed_is_a_run(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 16; seed++) {
        struct sim_config config;
        struct sim_counts a, b;
        sim_config_of(&config, seed);
        sim_run(&config, &a);
        sim_run(&config, &b);
        assert_true(a.hash == b.hash);
        assert_memory_equal(&a, &b, sizeof(a));
    }
}

/* In a child, because it may crash: that is a failure that was seen, too. */
static bool bare_fails(uint64_t seed, bool aim, bool tell)
{
    struct sim_config config;
    struct sim_counts counts;
    sim_config_of(&config, seed);
    config.bare = true;
    config.aim = aim;
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(20);
        if (freopen("/dev/null", "w", stderr) == NULL) {
            _exit(2);
        }
        const char *wrong = sim_run(&config, &counts);
        if (wrong != NULL && tell) {
            printf("seed %llu: %s\n", (unsigned long long)seed, wrong);
            fflush(stdout);
        }
        _exit(wrong != NULL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status) && tell) {
        printf("seed %llu: signal %d\n", (unsigned long long)seed, WTERMSIG(status));
    }
    return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

static void bare_libraft_is_seen_to_fail(void **state)
{
    (void)state;
    for (int aim = 0; aim < 2; aim++) {
        uint64_t seed = 1;
        while (seed < BARE_SEEDS && !bare_fails(seed, aim == 1, false)) {
            seed++;
        }
        printf("bare, %s: fails at seed %llu\n", aim ? "aimed crashes" : "random crashes",
               (unsigned long long)seed);
        assert_true(seed < BARE_SEEDS);
    }
}

static int one_seed(uint64_t seed, bool poor)
{
    struct sim_config config;
    struct sim_counts counts;
    sim_config_of(&config, seed);
    config.poor = poor;
    config.verbose = true;
    const char *wrong = sim_run(&config, &counts);
    printf("seed %llu: %s, hash %016llx\n", (unsigned long long)seed,
           wrong != NULL ? wrong : "nothing wrong", (unsigned long long)counts.hash);
    print_sum(&counts);
    return wrong != NULL;
}

int main(int argc, char **argv)
{
    bool poor = argc > 2 && strcmp(argv[argc == 3 ? 2 : 1], "poor") == 0;
    if (argc == 2 || (argc == 3 && poor)) {
        return one_seed(strtoull(argv[1], NULL, 10), poor);
    }
    if (argc == 4 && !poor) {
        uint64_t first = strtoull(argv[2], NULL, 10), count = strtoull(argv[3], NULL, 10);
        for (uint64_t seed = first; seed < first + count; seed++) {
            bare_fails(seed, seed / 2 % 2 == 1, true);
        }
        return 0;
    }
    if (argc > 2) {
        struct sim_counts sum = {0};
        uint64_t first = strtoull(argv[argc - 2], NULL, 10);
        uint64_t failed =
            run_seeds(first, strtoull(argv[argc - 1], NULL, 10), poor, &sum);
        print_sum(&sum);
        printf("%llu failed\n", (unsigned long long)failed);
        return failed != 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_is_a_run),
        cmocka_unit_test(nothing_goes_wrong_under_faults),
        cmocka_unit_test(nothing_goes_wrong_without_memory),
        cmocka_unit_test(bare_libraft_is_seen_to_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
