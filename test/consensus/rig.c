#include "rig.h"

#include <stdio.h>

#include "base/alloc.h"

void rig_init(struct rig *rig, unsigned voters, unsigned standbys)
{
    struct raft_configuration configuration;
    char name[16];
    memset(rig, 0, sizeof(*rig));
    rig->now = 1000;
    dbr_rng_seed(&rig->rng, 7);
    dbr_consensus_config_default(&rig->config);
    rig->config.id = 1;
    rig->config.address = "n1";
    raft_configuration_init(&configuration);
    for (unsigned i = 0; i < voters + standbys; i++) {
        snprintf(name, sizeof(name), "n%u", i + 1);
        raft_configuration_add(&configuration, i + 1, name,
                               i < voters ? RAFT_VOTER : RAFT_STANDBY);
    }
    assert_int_equal(dbr_configuration_encode(&configuration, &rig->configuration), 0);
    raft_configuration_close(&configuration);
    rig->entries[0] =
        (struct dbr_log_entry){1, DBR_ENTRY_CHANGE, test_view(rig->configuration)};
    rig->state = (struct dbr_log_state){
        .term = 1, .first_index = 1, .entries = rig->entries, .n_entries = 1};
    rig->events = dbr_calloc(RIG_EVENTS_MAX, sizeof(*rig->events));
    assert_non_null(rig->events);
}

void rig_entry(struct rig *rig, uint64_t term, const char *text)
{
    assert_true(rig->state.n_entries < RIG_LOG_MAX);
    rig->entries[rig->state.n_entries++] =
        (struct dbr_log_entry){term, DBR_ENTRY_COMMAND, dbr_bytes_str(text)};
    rig->state.term = term > rig->state.term ? term : rig->state.term;
}

void rig_snapshot(struct rig *rig, uint64_t index, uint64_t term)
{
    rig->state = (struct dbr_log_state){.term = term,
                                        .snapshot_index = index,
                                        .snapshot_term = term,
                                        .configuration_index = 1,
                                        .configuration = test_view(rig->configuration),
                                        .first_index = index + 1};
}

int rig_start(struct rig *rig)
{
    int rv =
        dbr_consensus_create(&rig->c, &rig->config, &rig->state, &rig->rng, rig->now);
    if (rv == 0) {
        rig_drain(rig);
    }
    return rv;
}

void rig_forget(struct rig *rig)
{
    for (size_t i = 0; i < rig->n_events; i++) {
        dbr_buf_finish(&rig->events[i].data);
        dbr_message_finish(&rig->events[i].message);
    }
    memset(rig->events, 0, rig->n_events * sizeof(*rig->events));
    rig->n_events = 0;
}

void rig_finish(struct rig *rig)
{
    rig_forget(rig);
    dbr_consensus_destroy(rig->c);
    dbr_free(rig->events);
    dbr_buf_finish(&rig->configuration);
}

static void keep(struct rig *rig, const struct dbr_consensus_event *e)
{
    static const struct dbr_message_limits limits = {1 << 26, 1 << 26};
    assert_true(rig->n_events < RIG_EVENTS_MAX);
    struct rig_event *kept = &rig->events[rig->n_events++];
    kept->e = *e;
    dbr_buf_add(&kept->data, e->data.data, e->data.len);
    kept->e.data = test_view(kept->data);
    if (e->type == DBR_CONSENSUS_SEND) {
        dbr_configuration_address_copy(kept->to_address, e->address);
        kept->e.address = kept->to_address;
        assert_int_equal(
            dbr_message_decode(&kept->message, kept->address, e->to, e->data, &limits),
            0);
    }
    if (e->type == DBR_CONSENSUS_FETCH && e->index != 0 && !rig->slow_fetch) {
        dbr_consensus_fetched(rig->c, 0, kept->e.data, rig->now);
    }
    if (e->type == DBR_CONSENSUS_LOG) {
        assert_int_equal(e->op->seq, rig->last_seq + 1);
        rig->last_seq = e->op->seq;
    }
}

static void poll_all(struct rig *rig)
{
    struct dbr_consensus_event e;
    while (dbr_consensus_poll(rig->c, &e)) {
        keep(rig, &e);
    }
}

void rig_disk(struct rig *rig)
{
    uint64_t seq;
    do {
        seq = rig->last_seq;
        dbr_consensus_log_done(rig->c, seq, rig->now);
        poll_all(rig);
    } while (seq != rig->last_seq && !rig->slow);
}

void rig_drain(struct rig *rig)
{
    poll_all(rig);
    if (!rig->slow) {
        rig_disk(rig);
    }
}

void rig_wait(struct rig *rig, uint32_t ms)
{
    dbr_time end = rig->now + ms;
    while (dbr_consensus_deadline(rig->c) <= end) {
        rig->now = dbr_consensus_deadline(rig->c);
        dbr_consensus_expire(rig->c, rig->now);
        rig_drain(rig);
    }
    rig->now = end;
}

struct dbr_consensus_status rig_status(struct rig *rig)
{
    struct dbr_consensus_status status;
    dbr_consensus_status(rig->c, &status);
    return status;
}

void rig_expire_until(struct rig *rig, enum dbr_consensus_role role)
{
    for (int i = 0; i < 60 && rig_status(rig).role != role; i++) {
        rig_wait(rig, 100);
    }
    assert_int_equal(rig_status(rig).role, role);
}

