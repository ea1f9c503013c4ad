#include "consensus/requests.h"

#include <string.h>

#include "base/alloc.h"
#include "base/failpoint.h"
#include "consensus/machine.h"
#include "consensus/message.h"

/* ---- Commands --------------------------------------------------------------- */

/* Who waits looks for APPLY with its index and term. */
static void on_applied(struct raft_apply *req, int status, void *result)
{
    (void)status;
    (void)result;
    dbr_free(req);
}

static int check_propose(const struct dbr_consensus *c, size_t len)
{
    const struct raft *r = &c->raft;
    if (!dbr_repair_4_may_change(c)) {
        return DEBROS_ENOTLEADER;
    }
    if (len > DBR_ENTRY_SIZE_MAX) {
        return DEBROS_ELIMIT;
    }
    if (raft_last_index((struct raft *)r) - r->commit_index >=
        DBR_REQUESTS_IN_FLIGHT_MAX) {
        return DEBROS_EBUSY;
    }
    return 0;
}

int dbr_requests_propose(struct dbr_consensus *c, debros_bytes data, uint64_t *index,
                         uint64_t *term)
{
    DBR_FAILPOINT("consensus.requests.propose");
    int rv = check_propose(c, data.len);
    if (rv != 0) {
        return rv;
    }
    struct raft_apply *req = dbr_calloc(1, sizeof(*req));
    struct raft_buffer buf = {.base = raft_malloc(data.len + 8), .len = data.len};
    if (req == NULL || buf.base == NULL) {
        rv = RAFT_NOMEM;
        goto fail;
    }
    if (data.len > 0) {
        memcpy(buf.base, data.data, data.len);
    }
    *index = raft_last_index(&c->raft) + 1;
    *term = c->raft.current_term;
    /* One buffer at a time: of several, libraft reports the first one only. */
    rv = raft_apply(&c->raft, req, &buf, 1, on_applied);
    if (rv == 0) {
        return 0;
    }
fail:
    dbr_free(req);
    raft_free(buf.base);
    return dbr_consensus_error(rv);
}

/* ---- Changes of the members ------------------------------------------------- */

static void end_change(struct dbr_consensus *c, int status)
{
    DBR_FAILPOINT("consensus.requests.end_change");
    c->requests.step = DBR_CHANGE_NONE;
    dbr_consensus_push(
        c, &(struct dbr_event_item){.type = DBR_CONSENSUS_CHANGED, .status = status});
}

static void on_changed(struct raft_change *req, int status)
{
    struct dbr_consensus *c = req->data;
    if (status == 0 && c->requests.step == DBR_CHANGE_ADDING) {
        c->requests.step = DBR_CHANGE_PROMOTING; /* not from inside of libraft */
        return;
    }
    end_change(c, dbr_consensus_error(status));
}

static int check_change(const struct dbr_consensus *c)
{
    if (!dbr_repair_4_may_change(c) || c->raft.transfer != NULL) {
        return DEBROS_ENOTLEADER;
    }
    if (c->requests.step != DBR_CHANGE_NONE ||
        c->raft.configuration_uncommitted_index != 0) {
        return DEBROS_EBUSY;
    }
    return 0;
}

/* Not the last voter. Nor the leader itself: when it crashes with that entry in its log
 * alone, it does not stand for election any more and refuses its vote to the others,
 * whose logs are shorter. It hands over first. */
static bool may_demote(const struct dbr_consensus *c, uint64_t id)
{
    return c->config.bare || (id != c->config.id && !dbr_configuration_is_sole_voter(
                                                        &c->raft.configuration, id));
}

static int assign(struct dbr_consensus *c, uint64_t id, int role)
{
    DBR_FAILPOINT("consensus.requests.assign");
    struct dbr_requests *q = &c->requests;
    q->change.data = c;
    q->step = DBR_CHANGE_LAST;
    int rv = raft_assign(&c->raft, &q->change, id, role, on_changed);
    if (rv != 0) {
        q->step = DBR_CHANGE_NONE;
        if (dbr_consensus_leads(c) && c->raft.leader_state.change == &q->change) {
            c->raft.leader_state.change = NULL; /* libraft leaves it there */
        }
    }
    return dbr_consensus_error(rv);
}

