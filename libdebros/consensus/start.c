/* How the machine begins, from a configuration and what the disk holds, and ends. */
#include "base/alloc.h"
#include "consensus/log_state.h"
#include "consensus/machine.h"

#define EVENTS_MAX    (1024 * 1024)
#define OUTBOX_FACTOR 4 /* full messages that may wait */

void dbr_consensus_config_default(struct dbr_consensus_config *config)
{
    *config = (struct dbr_consensus_config){.election_ms = 1000,
                                            .heartbeat_ms = 100,
                                            .install_ms = 120000,
                                            .snapshot_threshold = 8192,
                                            .snapshot_trailing = 1024,
                                            .snapshot_bytes = 10u << 20,
                                            .trailing_bytes = 5u << 20,
                                            .max_message = (size_t)8 * 1024 * 1024,
                                            .max_descriptor = (size_t)8 * 1024 * 1024,
                                            .snapshot_hold = (size_t)64 * 1024 * 1024};
}

int dbr_consensus_bootstrap_entry(struct dbr_buf *out, uint64_t id, const char *address)
{
    struct raft_configuration configuration;
    if (id == 0 || !dbr_configuration_address_ok(dbr_bytes_str(address))) {
        return DEBROS_EINVAL;
    }
    raft_configuration_init(&configuration);
    int rv = raft_configuration_add(&configuration, id, address, RAFT_VOTER) == 0
                 ? dbr_configuration_encode(&configuration, out)
                 : DEBROS_ENOMEM;
    raft_configuration_close(&configuration);
    return rv;
}

static bool config_ok(const struct dbr_consensus_config *config)
{
    return config->id != 0 && config->address != NULL &&
           dbr_configuration_address_ok(dbr_bytes_str(config->address)) &&
           config->heartbeat_ms > 0 && config->heartbeat_ms < config->election_ms &&
           config->election_ms < INT32_MAX / 2 && config->install_ms > 0 &&
           config->snapshot_threshold > 0 && config->snapshot_bytes > 0 &&
           config->max_descriptor > 0;
}

/* The configuration that is committed for sure: the snapshot's, or the first entry. */
static int first_configuration(struct dbr_consensus *c, const struct dbr_log_state *state)
{
    bool has_snapshot = state->snapshot_index > 0;
    if (!has_snapshot && state->n_entries == 0) {
        return 0;
    }
    struct raft_configuration configuration;
    int rv = dbr_configuration_decode(
        &configuration, has_snapshot ? state->configuration : state->entries[0].data);
    if (rv == 0) {
        uint64_t index = has_snapshot ? state->configuration_index : 1;
        rv = dbr_history_add(&c->committed, index, &configuration);
        raft_configuration_close(&configuration);
    }
    c->scanned_index = has_snapshot ? state->snapshot_index : 1;
    return rv;
}

static void set_up(struct dbr_consensus *c, const struct dbr_consensus_config *config,
                   struct dbr_rng *rng, dbr_time now)
{
    c->config = *config;
    dbr_configuration_address_copy(c->address, config->address);
    c->config.address = c->address;
    c->rng = rng;
    c->now = now;
    dbr_ring_init(&c->events, sizeof(struct dbr_event_item), EVENTS_MAX);
    dbr_outbox_init(&c->outbox,
                    OUTBOX_FACTOR * (config->max_message + config->max_descriptor));
    dbr_reads_init(c);
    dbr_raft_io_init(c);
    dbr_snapshot_init(c);
    c->fsm.version = 1;
    c->fsm.data = c;
    c->fsm.apply = dbr_events_apply;
}

static void set_libraft(struct dbr_consensus *c)
{
    raft_set_election_timeout(&c->raft, c->config.election_ms);
    raft_set_heartbeat_timeout(&c->raft, c->config.heartbeat_ms);
    raft_set_install_snapshot_timeout(&c->raft, c->config.install_ms);
    raft_set_snapshot_threshold(&c->raft, c->config.snapshot_threshold);
    raft_set_snapshot_trailing(&c->raft, c->config.snapshot_trailing);
    raft_set_pre_vote(&c->raft, true);
}

static int start(struct dbr_consensus *c, const struct dbr_log_state *state)
{
    int rv = raft_init(&c->raft, &c->io, &c->fsm, c->config.id, c->config.address);
    if (rv != 0) {
        return dbr_consensus_error(rv);
    }
    set_libraft(c);
    rv = first_configuration(c, state);
    if (rv != 0) {
        return rv;
    }
    c->last_command = state->snapshot_index;
    if (!dbr_log_queue_prepare(&c->log)) {
        return DEBROS_ENOMEM;
    }
    c->seam.state = state;
    rv = raft_start(&c->raft);
    dbr_raft_io_started(c, rv);
    c->seam.state = NULL;
    if (rv != 0) {
        return dbr_consensus_error(rv);
    }
    c->started = true;
    dbr_repair_5_start(c);
    /* Servers that start together do not tick together. */
    c->next_tick =
        dbr_time_add(c->now, 1 + dbr_rng_below(c->rng, c->config.heartbeat_ms));
    dbr_consensus_settle(c);
    return c->failed;
}

int dbr_consensus_create(struct dbr_consensus **out,
                         const struct dbr_consensus_config *config,
                         const struct dbr_log_state *state, struct dbr_rng *rng,
                         dbr_time now)
{
    *out = NULL;
    if (!config_ok(config)) {
        return DEBROS_EINVAL;
    }
    int rv = dbr_log_state_check(state, config->logger);
    if (rv != 0) {
        return rv;
    }
    struct dbr_consensus *c = dbr_calloc(1, sizeof(*c));
    if (c == NULL) {
        return DEBROS_ENOMEM;
    }
    set_up(c, config, rng, now);
    rv = start(c, state);
    if (rv != 0) {
        dbr_consensus_destroy(c);
        return rv;
    }
    *out = c;
    return 0;
}

void dbr_consensus_destroy(struct dbr_consensus *c)
{
    if (c == NULL) {
        return;
    }
    if (c->raft.io != NULL) { /* raft_init() was called */
        raft_close(&c->raft, NULL);
    }
    dbr_inbox_finish(&c->inbox);
    dbr_repairs_finish(&c->repairs);
    dbr_reads_finish(c);
    dbr_outbox_finish(&c->outbox);
    dbr_history_finish(&c->committed);
    dbr_ring_finish(&c->events);
    dbr_ring_finish(&c->seam.sent);
    dbr_free(c->servers);
    dbr_free(c);
}
