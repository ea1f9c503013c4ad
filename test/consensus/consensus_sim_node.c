/* One node of the simulation: its databases, what it puts on the wire, its life. */
#include "consensus_sim_inner.h"

/* ---- Databases -------------------------------------------------------------- */

static void db_cut(struct node *node, uint64_t index)
{
    while (node->n_db > 0 && node->db[node->n_db - 1].index > index) {
        node->n_db--;
    }
    node->db_index = index;
}

static void db_load_image(struct node *node)
{
    const struct dbr_buf *image = &node->disk.image;
    dbr_assert(image->len % sizeof(*node->db) == 0);
    node->n_db = image->len / sizeof(*node->db);
    if (node->n_db > 0) {
        memcpy(node->db, image->data, image->len);
    }
    node->db_index = node->disk.image_index;
    node->durable_index = node->db_index;
}

static void acknowledge(struct sim *s, int i, const struct dbr_consensus_event *e,
                        uint64_t id)
{
    struct pending *p = &s->pending[id];
    if (p->open && p->node == i && p->life == s->nodes[i].life && p->index == e->index &&
        p->term == e->term) {
        p->open = false;
        s->counts.acked++;
        s->acked_index = e->index > s->acked_index ? e->index : s->acked_index;
    }
}

static void on_apply(struct sim *s, int i, const struct dbr_consensus_event *e)
{
    struct node *node = &s->nodes[i];
    uint64_t id;
    if (e->data.len < sizeof(id) || e->index >= INDEX_MAX) {
        sim_fail(s, "node %d: a command of %zu bytes at %llu", i + 1, e->data.len,
                 (unsigned long long)e->index);
        return;
    }
    memcpy(&id, e->data.data, sizeof(id));
    struct command *truth = &s->truth[e->index];
    if (truth->id != 0 && (truth->id != id || s->truth_term[e->index] != e->term)) {
        sim_fail(s,
                 "node %d applies command %llu of term %llu at %llu, others %llu of %llu",
                 i + 1, (unsigned long long)id, (unsigned long long)e->term,
                 (unsigned long long)e->index, (unsigned long long)truth->id,
                 (unsigned long long)s->truth_term[e->index]);
        return;
    }
    *truth = (struct command){e->index, id};
    s->truth_term[e->index] = e->term;
    s->last_truth = e->index > s->last_truth ? e->index : s->last_truth;
    if (e->index <= node->handed_index) {
        sim_fail(s, "node %d is handed %llu after %llu", i + 1,
                 (unsigned long long)e->index, (unsigned long long)node->handed_index);
    }
    node->handed_index = e->index;
    if (e->index > node->db_index) {
        node->db[node->n_db++] = *truth;
        node->db_index = e->index;
    }
    acknowledge(s, i, e, id);
}

static void on_restore(struct sim *s, int i, uint64_t index)
{
    struct node *node = &s->nodes[i];
    if (node->disk.image_index != index || index < node->db_index) {
        sim_fail(s, "node %d: RESTORE %llu, staged is %llu, the databases are at %llu",
                 i + 1, (unsigned long long)index,
                 (unsigned long long)node->disk.image_index,
                 (unsigned long long)node->db_index);
        return;
    }
    db_load_image(node);
    node->handed_index = index;
}

static void on_fetch(struct sim *s, int i, const struct dbr_consensus_event *e)
{
    if (e->index == 0) {
        return; /* its answer will count for nothing */
    }
    struct event *fetch = sim_schedule(s, s->now + sim_below(s, 1000), A_FETCH, i);
    dbr_buf_add(&fetch->data, e->data.data, e->data.len);
}

/* ---- Wire ------------------------------------------------------------------- */

static void check_vote(struct sim *s, int i, uint64_t term, uint64_t vote)
{
    uint8_t *slot = &s->nodes[i].votes[term];
    if (*slot != 0 && *slot != vote) {
        sim_fail(s, "node %d votes for %d and %d in term %llu", i + 1, (int)*slot,
                 (int)vote, (unsigned long long)term);
    }
    *slot = (uint8_t)vote;
}

static void check_leader(struct sim *s, int i, uint64_t term)
{
    uint8_t *slot = &s->leaders[term];
    if (*slot != 0 && *slot != i + 1) {
        sim_fail(s, "nodes %d and %d lead term %llu", (int)*slot, i + 1,
                 (unsigned long long)term);
    }
    *slot = (uint8_t)(i + 1);
}

