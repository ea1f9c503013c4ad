#include "consensus/log_state.h"

#include "consensus/configuration.h"
#include "consensus/message.h"

static const char no_memory[] = "memory is short";

/* NULL, `damaged`, or that memory is short. */
static const char *check_configuration(debros_bytes bytes, const char *damaged)
{
    struct raft_configuration configuration;
    int rv = dbr_configuration_decode(&configuration, bytes);
    if (rv != 0) {
        return rv == DEBROS_ENOMEM ? no_memory : damaged;
    }
    raft_configuration_close(&configuration);
    return NULL;
}

static const char *check_snapshot(const struct dbr_log_state *s)
{
    if (s->snapshot_index >= DBR_MESSAGE_NUMBER_MAX || s->snapshot_term == 0 ||
        s->snapshot_term > s->term) {
        return "its snapshot's index or term is out of range";
    }
    if (s->configuration_index == 0 || s->configuration_index > s->snapshot_index) {
        return "its snapshot's configuration is out of range";
    }
    if (s->first_index == 0 || s->first_index > s->snapshot_index + 1 ||
        s->first_index + s->n_entries < s->snapshot_index + 1) {
        return "its entries do not join its snapshot";
    }
    return check_configuration(s->configuration,
                               "its snapshot's configuration is damaged");
}

static const char *check_start(const struct dbr_log_state *s)
{
    if (s->snapshot_index > 0) {
        return check_snapshot(s);
    }
    if (s->first_index != 1) {
        return "it has no snapshot and does not begin at 1";
    }
    if (s->n_entries > 0 && s->entries[0].type != DBR_ENTRY_CHANGE) {
        return "its first entry is no configuration";
    }
    return NULL;
}

static const char *check_entry(const struct dbr_log_state *s, size_t i,
                               uint64_t last_term)
{
    const struct dbr_log_entry *e = &s->entries[i];
    uint64_t index = s->first_index + i;
    if (e->term == 0 || e->term < last_term || e->term > s->term) {
        return "an entry's term is out of order";
    }
    if ((index == s->snapshot_index && e->term != s->snapshot_term) ||
        (index > s->snapshot_index && s->snapshot_index > 0 &&
         e->term < s->snapshot_term)) {
        return "an entry's term contradicts the snapshot";
    }
    if (e->type < DBR_ENTRY_COMMAND || e->type > DBR_ENTRY_CHANGE) {
        return "an entry's type is unknown";
    }
    return e->type == DBR_ENTRY_CHANGE
               ? check_configuration(e->data, "an entry's configuration is damaged")
               : NULL;
}

int dbr_log_state_check(const struct dbr_log_state *state,
                        const struct dbr_logger *logger)
{
    const char *wrong = NULL;
    uint64_t last_term = 0;
    if (state->term >= DBR_MESSAGE_NUMBER_MAX || state->n_entries > UINT32_MAX / 2) {
        wrong = "its term or its length is out of range";
    } else {
        wrong = check_start(state);
    }
    for (size_t i = 0; i < state->n_entries && wrong == NULL; i++) {
        wrong = check_entry(state, i, last_term);
        last_term = state->entries[i].term;
    }
    if (wrong == no_memory) {
        return DEBROS_ENOMEM;
    }
    if (wrong != NULL) {
        dbr_log(logger, DEBROS_LOG_ERROR, "consensus",
                "the log contradicts itself and is not used: %s", wrong);
        return DEBROS_EIO;
    }
    return 0;
}
