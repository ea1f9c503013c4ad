/* Runs seeds, prints what they met, and tells of each that fails how to see it again.
 *
 *   sim_test --nodes N --first SEED --count COUNT [--fault-ms MS] [--twice]
 *   sim_test --nodes N --seed SEED [--verbose] [--only 3,7]    replays one
 *       --nemesis NAME  --work NAME     one kind of faults, one kind of load
 *       --poor                          and now and then no memory
 *   sim_test --matrix --first SEED --count COUNT    every kind of faults with every load
 *   sim_test --points NAME,NAME --count COUNT       nodes die at each of these failpoints
 *   sim_test --bare --count COUNT                   libraft without repairs must fail
 *
 * DEBROS_SEEDS replaces COUNT; of the matrix, the number of all runs. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "minimize.h"

#define TOLD_IN_FULL 2 /* failures whose trace is printed */

struct options {
    struct sim_config config;
    uint64_t first, count;
    bool twice, bare, matrix, stop;
    const char *only, *points;
    bool skip[SIM_FAULTS_MAX];
};

struct sum {
    uint64_t seen[SIM_SEEN_COUNT];
    uint64_t runs, failed, point_hits;
};

static char replay[256]; /* of the run under way */

/* ---- One seed ------------------------------------------------------------------------
 */

static void set_replay(const struct sim_config *c)
{
    snprintf(
        replay, sizeof(replay),
        "build/test/sim/sim_test --nodes %d --fault-ms %u --nemesis %s --work %s%s%s%s "
        "--seed %llu",
        c->n_nodes, c->fault_ms, sim_nemesis_names[c->nemesis],
        c->workload < SIM_WORK_COUNT ? sim_workload_names[c->workload] : "any",
        c->poor ? " --poor" : "",
        c->failpoint != NULL ? " --points " : "",
        c->failpoint != NULL ? c->failpoint : "", (unsigned long long)c->seed);
}

#ifndef __SANITIZE_ADDRESS__ /* which says where by itself */
/* An assertion, or worse: at least say where. */
static void crashed(int signal)
{
    static const char text[] = "\nthe process crashed in: ";
    if (write(STDERR_FILENO, text, sizeof(text) - 1) > 0 &&
        write(STDERR_FILENO, replay, strlen(replay)) > 0 &&
        write(STDERR_FILENO, "\n", 1) > 0) {
        raise(signal);
    }
    _exit(1);
}

#endif

static void print_trace(const struct sim_result *result)
{
    uint64_t n = result->n_tail < SIM_TRACE_KEPT ? result->n_tail : SIM_TRACE_KEPT;
    printf("  the last %llu lines of its trace:\n", (unsigned long long)n);
    for (uint64_t i = result->n_tail - n; i < result->n_tail; i++) {
        printf("    %s\n", result->tail[i % SIM_TRACE_KEPT]);
    }
}

static void print_minimal(const struct sim_config *config, struct sim_result *result)
{
    bool skip[SIM_FAULTS_MAX];
    int runs = sim_minimize(config, skip, result);
    printf("  fewer faults do (%d runs tried): %s\n", runs, result->why);
    for (int i = 1; i <= result->n_faults; i++) {
        if (!skip[i]) {
            printf("    %3d at %llu: %s\n", i, (unsigned long long)result->faults[i].at,
                   result->faults[i].text);
        }
    }
    printf("  replay: %s --verbose --only %s", replay, skip[0] ? "" : "0,");
    for (int i = 1; i <= result->n_faults; i++) {
        if (!skip[i]) {
            printf("%d,", i);
        }
    }
    printf("\n");
}

static void tell(const struct sim_config *config, struct sim_result *result, bool in_full)
{
    printf("seed %llu failed: %s\n  replay: %s --verbose\n",
           (unsigned long long)config->seed, result->why, replay);
    if (in_full) {
        print_trace(result);
        sim_result_finish(result);
        print_minimal(config, result);
    }
    fflush(stdout);
}

/* So many join under faults: every second seed of mixed faults leaves members for then,
 * and with five nodes or more every fourth all but two: a voter's place is free. */
static int late(const struct sim_config *config)
{
    bool joins = config->nemesis == SIM_NEMESIS_MIXED
                     ? config->seed % 2 == 0
                     : config->nemesis == SIM_NEMESIS_MEMBERS;
    if (!joins || config->n_nodes <= 2) {
        return 0;
    }
    if (config->n_nodes <= 4) {
        return 1;
    }
    return config->seed % 4 == 0 ? config->n_nodes - 2 : 2;
}

