/* The first words to a member and their answers: a client says hello, a joiner presents
 * its invite. */
#include "inner.h"

#define GREET_MS 5000  /* a member answers our hello */
#define JOIN_MS  15000 /* or our invite, which takes a log entry */
#define GROW_MS  1000  /* a client that lives longer gets its other connections */

static const uint8_t any_cluster[DBR_CLUSTER_ID_SIZE];

static debros_bytes our_cluster(const struct dbr_core *core)
{
    return dbr_bytes(core->config.cluster_id, DBR_CLUSTER_ID_SIZE);
}

static int send_join(struct dbr_core *core, uint64_t stream, dbr_time now)
{
    struct dbr_keypair key;
    uint8_t signature[DBR_SIGNATURE_SIZE];
    const struct dbr_keypair *operator_key = core->config.operator_key;
    struct dbr_cluster_frame frame = {.id = 1, .kind = DBR_CLUSTER_JOIN};
    if (operator_key != NULL) {
        frame.operator_key = dbr_bytes(operator_key->public_key, DBR_PUBLIC_KEY_SIZE);
    }
    dbr_keypair_from_seed(&key, core->invite.seed);
    dbr_invite_sign(signature, &key, core->invite.cluster_id, &core->self,
                    frame.operator_key);
    frame.invite_key = dbr_bytes(key.public_key, DBR_PUBLIC_KEY_SIZE);
    frame.signature = dbr_bytes(signature, sizeof(signature));
    int err = dbr_calls_send(core, stream, &frame, now);
    dbr_keypair_wipe(&key);
    return err;
}

void dbr_client_greet(struct dbr_core *core, struct dbr_contact *contact, dbr_time now)
{
    char text[DBR_MULTIADDR_TEXT_SIZE];
    struct dbr_cluster_frame hello = {.id = 1, .kind = DBR_CLUSTER_HELLO};
    int err = dbr_swarm_open(core->swarm, &contact->stream, &contact->peer,
                             DBR_PROTOCOL_CLUSTER, now);
    contact->state = DBR_CONTACT_GREETING;
    contact->until = dbr_time_add(now, dbr_client_is_joiner(core) ? JOIN_MS : GREET_MS);
    if (err == 0) {
        err = dbr_client_is_joiner(core)
                  ? send_join(core, contact->stream, now)
                  : dbr_calls_send(core, contact->stream, &hello, now);
    }
    if (err != 0) {
        dbr_client_drop(core, contact, err, now, "%s: %s",
                        dbr_client_place(contact, text), debros_strerror(err));
    }
}

void dbr_client_recv_hello(struct dbr_core *core, struct dbr_contact *contact,
                           const struct dbr_cluster_frame *frame, dbr_time now)
{
    char peer[DBR_PEER_ID_TEXT_SIZE];
    char self[DBR_PEER_ID_TEXT_SIZE];
    struct dbr_peer_id id = contact->peer;
    dbr_peer_id_text(&id, peer);
    if (memcmp(core->config.cluster_id, any_cluster, sizeof(any_cluster)) != 0 &&
        !dbr_bytes_equal(frame->cluster_id, our_cluster(core))) {
        dbr_client_drop(core, contact, DEBROS_EAUTH, now, "%s belongs to another cluster",
                        peer);
        return;
    }
    if (frame->cls == DBR_PEER_STRANGER) {
        dbr_client_drop(core, contact, DEBROS_EACCES, now,
                        "%s does not list the key %s: use the operator key of its "
                        "cluster",
                        peer, dbr_peer_id_text(&core->self, self));
        return;
    }
    memcpy(core->config.cluster_id, frame->cluster_id.data, DBR_CLUSTER_ID_SIZE);
    if (contact->state == DBR_CONTACT_GREETING) {
        dbr_contact_ready(contact);
    }
    dbr_contacts_learn(&core->contacts, frame->listed, frame->n_listed);
    if (frame->term >= core->leader_term && !dbr_peer_id_is_none(&frame->leader)) {
        core->leader = frame->leader;
        core->leader_term = frame->term;
    }
    if (!core->is_ready) {
        core->grow_at = dbr_time_add(now, GROW_MS);
    }
    dbr_client_choose_route(core, now);
    dbr_client_set_ready(core);
    dbr_client_send_waiting(core, now);
}

static void add_joined(struct dbr_core *core, const struct dbr_multiaddr *addr)
{
    struct dbr_peer_id peer;
    if (!dbr_multiaddr_peer(addr, &peer) ||
        core->joined.n_members == DBR_INVITE_MAX_MEMBERS) {
        return;
    }
    for (size_t i = 0; i < core->joined.n_members; i++) {
        if (dbr_multiaddr_equal(&core->joined_members[i], addr)) {
            return;
        }
    }
    core->joined_members[core->joined.n_members++] = *addr;
}

/* Another member, or this one later, may say something else. */
static bool may_change_its_mind(int status)
{
    return status == DEBROS_EBUSY || status == DEBROS_EQUORUM ||
           status == DEBROS_ETIMEDOUT || status == DEBROS_ENOTLEADER ||
           status == DEBROS_EUNREACHABLE || status == DEBROS_ENOSPC;
}

void dbr_client_recv_join(struct dbr_core *core, struct dbr_contact *contact,
                          const struct dbr_cluster_frame *frame, dbr_time now)
{
    char text[DBR_MULTIADDR_TEXT_SIZE];
    if (frame->status != 0 && may_change_its_mind(frame->status)) {
        dbr_client_drop(core, contact, frame->status, now,
                        "%.200s: the cluster refused: %s",
                        dbr_client_place(contact, text), frame->detail);
        return;
    }
    if (frame->status != 0) {
        dbr_core_fatal(core, frame->status, "the cluster refused: %s", frame->detail);
        return;
    }
    if (!dbr_bytes_equal(frame->cluster_id, dbr_bytes(core->invite.cluster_id, 16))) {
        dbr_core_fatal(core, DEBROS_EAUTH,
                       "the member that answered is of another cluster");
        return;
    }
    if (core->is_joined) {
        return;
    }
    core->is_joined = true;
    dbr_contact_ready(contact);
    memcpy(core->joined.cluster_id, core->invite.cluster_id, DBR_CLUSTER_ID_SIZE);
    for (size_t i = 0; i < frame->n_members; i++) {
        add_joined(core, &frame->members[i]);
    }
    for (size_t i = 0; i < core->invite.n_members; i++) {
        add_joined(core, &core->invite.members[i]);
    }
    core->joined.members = core->joined_members;
    struct dbr_effect effect = {.type = DBR_CORE_JOINED, .joined = &core->joined};
    dbr_core_effect(core, &effect);
}
