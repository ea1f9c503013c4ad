/* Operations of the log, and what a log should hold after them. */
#ifndef DBR_TEST_STORE_LOG_FIXTURE_H
#define DBR_TEST_STORE_LOG_FIXTURE_H

#include "lib/sim_disk.h"
#include "lib/test.h"
#include "store/log.h"

#define LOG_SEGMENT 4096
#define LOG_ENTRIES 256 /* most in the model */

/* What the operations so far add up to. */
struct log_model {
    struct dbr_log_head head;
    uint64_t terms[LOG_ENTRIES]; /* of the entries by index */
    uint64_t first;
};

/* A list of calls, each a list of operations. */
struct log_script {
    struct dbr_log_op ops[64];
    struct dbr_log_entry entries[LOG_ENTRIES];
    char payloads[LOG_ENTRIES][200];
    size_t n_ops;
    size_t n_entries;
    struct dbr_log_op *calls[32];
    size_t n_calls;
};

/* A run with every kind of operation over several segments. */
void log_script_fill(struct log_script *script);
void log_model_init(struct log_model *model);
/* The first `steps` of a call. */
void log_model_apply(struct log_model *model, const struct dbr_log_op *ops, size_t steps);
/* Whether the log's state at open is this model's. */
bool log_model_matches(const struct log_model *model, const struct dbr_log_state *state);
/* Operations in a call, entries counting one each. */
size_t log_call_steps(const struct dbr_log_op *ops);

#endif