/* The term of a message, 0 for a pre-vote, which promises nothing. */
static uint64_t checked_term(struct sim *s, int i, const struct raft_message *m)
{
    switch (m->type) {
    case RAFT_IO_APPEND_ENTRIES:
        check_leader(s, i, m->append_entries.term);
        return m->append_entries.term;
    case RAFT_IO_INSTALL_SNAPSHOT:
        check_leader(s, i, m->install_snapshot.term);
        return m->install_snapshot.term;
    case RAFT_IO_TIMEOUT_NOW:
    case DBR_MESSAGE_READ_PROBE:
        check_leader(s, i, m->timeout_now.term);
        return m->timeout_now.term;
    case DBR_MESSAGE_READ_ACK:
        return m->timeout_now.term;
    case RAFT_IO_APPEND_ENTRIES_RESULT:
        return m->append_entries_result.term;
    case RAFT_IO_REQUEST_VOTE:
        if (m->request_vote.pre_vote) {
            return 0;
        }
        check_vote(s, i, m->request_vote.term, (uint64_t)i + 1);
        return m->request_vote.term;
    default:
        if (m->request_vote_result.pre_vote == raft_tribool_true) {
            return 0;
        }
        if (m->request_vote_result.vote_granted) {
            check_vote(s, i, m->request_vote_result.term, m->server_id);
        }
        return m->request_vote_result.term;
    }
}

static void check_wire(struct sim *s, int i, const struct dbr_consensus_event *e)
{
    struct raft_message m;
    char address[DBR_SERVER_ADDRESS_MAX];
    struct dbr_message_limits limits = {1 << 26, 1 << 26};
    if (dbr_message_decode(&m, address, e->to, e->data, &limits) != 0) {
        sim_fail(s, "node %d sends what cannot be decoded", i + 1);
        return;
    }
    uint64_t term = checked_term(s, i, &m);
    if (term >= TERM_MAX) {
        sim_fail(s, "too many terms");
    } else if (term > 0 && term < s->nodes[i].wire_term) {
        sim_fail(s, "node %d sends term %llu after %llu", i + 1, (unsigned long long)term,
                 (unsigned long long)s->nodes[i].wire_term);
    } else if (term > 0) {
        s->nodes[i].wire_term = term;
    }
    sim_say(s, "n%d -> n%llu type %d term %llu\n", i + 1, (unsigned long long)e->to,
            (int)m.type, (unsigned long long)term);
    dbr_message_finish(&m);
}

static void on_send(struct sim *s, int i, const struct dbr_consensus_event *e)
{
    struct node *node = &s->nodes[i];
    size_t to = (size_t)e->to - 1;
    char name[DBR_SERVER_ADDRESS_MAX];
    snprintf(name, sizeof(name), "n%d", (int)e->to);
    if (e->to == 0 || to >= s->config.n ||
        (e->address[0] != '\0' && strcmp(name, e->address) != 0)) {
        sim_fail(s, "node %d sends to server %llu at '%s'", i + 1,
                 (unsigned long long)e->to, e->address);
        return;
    }
    check_wire(s, i, e);
    sim_mix(s, e->data.len);
    s->counts.messages++;
    s->max_message = e->data.len > s->max_message ? e->data.len : s->max_message;
    bool lossy = !s->config.quiet_disk && sim_below(s, 100) < 2;
    if (s->bad || lossy || node->side != s->nodes[to].side) {
        return;
    }
    uint64_t delay = 1;
    if (!s->config.quiet_disk) {
        delay +=
            !s->healed && sim_below(s, 20) == 0 ? sim_below(s, 300) : sim_below(s, 15);
    }
    dbr_time at = s->now + delay;
    if (at < node->link_free[to]) {
        at = node->link_free[to];
    }
    node->link_free[to] = at;
    struct event *m = sim_schedule(s, at, A_MESSAGE, (int)to);
    m->from = i;
    sim_copy(&m->data, e->data);
}

/* ---- Events of a machine ---------------------------------------------------- */

static void on_role(struct sim *s, int i)
{
    struct dbr_consensus_status st;
    struct node *node = &s->nodes[i];
    dbr_consensus_status(node->c, &st);
    sim_mix(s, st.term * 8 + (uint64_t)st.role);
    if (st.role == DBR_CONSENSUS_LEADER && node->led_term != st.term) {
        node->led_term = st.term;
        s->counts.leaders++;
    }
    sim_say(s, "n%d role %d term %llu leader %llu ready %d changing %d\n", i + 1,
            (int)st.role, (unsigned long long)st.term, (unsigned long long)st.leader,
            st.ready, st.changing);
}

static void on_read(struct sim *s, int i, const struct dbr_consensus_event *e)
{
    if (e->status != 0) {
        return;
    }
    s->counts.reads++;
    if (e->index < s->read_needs[e->token] || e->index > s->nodes[i].handed_index) {
        sim_fail(s, "node %d reads at %llu, acknowledged before it %llu, handed out %llu",
                 i + 1, (unsigned long long)e->index,
                 (unsigned long long)s->read_needs[e->token],
                 (unsigned long long)s->nodes[i].handed_index);
    }
}

