#include "consensus/inbox.h"

#include "base/alloc.h"
#include "base/failpoint.h"
#include "consensus/machine.h"
#include "consensus/message.h"

static void free_message(struct dbr_inbox_message *m)
{
    if (m != NULL) {
        dbr_message_finish(&m->raft);
        dbr_free(m);
    }
}

void dbr_inbox_finish(struct dbr_inbox *inbox)
{
    free_message(inbox->install);
    inbox->install = NULL;
    inbox->told = inbox->fetched = false;
}

/* What the members agreed on counts more than what the sender says. */
static void address_by_configuration(struct dbr_consensus *c, struct dbr_inbox_message *m)
{
    const struct raft_server *known =
        dbr_configuration_find(&c->raft.configuration, m->raft.server_id);
    if (known != NULL) {
        dbr_configuration_address_copy(m->address, known->address);
    }
}

/* Hands the message to libraft, which takes the memory inside. */
static void deliver(struct dbr_consensus *c, struct dbr_inbox_message *m)
{
    address_by_configuration(c, m);
    m->raft.server_address = m->address;
    c->inbox.from = m->raft.server_id;
    c->inbox.from_address = m->address;
    c->seam.recv(&c->io, &m->raft);
    c->inbox.from = 0;
    dbr_raft_io_mend_cuts(c);
    dbr_free(m);
}

/* Whether an append says how far the leader has committed. One that was cut to a size
 * says no more than its own last entry: see cut_entries() of raft_io.c. */
static bool says_commit(const struct raft_append_entries *a)
{
    return a->n_entries == 0 || a->leader_commit < a->prev_log_index + a->n_entries;
}

static int deliver_append(struct dbr_consensus *c, struct dbr_inbox_message *m)
{
    DBR_FAILPOINT("consensus.inbox.deliver_append");
    struct raft_append_entries *a = &m->raft.append_entries;
    const struct raft *r = &c->raft;
    uint64_t from = m->raft.server_id;
    uint64_t term = a->term;
    uint64_t commit = a->leader_commit;
    bool says_all = says_commit(a);
    dbr_repair_7_strip(c, a);
    a->leader_commit = dbr_repair_2_commit(c, a);
    if (dbr_repair_postpones(c, a)) {
        free_message(m);
        return 0;
    }
    int rv = dbr_repair_5_roll_back(c, a);
    if (rv != 0) {
        free_message(m);
        return rv;
    }
    dbr_repair_2_begin(c, a->term, a->prev_log_index + a->n_entries);
    deliver(c, m);
    dbr_repair_2_end(c);
    if (says_all && r->state == RAFT_FOLLOWER && r->current_term == term &&
        r->follower_state.current_leader.id == from) {
        dbr_reads_heard(c, commit);
    }
    return 0;
}

static void deliver_install(struct dbr_consensus *c, struct dbr_inbox_message *m)
{
    DBR_FAILPOINT("consensus.inbox.deliver_install");
    const struct raft_install_snapshot *a = &m->raft.install_snapshot;
    dbr_repair_2_begin(c, a->term, a->last_index);
    deliver(c, m);
    dbr_repair_2_end(c);
}

static void deliver_as_voter(struct dbr_consensus *c, struct dbr_inbox_message *m)
{
    struct dbr_repair_guest guest;
    address_by_configuration(c, m);
    dbr_repair_8_begin(c, &guest);
    deliver(c, m);
    dbr_repair_8_end(c, &guest);
}

static void deliver_vote_result(struct dbr_consensus *c, struct dbr_inbox_message *m)
{
    DBR_FAILPOINT("consensus.inbox.deliver_vote_result");
    if (!dbr_repair_8_stands(c)) {
        deliver(c, m);
    } else if (dbr_repair_8_keeps(c, &m->raft)) {
        free_message(m);
    } else {
        deliver_as_voter(c, m);
    }
}

/* Would libraft drop a snapshot that comes now, or mix it with what is under way? It also
 * empties the log, which still holds the commands that have not been polled. */
static bool install_must_wait(const struct dbr_consensus *c)
{
    if (c->config.bare) {
        return false;
    }
    bool unpolled = c->events.len > 0 || c->run.last != 0;
    return unpolled || dbr_repair_3_waits(c) || c->raft.snapshot.put.data != NULL ||
           c->raft.snapshot.pending.term != 0;
}

static debros_bytes descriptor_of(const struct dbr_inbox_message *m)
{
    const struct raft_buffer *data = &m->raft.install_snapshot.data;
    return dbr_bytes(data->base, data->len);
}

/* Would libraft do anything with it? Its term may be old, or the log may have it all: see
 * its replicationInstallSnapshot(). */
static bool is_needed(const struct dbr_consensus *c, const struct dbr_inbox_message *m)
{
    const struct raft_install_snapshot *a = &m->raft.install_snapshot;
    uint64_t term = dbr_consensus_term_of(c, a->last_index);
    return c->raft.log.snapshot.last_index < a->last_index &&
           (term == 0 || term < a->last_term);
}

