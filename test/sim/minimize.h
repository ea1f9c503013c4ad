#ifndef DBR_TEST_SIM_MINIMIZE_H
#define DBR_TEST_SIM_MINIMIZE_H

#include "world.h"

/* `failing` fails, as `result` says. Sets `skip` for the faults that it fails without,
 * and `result` to that run's (without its trace). Returns the number of runs it took. */
int sim_minimize(const struct sim_config *failing, bool skip[SIM_FAULTS_MAX],
                 struct sim_result *result);

#endif