/* A node that found no memory ends, and its owner starts it again. */
static void on_failed(struct sim *s, int i, const struct dbr_consensus_event *e)
{
    if (!s->was_poor) {
        sim_fail(s, "node %d failed: %d %s", i + 1, e->status, e->detail);
        return;
    }
    s->counts.ended++;
    sim_schedule(s, s->now, A_CRASH, i)->value = 1; /* also when all has healed since */
}

static void on_event(struct sim *s, int i, const struct dbr_consensus_event *e)
{
    struct node *node = &s->nodes[i];
    sim_mix(s, s->now * 64 + (uint64_t)i * 16 + (uint64_t)e->type);
    sim_mix(s, e->index);
    node->took[e->type] = e->status;
    switch (e->type) {
    case DBR_CONSENSUS_SEND:
        on_send(s, i, e);
        break;
    case DBR_CONSENSUS_LOG:
        sim_disk_queue(s, i, e->op);
        break;
    case DBR_CONSENSUS_APPLY:
        on_apply(s, i, e);
        break;
    case DBR_CONSENSUS_ROLE:
        on_role(s, i);
        break;
    case DBR_CONSENSUS_READ:
        on_read(s, i, e);
        break;
    case DBR_CONSENSUS_CHANGED:
        s->counts.changes += e->status == 0;
        break;
    case DBR_CONSENSUS_TRANSFERRED:
        s->counts.transfers += e->status == 0;
        break;
    case DBR_CONSENSUS_CHECKPOINT:
        sim_schedule(s, s->now + sim_below(s, 60), A_CHECKPOINT, i)->value = e->index;
        break;
    case DBR_CONSENSUS_OFFER:
        sim_schedule(s, s->now + sim_below(s, 60), A_OFFER, i)->value = e->index;
        break;
    case DBR_CONSENSUS_FETCH:
        on_fetch(s, i, e);
        break;
    case DBR_CONSENSUS_RESTORE:
        on_restore(s, i, e->index);
        break;
    case DBR_CONSENSUS_FAILED:
        on_failed(s, i, e);
        break;
    }
}

/* What describes a snapshot is the snapshot itself here; it takes its time all the same.
 */
void sim_finish_fetch(struct sim *s, int i, debros_bytes descriptor)
{
    int status =
        !s->healed && !s->config.quiet_disk && sim_below(s, 20) == 0 ? DEBROS_ENOTFOUND
                                                                     : 0;
    s->counts.fetches++;
    sim_short(s);
    dbr_consensus_fetched(s->nodes[i].c, status, descriptor, s->now);
    sim_enough(s);
    sim_drain(s, i);
}

void sim_drain(struct sim *s, int i)
{
    struct node *node = &s->nodes[i];
    struct dbr_consensus_event e;
    while (!s->bad && dbr_consensus_poll(node->c, &e)) {
        on_event(s, i, &e);
    }
    dbr_time deadline = dbr_consensus_deadline(node->c);
    if (deadline != node->timer && deadline != DBR_TIME_NEVER) {
        node->timer = deadline;
        sim_schedule(s, deadline, A_TIMER, i);
    }
}

void sim_finish_checkpoint(struct sim *s, int i, uint64_t asked)
{
    struct node *node = &s->nodes[i];
    int status =
        !s->healed && !s->config.quiet_disk && sim_below(s, 20) == 0 ? DEBROS_EIO : 0;
    if (status == 0) {
        node->db_index = node->db_index > asked ? node->db_index : asked;
        node->durable_index = node->db_index;
    }
    sim_short(s);
    dbr_consensus_checkpointed(node->c, status, s->now);
    sim_enough(s);
    sim_drain(s, i);
}

void sim_finish_offer(struct sim *s, int i)
{
    struct node *node = &s->nodes[i];
    struct dbr_buf image = {0};
    /* The store names the last command, which may be older than what was asked. */
    uint64_t index = node->n_db > 0 ? node->db[node->n_db - 1].index : 0;
    int status =
        !s->healed && !s->config.quiet_disk && sim_below(s, 20) == 0 ? DEBROS_EIO : 0;
    dbr_buf_add(&image, node->db, node->n_db * sizeof(*node->db));
    sim_short(s);
    dbr_consensus_offer(node->c, status, index, &image, s->now);
    sim_enough(s);
    dbr_buf_finish(&image);
    sim_drain(s, i);
}

/* ---- Life of a node --------------------------------------------------------- */

