/* Which faults of a failing run matter: halves of them are left out, then quarters and so
 * on, and stay out while the run still fails. */
#include "minimize.h"

#include <stdlib.h>
#include <time.h>

#define RUNS_MAX    200
#define SECONDS_MAX 90

static bool fails(const struct sim_config *config, struct sim_result *result)
{
    bool failed = !sim_run(config, result);
    sim_result_finish(result);
    return failed;
}

int sim_minimize(const struct sim_config *failing, bool skip[SIM_FAULTS_MAX],
                 struct sim_result *result)
{
    struct sim_config config = *failing;
    clock_t end = clock() + (clock_t)SECONDS_MAX * CLOCKS_PER_SEC;
    int n = result->n_faults + 1;
    int runs = 0;
    bool trial[SIM_FAULTS_MAX];
    struct sim_result *last = calloc(1, sizeof(*last));
    config.verbose = false;
    config.skip = trial;
    memset(skip, 0, SIM_FAULTS_MAX * sizeof(*skip));
    for (int size = (n + 1) / 2; size > 0; size = size == 1 ? 0 : (size + 1) / 2) {
        for (int at = 0; at < n && runs < RUNS_MAX && clock() < end; at += size) {
            bool changes = false;
            memcpy(trial, skip, sizeof(trial));
            for (int i = at; i < at + size && i < n; i++) {
                changes = changes || !trial[i];
                trial[i] = true;
            }
            if (changes && (runs++, fails(&config, last))) {
                memcpy(skip, trial, sizeof(trial));
                *result = *last;
            }
        }
    }
    free(last);
    return runs;
}