static bool run_seed(const struct options *o, const struct sim_config *base,
                     uint64_t seed, struct sum *sum)
{
    struct sim_config config = *base;
    struct sim_result *result = calloc(2, sizeof(*result));
    config.seed = seed;
    config.skip = o->only != NULL ? o->skip : NULL;
    config.n_late = late(&config);
    set_replay(&config);
    sim_run(&config, result);
    sum->runs++;
    sum->point_hits += result->point_hits;
    for (int i = 0; i < SIM_SEEN_COUNT; i++) {
        sum->seen[i] += result->seen[i];
    }
    bool twice = result->ok && o->twice && seed % 50 == 0;
    if (twice && (sim_run(&config, &result[1]), result[1].trace != result->trace)) {
        result->ok = false;
        strcpy(result->why, "the same seed ran differently");
    }
    bool ok = result->ok;
    if (!ok) {
        bool in_full =
            sum->failed < TOLD_IN_FULL && !o->bare && !o->stop && !config.verbose;
        tell(&config, result, in_full);
        sum->failed++;
    }
    sim_result_finish(&result[0]);
    sim_result_finish(&result[1]);
    free(result);
    return ok;
}

/* ---- Many ----------------------------------------------------------------------------
 */

static void print_seen(const struct sum *sum)
{
    for (int i = 0; i < SIM_SEEN_COUNT; i++) {
        printf("%10llu %s\n", (unsigned long long)sum->seen[i], sim_seen_names[i]);
    }
}

/* A batch of mixed faults is blind unless it has met everything: see seen.h. */
static bool is_blind(const struct sum *sum)
{
#define SIM_SEEN_MUST(name, text, mixed) mixed,
    static const uint8_t must[SIM_SEEN_COUNT] = {SIM_SEEN(SIM_SEEN_MUST)};
#undef SIM_SEEN_MUST
    static const uint64_t enough[] = {UINT64_MAX, 250, 450};
    bool blind = false;
    for (int i = 0; i < SIM_SEEN_COUNT; i++) {
        if (sum->runs >= enough[must[i]] && sum->seen[i] == 0) {
            printf("blind: this never happened: %s\n", sim_seen_names[i]);
            blind = true;
        }
    }
    return blind;
}

static int run_seeds(const struct options *o)
{
    struct sum sum = {0};
    for (uint64_t i = 0; i < o->count && !(o->stop && sum.failed > 0); i++) {
        run_seed(o, &o->config, o->first + i, &sum);
    }
    print_seen(&sum);
    printf("%llu seeds of %d nodes, faults %s: %llu failed\n",
           (unsigned long long)sum.runs, o->config.n_nodes,
           sim_nemesis_names[o->config.nemesis], (unsigned long long)sum.failed);
    bool all = o->config.nemesis == SIM_NEMESIS_MIXED && !o->stop;
    bool had_memory = o->config.poor && sum.seen[SIM_SEEN_POOR] == 0;
    return sum.failed != 0 || had_memory || (all && is_blind(&sum));
}

static int run_matrix(const struct options *o)
{
    struct sum sum = {0};
    for (int work = 0; work < SIM_WORK_COUNT; work++) {
        for (int nemesis = 0; nemesis < SIM_NEMESIS_COUNT; nemesis++) {
            for (uint64_t i = 0; i < o->count; i++) {
                struct sim_config config = o->config;
                config.workload = (enum sim_workload)work;
                config.nemesis = (enum sim_nemesis)nemesis;
                config.n_nodes = (o->first + i) % 2 == 0 ? 5 : 3;
                run_seed(o, &config, o->first + i, &sum);
            }
        }
    }
    print_seen(&sum);
    printf("%d loads, %d kinds of faults, %llu seeds each: %llu failed\n", SIM_WORK_COUNT,
           SIM_NEMESIS_COUNT, (unsigned long long)o->count,
           (unsigned long long)sum.failed);
    return sum.failed != 0;
}

/* At each point nodes must have died, in two seeds, and nothing is lost by it. With
 * DEBROS_BRIEF one seed is enough. */
static int run_points(const struct options *o)
{
    uint64_t wanted = getenv("DEBROS_BRIEF") != NULL ? 1 : 2;
    char *names = strdup(o->points);
    int failed = 0;
    for (char *name = strtok(names, ","); name != NULL; name = strtok(NULL, ",")) {
        struct sum sum = {0};
        struct sim_config config = o->config;
        uint64_t seeds_hit = 0;
        config.failpoint = name;
        for (uint64_t i = 0; i < o->count && seeds_hit < wanted; i++) {
            uint64_t before = sum.point_hits;
            run_seed(o, &config, o->first + i, &sum);
            seeds_hit += sum.point_hits > before;
        }
        bool ok = seeds_hit > 0 && sum.failed == 0;
        printf("%-28s %3llu deaths in %llu runs%s\n", name,
               (unsigned long long)sum.point_hits, (unsigned long long)sum.runs,
               ok               ? ""
               : sum.failed > 0 ? ": FAILED"
                                : ": NEVER HIT");
        fflush(stdout);
        failed += !ok;
    }
    free(names);
    return failed != 0;
}