void sim_crash(struct sim *s, int i)
{
    struct node *node = &s->nodes[i];
    uint64_t done =
        node->queued > 0 && sim_below(s, 2) == 0 ? sim_below(s, node->queued + 1) : 0;
    sim_say(s, "n%d crashes, %llu of %zu ops done\n", i + 1, (unsigned long long)done,
            node->queued);
    while (node->first != NULL) {
        struct dbr_log_op *op = sim_disk_take(node);
        if (done > 0) {
            sim_disk_apply(s, node, op);
            done--;
        }
    }
    dbr_consensus_destroy(node->c);
    node->c = NULL;
    node->life++;
    node->writing = false;
    if (node->db_index > node->durable_index) {
        db_cut(node, node->durable_index +
                         sim_below(s, node->db_index - node->durable_index + 1));
    }
    s->counts.crashes++;
}

static void load_state(const struct disk *d, struct dbr_log_state *state,
                       struct dbr_log_entry **entries)
{
    *entries = dbr_calloc(d->n, sizeof(**entries));
    dbr_assert(*entries != NULL);
    for (size_t k = 0; k < d->n; k++) {
        const struct entry *e = &d->entries[k];
        (*entries)[k] = (struct dbr_log_entry){e->term, e->type,
                                               dbr_bytes(e->data.data, e->data.len)};
    }
    *state = (struct dbr_log_state){
        .term = d->term,
        .vote = d->vote,
        .snapshot_index = d->snapshot_index,
        .snapshot_term = d->snapshot_term,
        .configuration_index = d->configuration_index,
        .configuration = dbr_bytes(d->configuration.data, d->configuration.len),
        .first_index = d->first,
        .entries = *entries,
        .n_entries = d->n};
}

void sim_restart(struct sim *s, int i)
{
    struct node *node = &s->nodes[i];
    struct dbr_consensus_config config;
    struct dbr_log_state state;
    struct dbr_log_entry *entries;
    char address[DBR_SERVER_ADDRESS_MAX];
    dbr_consensus_config_default(&config);
    snprintf(address, sizeof(address), "n%d", i + 1);
    config.id = (uint64_t)i + 1;
    config.address = address;
    config.install_ms = 3000;
    config.bare = s->config.bare;
    if (s->config.hasty) {
        config.election_ms = 150;
        config.heartbeat_ms = 30;
    }
    if (s->config.threshold > 0) {
        config.snapshot_threshold = s->config.threshold;
        config.snapshot_trailing = TRAILING;
    }
    if (s->config.max_message > 0) {
        config.max_message = s->config.max_message;
    }
    if (node->disk.image_index > node->db_index) {
        db_load_image(node); /* staged before the crash */
    }
    node->handed_index = node->disk.snapshot_index;
    load_state(&node->disk, &state, &entries);
    if (state.term < node->wire_term) {
        sim_fail(s, "node %d wakes up in term %llu and has sent %llu", i + 1,
                 (unsigned long long)state.term, (unsigned long long)node->wire_term);
    }
    sim_short(s);
    int rv = dbr_consensus_create(&node->c, &config, &state, &node->rng, s->now);
    bool poor = sim_enough(s);
    dbr_free(entries);
    if (poor && rv == DEBROS_ENOMEM) {
        s->counts.ended++;
        sim_schedule(s, s->now + 100, A_RESTART, i);
        return;
    }
    if (rv != 0) {
        sim_fail(s, "node %d cannot start: %d", i + 1, rv);
        return;
    }
    sim_say(s, "n%d starts\n", i + 1);
    node->timer = 0;
    sim_drain(s, i);
}

void sim_bootstrap(struct sim *s, int i)
{
    struct disk *d = &s->nodes[i].disk;
    struct raft_configuration configuration;
    struct dbr_buf bytes = {0};
    char name[32];
    d->first = 1;
    if (s->config.grow && i > 0) {
        return;
    }
    raft_configuration_init(&configuration);
    for (size_t k = 0; k < (s->config.grow ? 1 : s->config.n); k++) {
        snprintf(name, sizeof(name), "n%zu", k + 1);
        raft_configuration_add(&configuration, k + 1, name, RAFT_VOTER);
    }
    dbr_configuration_encode(&configuration, &bytes);
    raft_configuration_close(&configuration);
    struct dbr_log_entry entry = {1, DBR_ENTRY_CHANGE, dbr_bytes(bytes.data, bytes.len)};
    struct dbr_log_op op = {
        .type = DBR_LOG_APPEND, .index = 1, .entries = &entry, .n_entries = 1};
    d->term = 1;
    sim_disk_append(s, d, &op);
    dbr_buf_finish(&bytes);
}
