#include "consensus/consensus.h"

#include <string.h>

#include "base/alloc.h"
#include "base/check.h"
#include "consensus/log_state.h"
#include "consensus/machine.h"
#include "consensus/message.h"

#define EVENTS_MAX    (1024 * 1024)
#define SETTLE_MAX    64 /* rounds of calls that one fact may lead to */
#define OUTBOX_FACTOR 4  /* full messages that may wait */

/* ---- Shared by the folder --------------------------------------------------- */

void dbr_consensus_fail(struct dbr_consensus *c, int err)
{
    if (c->failed == 0) {
        c->failed = err;
    }
}

static void push_item(struct dbr_consensus *c, const struct dbr_event_item *item)
{
    if (!dbr_ring_push(&c->events, item)) {
        dbr_consensus_fail(c, DEBROS_ENOMEM);
    }
}

/* Commands that are applied in a row stay one item, which ends at any other event. */
static void close_run(struct dbr_consensus *c)
{
    if (c->run.last != 0) {
        struct dbr_event_item run = c->run;
        c->run.last = 0;
        push_item(c, &run);
    }
}

void dbr_consensus_push(struct dbr_consensus *c, const struct dbr_event_item *item)
{
    close_run(c);
    push_item(c, item);
}

const struct raft_entry *dbr_consensus_entry(const struct dbr_consensus *c,
                                             uint64_t index)
{
    const struct raft_log *l = &c->raft.log;
    size_t n = l->front <= l->back ? l->back - l->front : l->size - l->front + l->back;
    if (index <= l->offset || index - l->offset > n) {
        return NULL;
    }
    return &l->entries[(l->front + (size_t)(index - l->offset - 1)) % l->size];
}

uint64_t dbr_consensus_term_of(const struct dbr_consensus *c, uint64_t index)
{
    const struct raft_entry *entry = dbr_consensus_entry(c, index);
    if (entry != NULL) {
        return entry->term;
    }
    const struct raft_log *l = &c->raft.log;
    return index != 0 && index == l->snapshot.last_index ? l->snapshot.last_term : 0;
}

int dbr_consensus_error(int raft_error)
{
    switch (raft_error) {
    case 0:
        return 0;
    case RAFT_NOMEM:
        return DEBROS_ENOMEM;
    case RAFT_NOTLEADER:
    case RAFT_LEADERSHIPLOST:
        return DEBROS_ENOTLEADER;
    case RAFT_CANTCHANGE:
    case RAFT_BUSY:
        return DEBROS_EBUSY;
    case RAFT_BADID:
    case RAFT_BADROLE:
    case RAFT_DUPLICATEID:
    case RAFT_DUPLICATEADDRESS:
    case RAFT_NOTFOUND:
        return DEBROS_EINVAL;
    case RAFT_NOCONNECTION: /* a server that does not catch up */
        return DEBROS_ETIMEDOUT;
    default:
        return DEBROS_EINTERNAL;
    }
}

/* libraft raises last_applied after this. The data stays in its log until it is polled.
 */
static int fsm_apply(struct raft_fsm *fsm, const struct raft_buffer *buf, void **result)
{
    struct dbr_consensus *c = fsm->data;
    uint64_t index = c->raft.last_applied + 1;
    dbr_log_bytes_applied(c, buf->len);
    *result = NULL;
    if (c->run.last == 0) {
        c->run = (struct dbr_event_item){.type = DBR_CONSENSUS_APPLY, .index = index};
    }
    c->run.last = index;
    c->last_command = index;
    return 0;
}

/* ---- After each turn -------------------------------------------------------- */

static bool is_running(const struct dbr_consensus *c)
{
    return c->failed == 0 && c->raft.state != RAFT_UNAVAILABLE;
}

static void begin(struct dbr_consensus *c, dbr_time now)
{
    if (now > c->now) {
        c->now = now;
    }
}

/* Remembers the configurations among the entries that have been applied since. */
static void scan_applied(struct dbr_consensus *c)
{
    for (; c->scanned_index < c->raft.last_applied; c->scanned_index++) {
        const struct raft_entry *entry = dbr_consensus_entry(c, c->scanned_index + 1);
        if (entry == NULL || entry->type != RAFT_CHANGE) {
            continue;
        }
        struct raft_configuration configuration;
        int rv = dbr_configuration_decode(&configuration,
                                          dbr_bytes(entry->buf.base, entry->buf.len));
        if (rv == 0) {
            rv = dbr_history_add(&c->committed, c->scanned_index + 1, &configuration);
            raft_configuration_close(&configuration);
        }
        if (rv != 0) {
            dbr_consensus_fail(c, rv);
            return;
        }
    }
    dbr_history_prune(&c->committed, c->raft.log.offset);
}

