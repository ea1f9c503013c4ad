/* Runs seeds. Without arguments: as a test, DEBROS_SEEDS seeds (default: argv's).
 *
 *   sim_test --nodes N --first SEED --count COUNT [--fault-ms MS] [--twice]
 *   sim_test --nodes N --seed SEED [--verbose]       replays one
 *   sim_test --bare --count COUNT                    libraft without repairs must fail
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world.h"

struct options {
    struct sim_config config;
    uint64_t first, count;
    bool twice, bare;
};

static void add(struct sim_counters *to, const struct sim_counters *from)
{
    uint64_t *t = (uint64_t *)to;
    const uint64_t *f = (const uint64_t *)from;
    for (size_t i = 0; i < sizeof(*to) / sizeof(uint64_t); i++) {
        t[i] += f[i];
    }
}

static void print_counters(const struct sim_counters *n)
{
    printf("acked %llu unknown %llu refused %llu reads %llu | crashes %llu (torn %llu, "
           "at votes %llu) "
           "partitions %llu stops %llu cuts %llu full disks %llu bad disks %llu | "
           "images %llu restores %llu dials %llu\n",
           (unsigned long long)n->acked, (unsigned long long)n->unknown,
           (unsigned long long)n->failed, (unsigned long long)n->reads,
           (unsigned long long)n->crashes, (unsigned long long)n->torn_crashes,
           (unsigned long long)n->vote_crashes, (unsigned long long)n->partitions,
           (unsigned long long)n->stops, (unsigned long long)n->cuts,
           (unsigned long long)n->full_disks, (unsigned long long)n->bad_disks,
           (unsigned long long)n->images, (unsigned long long)n->restores,
           (unsigned long long)n->redials);
}

static void print_reads(const struct sim_counters *n)
{
    printf("reads: linearizable %llu none %llu weak %llu strong %llu auto %llu, refused as "
           "stale %llu\n",
           (unsigned long long)n->reads_of[DEBROS_LINEARIZABLE],
           (unsigned long long)n->reads_of[DEBROS_NONE],
           (unsigned long long)n->reads_of[DEBROS_WEAK],
           (unsigned long long)n->reads_of[DEBROS_STRONG],
           (unsigned long long)n->reads_of[DEBROS_AUTO],
           (unsigned long long)n->stale_refusals);
}

static bool run_seed(const struct options *o, uint64_t seed, struct sim_counters *sum)
{
    struct sim_config config = o->config;
    struct sim_result result;
    struct sim_result again;
    config.seed = seed;
    config.late_join = seed % 2 == 0 && config.n_nodes > 2;
    sim_run(&config, &result);
    add(sum, &result.n);
    if (result.ok && o->twice && seed % 50 == 0) {
        sim_run(&config, &again);
        if (again.trace != result.trace) {
            result.ok = false;
            strcpy(result.why, "the same seed ran differently");
        }
    }
    if (!result.ok) {
        printf("seed %llu failed: %s\n  replay: build/test/sim/sim_test --nodes %d "
               "--fault-ms %u --seed %llu --verbose\n",
               (unsigned long long)seed, result.why, config.n_nodes, config.fault_ms,
               (unsigned long long)seed);
        fflush(stdout);
    }
    return result.ok;
}

static int run_seeds(const struct options *o)
{
    struct sim_counters sum = {0};
    uint64_t failed = 0;
    for (uint64_t i = 0; i < o->count; i++) {
        failed += !run_seed(o, o->first + i, &sum);
    }
    print_counters(&sum);
    print_reads(&sum);
    printf("%llu seeds of %d nodes: %llu failed\n", (unsigned long long)o->count,
           o->config.n_nodes, (unsigned long long)failed);
    bool is_blind =
        o->count >= 100 && (sum.images == 0 || sum.restores == 0 ||
                            sum.torn_crashes == 0 || sum.vote_crashes == 0 ||
                            sum.stops == 0 || sum.partitions == 0 || sum.acked == 0 ||
                            sum.stale_refusals == 0 || sum.reads_of[DEBROS_WEAK] == 0);
    if (is_blind) {
        printf("blind: one of the rare events above never happened\n");
    }
    return failed != 0 || is_blind;
}

/* Each seed in a process of its own, since it may crash. */
static int run_bare(struct options *o)
{
    o->config.bare = true;
    for (uint64_t i = 0; i < o->count; i++) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            struct sim_counters sum = {0};
            alarm(60);
            _exit(run_seed(o, o->first + i, &sum) ? 0 : 1);
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

static bool parse(struct options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "0";
        if (strcmp(argv[i], "--verbose") == 0) {
            o->config.verbose = true;
            continue;
        }
        if (strcmp(argv[i], "--twice") == 0) {
            o->twice = true;
            continue;
        }
        if (strcmp(argv[i], "--bare") == 0) {
            o->bare = true;
            continue;
        }
        uint64_t number = strtoull(value, NULL, 10);
        if (strcmp(argv[i], "--nodes") == 0) {
            o->config.n_nodes = (int)number;
        } else if (strcmp(argv[i], "--first") == 0) {
            o->first = number;
        } else if (strcmp(argv[i], "--count") == 0) {
            o->count = number;
        } else if (strcmp(argv[i], "--seed") == 0) {
            o->first = number;
            o->count = 1;
        } else if (strcmp(argv[i], "--fault-ms") == 0) {
            o->config.fault_ms = (uint32_t)number;
        } else {
            return false;
        }
        i++;
    }
    return o->config.n_nodes >= 1 && o->config.n_nodes < SIM_NODES_MAX;
}

int main(int argc, char **argv)
{
    struct options o = {.first = 1, .count = 10};
    const char *seeds = getenv("DEBROS_SEEDS");
    o.config.n_nodes = 3;
    o.config.fault_ms = 20000;
    if (!parse(&o, argc, argv)) {
        fprintf(stderr, "usage: see the head of sim_test.c\n");
        return 2;
    }
    if (seeds != NULL && !o.config.verbose && !o.bare) {
        o.count = strtoull(seeds, NULL, 10);
    }
    return o.bare ? run_bare(&o) : run_seeds(&o);
}