struct rig_event *rig_event(struct rig *rig, enum dbr_consensus_event_type type, size_t n)
{
    for (size_t i = 0; i < rig->n_events; i++) {
        if (rig->events[i].e.type == type && n-- == 0) {
            return &rig->events[i];
        }
    }
    return NULL;
}

size_t rig_count(struct rig *rig, enum dbr_consensus_event_type type)
{
    size_t n = 0;
    for (size_t i = 0; i < rig->n_events; i++) {
        n += rig->events[i].e.type == type;
    }
    return n;
}

struct rig_event *rig_sent(struct rig *rig, int type)
{
    for (size_t i = rig->n_events; i > 0; i--) {
        struct rig_event *e = &rig->events[i - 1];
        if (e->e.type == DBR_CONSENSUS_SEND && e->message.type == type) {
            return e;
        }
    }
    return NULL;
}

struct raft_append_entries_result rig_last_result(struct rig *rig)
{
    struct rig_event *sent = rig_sent(rig, RAFT_IO_APPEND_ENTRIES_RESULT);
    assert_non_null(sent);
    return sent->message.append_entries_result;
}

struct dbr_log_op *rig_op(struct rig *rig, enum dbr_log_op_type type)
{
    assert_true(rig->slow); /* else it is freed */
    for (size_t i = rig->n_events; i > 0; i--) {
        struct rig_event *e = &rig->events[i - 1];
        if (e->e.type == DBR_CONSENSUS_LOG && e->e.op->type == type) {
            return e->e.op;
        }
    }
    return NULL;
}

/* ---- Messages --------------------------------------------------------------- */

int rig_recv(struct rig *rig, uint64_t from, struct raft_message *message)
{
    struct dbr_buf out = {0};
    char name[16];
    snprintf(name, sizeof(name), "n%u", (unsigned)from);
    assert_int_equal(dbr_message_encode(&out, message, name, dbr_bytes("image", 5)), 0);
    int rv = dbr_consensus_recv(rig->c, from, test_view(out), rig->now);
    dbr_buf_finish(&out);
    rig_drain(rig);
    return rv;
}

int rig_append(struct rig *rig, uint64_t from, uint64_t term, uint64_t prev_index,
               uint64_t prev_term, uint64_t commit, uint64_t entry_term, unsigned n)
{
    struct raft_entry entries[16] = {0};
    struct raft_message m = {.type = RAFT_IO_APPEND_ENTRIES};
    assert_true(n <= 16);
    for (unsigned i = 0; i < n; i++) {
        entries[i] = (struct raft_entry){
            .term = entry_term, .type = RAFT_COMMAND, .buf = {(void *)"text", 4}};
    }
    m.append_entries = (struct raft_append_entries){.term = term,
                                                    .prev_log_index = prev_index,
                                                    .prev_log_term = prev_term,
                                                    .leader_commit = commit,
                                                    .entries = entries,
                                                    .n_entries = n};
    return rig_recv(rig, from, &m);
}

int rig_result(struct rig *rig, uint64_t from, uint64_t term, uint64_t rejected,
               uint64_t last_index)
{
    struct raft_message m = {.type = RAFT_IO_APPEND_ENTRIES_RESULT};
    m.append_entries_result =
        (struct raft_append_entries_result){term, rejected, last_index};
    return rig_recv(rig, from, &m);
}

int rig_vote(struct rig *rig, uint64_t from, uint64_t term, uint64_t last_index,
             uint64_t last_term, bool pre_vote)
{
    struct raft_message m = {.type = RAFT_IO_REQUEST_VOTE};
    m.request_vote = (struct raft_request_vote){.term = term,
                                                .candidate_id = from,
                                                .last_log_index = last_index,
                                                .last_log_term = last_term,
                                                .pre_vote = pre_vote};
    return rig_recv(rig, from, &m);
}

int rig_vote_result(struct rig *rig, uint64_t from, uint64_t term, bool pre_vote)
{
    struct raft_message m = {.type = RAFT_IO_REQUEST_VOTE_RESULT};
    m.request_vote_result = (struct raft_request_vote_result){
        term, true, pre_vote ? raft_tribool_true : raft_tribool_false};
    return rig_recv(rig, from, &m);
}

int rig_install(struct rig *rig, uint64_t from, uint64_t term, uint64_t index,
                uint64_t index_term)
{
    struct raft_message m = {.type = RAFT_IO_INSTALL_SNAPSHOT};
    m.install_snapshot = (struct raft_install_snapshot){
        .term = term, .last_index = index, .last_term = index_term, .conf_index = 1};
    assert_int_equal(
        dbr_configuration_decode(&m.install_snapshot.conf, test_view(rig->configuration)),
        0);
    int rv = rig_recv(rig, from, &m);
    raft_configuration_close(&m.install_snapshot.conf);
    return rv;
}

void rig_elect(struct rig *rig)
{
    rig_expire_until(rig, DBR_CONSENSUS_CANDIDATE);
    uint64_t term = rig_status(rig).term + 1;
    assert_int_equal(rig_vote_result(rig, 2, term, true), 0);
    assert_int_equal(rig_status(rig).term, term);
    assert_int_equal(rig_vote_result(rig, 2, term, false), 0);
    assert_int_equal(rig_status(rig).role, DBR_CONSENSUS_LEADER);
}

void rig_lead(struct rig *rig)
{
    rig_elect(rig);
    struct dbr_consensus_status st = rig_status(rig);
    assert_int_equal(rig_result(rig, 2, st.term, 0, st.last_index), 0);
    assert_true(rig_status(rig).ready);
}