static void tell_fetch(struct dbr_consensus *c, bool needed)
{
    c->inbox.told = needed;
    dbr_consensus_push(c, &(struct dbr_event_item){.type = DBR_CONSENSUS_FETCH});
}

/* Libraft sees a snapshot when its files are here: until then the server is a follower
 * like any other. */
static void keep_install(struct dbr_consensus *c, struct dbr_inbox_message *m)
{
    struct dbr_inbox *inbox = &c->inbox;
    struct dbr_inbox_message *old = inbox->install;
    bool same = old != NULL && dbr_bytes_equal(descriptor_of(old), descriptor_of(m));
    free_message(old);
    inbox->install = m;
    if (!same) {
        inbox->told = inbox->fetched = false;
    }
}

/* True: it may be delivered. */
static bool is_fetched(struct dbr_consensus *c, const struct dbr_inbox_message *m)
{
    struct dbr_inbox *inbox = &c->inbox;
    if (!inbox->fetched && (m->raft.install_snapshot.term < c->raft.current_term ||
                            !is_needed(c, m))) {
        inbox->fetched = true;
        if (inbox->told && !is_needed(c, m)) {
            tell_fetch(c, false);
        }
    }
    /* Not before an earlier one is in its place. */
    if (!inbox->fetched && !inbox->told && c->raft.snapshot.put.data == NULL) {
        tell_fetch(c, true);
    }
    return inbox->fetched;
}

void dbr_inbox_show(const struct dbr_consensus *c, struct dbr_consensus_event *event)
{
    const struct dbr_inbox_message *m = c->inbox.install;
    if (m == NULL || c->inbox.fetched) {
        return; /* index 0: nothing to fetch */
    }
    event->to = m->raft.server_id;
    event->address = m->address;
    event->index = m->raft.install_snapshot.last_index;
    event->data = descriptor_of(m);
}

void dbr_inbox_fetched(struct dbr_consensus *c, int status, debros_bytes descriptor)
{
    struct dbr_inbox *inbox = &c->inbox;
    if (inbox->install == NULL || inbox->fetched ||
        !dbr_bytes_equal(descriptor, descriptor_of(inbox->install))) {
        return; /* of one that has been replaced */
    }
    if (status == 0) {
        inbox->fetched = true;
    } else {
        dbr_inbox_finish(inbox);
    }
}

bool dbr_inbox_deliver_kept(struct dbr_consensus *c)
{
    struct dbr_inbox_message *m = c->inbox.install;
    if (m == NULL || !is_fetched(c, m) || install_must_wait(c)) {
        return false;
    }
    c->inbox.install = NULL;
    c->inbox.told = c->inbox.fetched = false;
    if (dbr_repair_refuses(c, &m->raft)) {
        free_message(m);
        return true;
    }
    deliver_install(c, m);
    return true;
}

/* Takes `m`. */
static int dispatch(struct dbr_consensus *c, struct dbr_inbox_message *m)
{
    if (dbr_repair_refuses(c, &m->raft)) {
        free_message(m);
        return DEBROS_EPROTO;
    }
    if (dbr_repair_1_hold(c, &m->raft)) {
        free_message(m);
        return 0;
    }
    switch (m->raft.type) {
    case RAFT_IO_APPEND_ENTRIES:
        return deliver_append(c, m);
    case RAFT_IO_INSTALL_SNAPSHOT:
        keep_install(c, m);
        return 0;
    case RAFT_IO_APPEND_ENTRIES_RESULT:
        dbr_repair_recv_result(c, &m->raft);
        free_message(m);
        return 0;
    case RAFT_IO_REQUEST_VOTE:
        dbr_repair_8_forget_leader(c);
        deliver_as_voter(c, m);
        return 0;
    case RAFT_IO_REQUEST_VOTE_RESULT:
        deliver_vote_result(c, m);
        return 0;
    case RAFT_IO_TIMEOUT_NOW:
        if (dbr_repair_3_waits(c) || dbr_repair_6_refuses_timeout(c)) {
            free_message(m);
            return 0;
        }
        break;
    case DBR_MESSAGE_READ_PROBE:
    case DBR_MESSAGE_READ_ACK:
        dbr_reads_recv(c, &m->raft);
        free_message(m);
        return 0;
    default:
        break;
    }
    deliver(c, m);
    return 0;
}

int dbr_inbox_recv(struct dbr_consensus *c, uint64_t from, debros_bytes bytes)
{
    const struct dbr_message_limits limits = {
        .max_entries = c->config.max_message + DBR_ENTRY_SIZE_MAX,
        .max_descriptor = c->config.max_descriptor,
    };
    if (from == c->config.id) {
        return DEBROS_EPROTO;
    }
    struct dbr_inbox_message *m = dbr_calloc(1, sizeof(*m));
    if (m == NULL) {
        return 0; /* as good as lost on the way */
    }
    int rv = dbr_message_decode(&m->raft, m->address, from, bytes, &limits);
    if (rv != 0) {
        dbr_free(m);
        return rv == DEBROS_ENOMEM ? 0 : rv;
    }
    return dispatch(c, m);
}