int dbr_requests_add(struct dbr_consensus *c, uint64_t id, const char *address)
{
    DBR_FAILPOINT("consensus.requests.add");
    struct dbr_requests *q = &c->requests;
    int rv = check_change(c);
    if (rv != 0) {
        return rv;
    }
    const struct raft_server *known = dbr_configuration_find(&c->raft.configuration, id);
    if (known != NULL && known->role == RAFT_SPARE &&
        strcmp(known->address, address) == 0) {
        return assign(c, id, RAFT_STANDBY); /* an earlier add came half way */
    }
    if (id == 0 || !dbr_configuration_address_ok(dbr_bytes_str(address)) ||
        c->raft.configuration.n >= DBR_CONFIGURATION_SERVERS_MAX) {
        return DEBROS_EINVAL;
    }
    q->change.data = c;
    q->changed_id = id;
    q->step = DBR_CHANGE_ADDING;
    rv = raft_add(&c->raft, &q->change, id, address, on_changed);
    if (rv != 0) {
        q->step = DBR_CHANGE_NONE;
    }
    return dbr_consensus_error(rv);
}

int dbr_requests_assign(struct dbr_consensus *c, uint64_t id, enum dbr_server_role role)
{
    int rv = check_change(c);
    if (rv != 0) {
        return rv;
    }
    if (id == 0 || (role != DBR_SERVER_VOTER && !may_demote(c, id))) {
        return DEBROS_EINVAL;
    }
    return assign(c, id, (int)role);
}

int dbr_requests_remove(struct dbr_consensus *c, uint64_t id)
{
    struct dbr_requests *q = &c->requests;
    int rv = check_change(c);
    if (rv != 0) {
        return rv;
    }
    if (id == 0 || !may_demote(c, id)) {
        return DEBROS_EINVAL;
    }
    q->change.data = c;
    q->step = DBR_CHANGE_LAST;
    rv = raft_remove(&c->raft, &q->change, id, on_changed);
    if (rv != 0) {
        q->step = DBR_CHANGE_NONE;
    }
    return dbr_consensus_error(rv);
}

/* libraft adds spares, which get no log: the second half makes it a standby. */
static bool settle_change(struct dbr_consensus *c)
{
    if (c->requests.step != DBR_CHANGE_PROMOTING) {
        return false;
    }
    if (!dbr_consensus_leads(c)) {
        end_change(c, DEBROS_ENOTLEADER);
        return false;
    }
    int rv = assign(c, c->requests.changed_id, RAFT_STANDBY);
    if (rv != 0) {
        end_change(c, rv);
    }
    return true;
}

/* ---- Transfer --------------------------------------------------------------- */

static void on_transferred(struct raft_transfer *req)
{
    struct dbr_consensus *c = req->data;
    c->requests.transfer_ended = true;
}

int dbr_requests_transfer(struct dbr_consensus *c, uint64_t id)
{
    DBR_FAILPOINT("consensus.requests.transfer");
    struct dbr_requests *q = &c->requests;
    if (!dbr_consensus_leads(c)) {
        return DEBROS_ENOTLEADER;
    }
    if (q->transferring || c->raft.transfer != NULL) {
        return DEBROS_EBUSY;
    }
    q->transfer.data = c;
    q->transfer_ended = false;
    int rv = raft_transfer(&c->raft, &q->transfer, id, on_transferred);
    if (rv != 0) {
        return dbr_consensus_error(rv);
    }
    q->transferring = true;
    q->transfer_until = dbr_time_add(c->now, 3 * (uint64_t)c->config.election_ms);
    return 0;
}

/* A server that has stepped down forgets the transfer at once: libraft would let it vote
 * for the chosen one after it has voted for another in the same term. */
static void forget_transfer(struct dbr_consensus *c)
{
    if (c->raft.transfer != NULL && !dbr_consensus_leads(c)) {
        c->raft.transfer = NULL;
        c->requests.transfer_ended = true;
    }
}

static void settle_transfer(struct dbr_consensus *c)
{
    struct dbr_requests *q = &c->requests;
    if (!c->config.bare) {
        forget_transfer(c);
    }
    if (!q->transferring || !q->transfer_ended) {
        return;
    }
    const struct raft *r = &c->raft;
    bool follows = r->state == RAFT_FOLLOWER && r->follower_state.current_leader.id != 0;
    if (!follows && r->state != RAFT_LEADER && c->now < q->transfer_until) {
        return; /* the election is not over */
    }
    q->transferring = false;
    dbr_consensus_push(
        c, &(struct dbr_event_item){.type = DBR_CONSENSUS_TRANSFERRED,
                                    .status = follows ? 0 : DEBROS_ETIMEDOUT});
}

bool dbr_requests_settle(struct dbr_consensus *c)
{
    settle_transfer(c);
    return settle_change(c);
}