static bool servers_differ(const struct dbr_consensus *c)
{
    const struct raft_configuration *now = &c->raft.configuration;
    if (now->n != c->n_servers) {
        return true;
    }
    for (unsigned i = 0; i < now->n; i++) {
        if (now->servers[i].id != c->servers[i].id ||
            now->servers[i].role != (int)c->servers[i].role ||
            strcmp(now->servers[i].address, c->servers[i].address) != 0) {
            return true;
        }
    }
    return false;
}

static void copy_servers(struct dbr_consensus *c)
{
    const struct raft_configuration *now = &c->raft.configuration;
    struct dbr_server *servers = dbr_calloc(now->n, sizeof(*servers));
    if (servers == NULL) {
        dbr_consensus_fail(c, DEBROS_ENOMEM);
        return;
    }
    for (unsigned i = 0; i < now->n; i++) {
        servers[i].id = now->servers[i].id;
        servers[i].role = (enum dbr_server_role)now->servers[i].role;
        dbr_configuration_address_copy(servers[i].address, now->servers[i].address);
    }
    dbr_free(c->servers);
    c->servers = servers;
    c->n_servers = now->n;
}

static bool is_changing(const struct dbr_consensus *c)
{
    const struct raft *r = &c->raft;
    return c->requests.step != DBR_CHANGE_NONE ||
           r->configuration_uncommitted_index != 0 ||
           (r->state == RAFT_LEADER && r->leader_state.promotee_id != 0);
}

static void note_role(struct dbr_consensus *c)
{
    raft_id leader;
    const char *address;
    raft_leader(&c->raft, &leader, &address);
    struct dbr_role_told now = {.state = c->raft.state,
                                .ready = dbr_repair_4_may_change(c),
                                .changing = is_changing(c),
                                .term = c->raft.current_term,
                                .leader = leader};
    const struct dbr_role_told *told = &c->told;
    if (servers_differ(c)) {
        copy_servers(c);
        c->role_changed = true;
    }
    if (now.state != told->state || now.ready != told->ready || now.term != told->term ||
        now.changing != told->changing || now.leader != told->leader) {
        c->told = now;
        c->role_changed = true;
    }
}

static void settle(struct dbr_consensus *c)
{
    dbr_raft_io_mend_cuts(c);
    for (int i = 0; i < SETTLE_MAX && is_running(c); i++) {
        bool more = dbr_raft_io_fire(c);
        dbr_repair_1_barrier(c);
        more |= dbr_repair_1_release(c);
        more |= dbr_inbox_deliver_kept(c);
        more |= dbr_requests_settle(c);
        dbr_reads_settle(c);
        if (!more && c->seam.sent.len == 0) {
            break;
        }
    }
    if (c->raft.state == RAFT_UNAVAILABLE) {
        dbr_consensus_fail(c, DEBROS_EINTERNAL);
    }
    if (is_running(c)) {
        scan_applied(c);
        dbr_snapshot_ask(c);
    } else {
        dbr_requests_settle(c); /* who waits is answered */
        dbr_reads_settle(c);
    }
    note_role(c);
}

/* ---- Life ------------------------------------------------------------------- */