/* Each seed in a process of its own, since it may crash. */
static int run_bare(struct options *o)
{
    o->config.bare = true;
    for (uint64_t i = 0; i < o->count; i++) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            struct sum sum = {0};
            alarm(60);
            _exit(run_seed(o, &o->config, o->first + i, &sum) ? 0 : 1);
        }
        int status = 0;
        waitpid(child, &status, 0);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            printf("libraft without the repairs fails at seed %llu (the %lluth)%s\n",
                   (unsigned long long)(o->first + i), (unsigned long long)i + 1,
                   WIFSIGNALED(status) ? ": it crashed" : "");
            return 0;
        }
    }
    printf("libraft without the repairs passed %llu seeds: the simulation is blind\n",
           (unsigned long long)o->count);
    return 1;
}

/* ---- Arguments -----------------------------------------------------------------------
 */

static bool name_of(int *out, const char *value, const char *const *names, int n)
{
    for (int i = 0; i < n; i++) {
        if (strcmp(value, names[i]) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

static void parse_only(struct options *o, const char *value)
{
    char *end;
    memset(o->skip, 1, sizeof(o->skip));
    o->only = value;
    for (; *value != '\0'; value = *end == ',' ? end + 1 : end) {
        unsigned long number = strtoul(value, &end, 10);
        if (end == value) {
            return;
        }
        o->skip[number % SIM_FAULTS_MAX] = false;
    }
}

static bool parse_flag(struct options *o, const char *flag)
{
    bool *to = strcmp(flag, "--verbose") == 0  ? &o->config.verbose
               : strcmp(flag, "--twice") == 0  ? &o->twice
               : strcmp(flag, "--poor") == 0   ? &o->config.poor
               : strcmp(flag, "--bare") == 0   ? &o->bare
               : strcmp(flag, "--matrix") == 0 ? &o->matrix
               : strcmp(flag, "--stop") == 0   ? &o->stop
                                               : NULL;
    if (to != NULL) {
        *to = true;
    }
    return to != NULL;
}

static bool parse_value(struct options *o, const char *flag, const char *value)
{
    int i;
    uint64_t number = strtoull(value, NULL, 10);
    if (strcmp(flag, "--nodes") == 0) {
        o->config.n_nodes = (int)number;
    } else if (strcmp(flag, "--first") == 0) {
        o->first = number;
    } else if (strcmp(flag, "--count") == 0) {
        o->count = number;
    } else if (strcmp(flag, "--seed") == 0) {
        o->first = number;
        o->count = 1;
    } else if (strcmp(flag, "--fault-ms") == 0) {
        o->config.fault_ms = (uint32_t)number;
    } else if (strcmp(flag, "--points") == 0) {
        o->points = value;
    } else if (strcmp(flag, "--only") == 0) {
        parse_only(o, value);
    } else if (strcmp(flag, "--work") == 0) {
        bool known = name_of(&i, value, sim_workload_names, SIM_WORK_COUNT);
        o->config.workload = known ? (enum sim_workload)i : SIM_WORK_ANY;
        return known || strcmp(value, "any") == 0;
    } else if (strcmp(flag, "--nemesis") == 0) {
        bool known = name_of(&i, value, sim_nemesis_names, SIM_NEMESIS_COUNT);
        o->config.nemesis = known ? (enum sim_nemesis)i : SIM_NEMESIS_MIXED;
        return known;
    } else {
        return false;
    }
    return true;
}

static bool parse(struct options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (parse_flag(o, argv[i])) {
            continue;
        }
        if (i + 1 >= argc || !parse_value(o, argv[i], argv[i + 1])) {
            return false;
        }
        i++;
    }
    return o->config.n_nodes >= 1 && o->config.n_nodes < SIM_NODES_MAX;
}

static void catch_crashes(void)
{
#ifndef __SANITIZE_ADDRESS__
    struct sigaction action = {.sa_handler = crashed, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGABRT, &action, NULL);
    sigaction(SIGSEGV, &action, NULL);
#endif
}

int main(int argc, char **argv)
{
    static struct options o;
    const char *seeds = getenv("DEBROS_SEEDS");
    o.first = 1;
    o.count = 10;
    o.config.n_nodes = 3;
    o.config.fault_ms = 20000;
    o.config.workload = SIM_WORK_ANY;
    if (!parse(&o, argc, argv)) {
        fprintf(stderr, "usage: see the head of sim_test.c\n");
        return 2;
    }
    if (seeds != NULL && !o.config.verbose && !o.bare && o.points == NULL) {
        o.count = strtoull(seeds, NULL, 10);
        if (o.matrix) { /* all of its runs together */
            o.count = o.count / ((uint64_t)SIM_WORK_COUNT * SIM_NEMESIS_COUNT);
            o.count = o.count > 0 ? o.count : 1;
        }
    }
    if (!o.bare) {
        catch_crashes();
    }
    return o.bare             ? run_bare(&o)
           : o.matrix         ? run_matrix(&o)
           : o.points != NULL ? run_points(&o)
                              : run_seeds(&o);
}
