/* Is what a log held when it was opened one that libraft can start with? It asserts, or
 * reads past the end, where a log contradicts itself. */
#ifndef DBR_CONSENSUS_LOG_STATE_H
#define DBR_CONSENSUS_LOG_STATE_H

#include "base/logger.h"
#include "consensus/log_op.h"

/* Returns 0 or EIO, with a log line. */
int dbr_log_state_check(const struct dbr_log_state *state,
                        const struct dbr_logger *logger);

#endif