void dbr_consensus_config_default(struct dbr_consensus_config *config)
{
    *config = (struct dbr_consensus_config){.election_ms = 1000,
                                            .heartbeat_ms = 100,
                                            .install_ms = 120000,
                                            .snapshot_threshold = 8192,
                                            .snapshot_trailing = 1024,
                                            .snapshot_bytes = 16u << 20,
                                            .trailing_bytes = 8u << 20,
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
    c->fsm.apply = fsm_apply;
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
    settle(c);
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

/* ---- In --------------------------------------------------------------------- */

int dbr_consensus_recv(struct dbr_consensus *c, uint64_t from, debros_bytes message,
                       dbr_time now)
{
    begin(c, now);
    if (!is_running(c)) {
        return 0;
    }
    int rv = dbr_inbox_recv(c, from, message);
    settle(c);
    return rv;
}

void dbr_consensus_lost(struct dbr_consensus *c, uint64_t id, dbr_time now)
{
    begin(c, now);
    if (is_running(c)) {
        dbr_snapshot_lost(c, id);
    }
}

void dbr_consensus_log_done(struct dbr_consensus *c, uint64_t seq, dbr_time now)
{
    begin(c, now);
    dbr_assert(seq <= c->log.last_seq);
    if (!is_running(c)) {
        return;
    }
    struct dbr_log_item *item;
    while ((item = dbr_log_queue_take(&c->log, seq)) != NULL) {
        dbr_raft_io_durable(c, item);
    }
    settle(c);
}

void dbr_consensus_checkpointed(struct dbr_consensus *c, int status, dbr_time now)
{
    begin(c, now);
    if (is_running(c)) {
        dbr_snapshot_checkpointed(c, status);
        settle(c);
    }
}

void dbr_consensus_offer(struct dbr_consensus *c, int status, uint64_t index,
                         struct dbr_buf *descriptor, dbr_time now)
{
    begin(c, now);
    if (is_running(c)) {
        dbr_snapshot_offer(c, status, index, descriptor);
        settle(c);
    } else {
        dbr_buf_finish(descriptor);
    }
}

void dbr_consensus_fetching(struct dbr_consensus *c, uint64_t id, dbr_time now)
{
    begin(c, now);
    if (is_running(c)) {
        dbr_snapshot_fetching(c, id);
    }
}

void dbr_consensus_fetched(struct dbr_consensus *c, int status, debros_bytes descriptor,
                           dbr_time now)
{
    begin(c, now);
    if (is_running(c)) {
        dbr_inbox_fetched(c, status, descriptor);
        settle(c);
    }
}

int dbr_consensus_propose(struct dbr_consensus *c, debros_bytes data, uint64_t *index,
                          uint64_t *term, dbr_time now)
{
    begin(c, now);
    if (!is_running(c)) {
        return DEBROS_ENOTLEADER;
    }
    int rv = dbr_requests_propose(c, data, index, term);
    settle(c);
    return rv;
}

int dbr_consensus_read(struct dbr_consensus *c, uint64_t token, dbr_time now)
{
    begin(c, now);
    return is_running(c) ? dbr_reads_add(c, token) : DEBROS_ENOTLEADER;
}

int dbr_consensus_read_strong(struct dbr_consensus *c, uint64_t token, dbr_time now)
{
    begin(c, now);
    return is_running(c) ? dbr_reads_add_strong(c, token) : DEBROS_ENOTLEADER;
}

int dbr_consensus_add(struct dbr_consensus *c, uint64_t id, const char *address,
                      dbr_time now)
{
    begin(c, now);
    if (!is_running(c)) {
        return DEBROS_ENOTLEADER;
    }
    int rv = dbr_requests_add(c, id, address);
    settle(c);
    return rv;
}

int dbr_consensus_assign(struct dbr_consensus *c, uint64_t id, enum dbr_server_role role,
                         dbr_time now)
{
    begin(c, now);
    if (!is_running(c)) {
        return DEBROS_ENOTLEADER;
    }
    int rv = dbr_requests_assign(c, id, role);
    settle(c);
    return rv;
}

int dbr_consensus_remove(struct dbr_consensus *c, uint64_t id, dbr_time now)
{
    begin(c, now);
    if (!is_running(c)) {
        return DEBROS_ENOTLEADER;
    }
    int rv = dbr_requests_remove(c, id);
    settle(c);
    return rv;
}

int dbr_consensus_transfer(struct dbr_consensus *c, uint64_t id, dbr_time now)
{
    begin(c, now);
    if (!is_running(c)) {
        return DEBROS_ENOTLEADER;
    }
    int rv = dbr_requests_transfer(c, id);
    settle(c);
    return rv;
}

/* ---- Out -------------------------------------------------------------------- */

static bool show_command(struct dbr_consensus *c, struct dbr_event_item *run,
                         struct dbr_consensus_event *event)
{
    const struct raft_entry *entry = dbr_consensus_entry(c, run->index);
    /* It can only be gone when events were left over for many turns. */
    dbr_assert(entry != NULL);
    while (entry->type != RAFT_COMMAND) {
        entry = dbr_consensus_entry(c, ++run->index);
        dbr_assert(entry != NULL && run->index <= run->last);
    }
    event->type = DBR_CONSENSUS_APPLY;
    event->index = run->index;
    event->term = entry->term;
    event->data = dbr_bytes(entry->buf.base, entry->buf.len);
    return run->index++ == run->last;
}

static bool poll_item(struct dbr_consensus *c, struct dbr_consensus_event *event)
{
    struct dbr_event_item item;
    struct dbr_event_item *front = dbr_ring_peek(&c->events);
    if (front == NULL) {
        close_run(c);
        front = dbr_ring_peek(&c->events);
    }
    if (front == NULL) {
        return false;
    }
    if (front->type == DBR_CONSENSUS_APPLY) {
        if (show_command(c, front, event)) {
            dbr_ring_pop(&c->events, &item);
        }
        return true;
    }
    dbr_ring_pop(&c->events, &item);
    event->type = item.type;
    event->op = item.op;
    event->index = item.index;
    event->token = item.token;
    event->status = item.status;
    if (item.type == DBR_CONSENSUS_FETCH) {
        dbr_inbox_show(c, event);
    }
    return true;
}

static bool poll_message(struct dbr_consensus *c, struct dbr_consensus_event *event)
{
    const struct dbr_outbox_message *m = dbr_outbox_next(&c->outbox, c->log.durable_seq);
    if (m == NULL) {
        return false;
    }
    event->type = DBR_CONSENSUS_SEND;
    event->to = m->to;
    event->address = m->address;
    event->data = dbr_bytes(m->data.data, m->data.len);
    return true;
}

static bool poll_failure(struct dbr_consensus *c, struct dbr_consensus_event *event)
{
    if (c->failed == 0 || c->failed_told) {
        return false;
    }
    c->failed_told = true;
    event->type = DBR_CONSENSUS_FAILED;
    event->status = c->failed;
    event->detail = c->failed == DEBROS_ENOMEM ? "out of memory" : raft_errmsg(&c->raft);
    return true;
}

bool dbr_consensus_poll(struct dbr_consensus *c, struct dbr_consensus_event *event)
{
    memset(event, 0, sizeof(*event));
    if (is_running(c) && dbr_reads_flush(c)) {
        settle(c);
    }
    if (poll_item(c, event)) {
        return true;
    }
    if (c->role_changed) {
        c->role_changed = false;
        event->type = DBR_CONSENSUS_ROLE;
        return true;
    }
    return poll_message(c, event) || poll_failure(c, event);
}

void dbr_consensus_status(const struct dbr_consensus *c, struct dbr_consensus_status *out)
{
    struct raft *r = (struct raft *)&c->raft; /* libraft's getters take it so */
    static const enum dbr_consensus_role roles[] = {
        [RAFT_UNAVAILABLE] = DBR_CONSENSUS_UNAVAILABLE,
        [RAFT_FOLLOWER] = DBR_CONSENSUS_FOLLOWER,
        [RAFT_CANDIDATE] = DBR_CONSENSUS_CANDIDATE,
        [RAFT_LEADER] = DBR_CONSENSUS_LEADER};
    raft_id leader;
    const char *address;
    raft_leader(r, &leader, &address);
    *out = (struct dbr_consensus_status){
        .role = c->failed != 0 ? DBR_CONSENSUS_UNAVAILABLE : roles[r->state],
        .ready = c->failed == 0 && dbr_repair_4_may_change(c) && r->transfer == NULL,
        .term = r->current_term,
        .leader = leader,
        .leader_address = leader != 0 && address != NULL ? address : "",
        .commit_index = r->commit_index,
        .last_index = raft_last_index(r),
        .snapshot_index = r->log.snapshot.last_index,
        .last_command = c->last_command,
        .fresh_at = c->reads.fresh_at,
        .fresh_index = c->reads.fresh_index,
        .servers = c->servers,
        .n_servers = c->n_servers,
        .changing = is_changing(c)};
}

uint64_t dbr_consensus_match_index(const struct dbr_consensus *c, uint64_t id)
{
    const struct raft *r = &c->raft;
    const struct raft_server *s = dbr_configuration_find(&r->configuration, id);
    if (r->state != RAFT_LEADER || s == NULL) {
        return 0;
    }
    return r->leader_state.progress[s - r->configuration.servers].match_index;
}

/* ---- Time ------------------------------------------------------------------- */

dbr_time dbr_consensus_deadline(const struct dbr_consensus *c)
{
    return is_running(c) ? c->next_tick : DBR_TIME_NEVER;
}

static void tick(struct dbr_consensus *c)
{
    struct dbr_repair_guest guest = {.swapped = false};
    dbr_repair_6_tick(c);
    if (dbr_repair_8_stands(c)) {
        dbr_repair_8_begin(c, &guest);
    }
    c->seam.tick(&c->io);
    dbr_repair_8_end(c, &guest);
    dbr_repair_8_forget_leader(c);
    dbr_reads_tick(c);
}

void dbr_consensus_expire(struct dbr_consensus *c, dbr_time now)
{
    begin(c, now);
    if (!is_running(c) || c->now < c->next_tick) {
        return;
    }
    c->next_tick = dbr_time_add(c->now, c->config.heartbeat_ms);
    if (c->raft.state != RAFT_FOLLOWER || !dbr_repair_3_waits(c)) {
        tick(c);
    }
    settle(c);
}
