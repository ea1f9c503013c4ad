/* Bytes to frames; the other half is encode.c. */
#include "message.h"

#include "base/proto.h"
#include "cluster.pb-c.h"

#define CLUSTER_ID_SIZE 16
#define KEY_SIZE        32

/* NUL-terminated copy; NULL: out of memory, or a NUL inside. */
static const char *text(struct dbr_arena *arena, ProtobufCBinaryData from)
{
    if (from.len > 0 && memchr(from.data, '\0', from.len) != NULL) {
        return NULL;
    }
    return dbr_arena_strndup(arena, (const char *)from.data, from.len);
}

static const char *const *texts(struct dbr_arena *arena, const ProtobufCBinaryData *from,
                                size_t n)
{
    const char **out = dbr_arena_calloc(arena, n + 1, sizeof(*out));
    for (size_t i = 0; out != NULL && i < n; i++) {
        out[i] = text(arena, from[i]);
        if (out[i] == NULL) {
            return NULL;
        }
    }
    return out;
}

/* 0 or EPROTO: neither empty nor of the one right size. */
static int sized(debros_bytes *out, ProtobufCBinaryData from, size_t size,
                 bool may_be_empty)
{
    *out = dbr_proto_view(from);
    return from.len == size || (may_be_empty && from.len == 0) ? 0 : DEBROS_EPROTO;
}

static int take_hello(struct dbr_cluster_frame *out, const DbrPb__Hello *pb)
{
    out->kind = DBR_CLUSTER_HELLO;
    return sized(&out->cluster_id, pb->cluster_id, CLUSTER_ID_SIZE, true);
}

/* Addresses of a kind that we do not know are left out. */
static int take_addrs(const struct dbr_multiaddr **out, size_t *n,
                      struct dbr_arena *arena, const ProtobufCBinaryData *from,
                      size_t n_from)
{
    struct dbr_multiaddr *addrs = dbr_arena_calloc(arena, n_from + 1, sizeof(*addrs));
    if (addrs == NULL) {
        return DEBROS_ENOMEM;
    }
    for (size_t i = 0; i < n_from; i++) {
        if (dbr_multiaddr_from_bytes(&addrs[*n], dbr_proto_view(from[i])) == 0) {
            (*n)++;
        }
    }
    *out = addrs;
    return 0;
}

static int take_peer_id(struct dbr_peer_id *out, ProtobufCBinaryData from)
{
    return dbr_peer_id_from_bytes(out, dbr_proto_view(from)) == 0 ? 0 : DEBROS_EPROTO;
}

static int take_listed(struct dbr_cluster_frame *out, struct dbr_arena *arena,
                       const DbrPb__HelloReply *pb)
{
    struct dbr_listed_member *listed =
        dbr_arena_calloc(arena, pb->n_members + 1, sizeof(*listed));
    if (listed == NULL || pb->n_members > DBR_CLUSTER_MAX_LISTED) {
        return DEBROS_EPROTO;
    }
    for (size_t i = 0; i < pb->n_members; i++) {
        const DbrPb__ListedMember *from = pb->members[i];
        int err = take_peer_id(&listed[i].peer, from->peer);
        if (err == 0) {
            err = take_addrs(&listed[i].addrs, &listed[i].n_addrs, arena, from->addrs,
                             from->n_addrs);
        }
        if (err != 0) {
            return err;
        }
        listed[i].votes = from->votes;
        listed[i].services = texts(arena, from->services, from->n_services);
        listed[i].n_services = from->n_services;
        if (listed[i].services == NULL) {
            return DEBROS_EPROTO;
        }
    }
    out->listed = listed;
    out->n_listed = pb->n_members;
    return 0;
}

static int take_hello_reply(struct dbr_cluster_frame *out, struct dbr_arena *arena,
                            const DbrPb__HelloReply *pb)
{
    out->kind = DBR_CLUSTER_HELLO_REPLY;
    out->cls = pb->peer_class;
    out->term = pb->term;
    int err = pb->leader.len == 0 ? 0 : take_peer_id(&out->leader, pb->leader);
    if (err == 0) {
        err = take_listed(out, arena, pb);
    }
    return err != 0 ? err
                    : sized(&out->cluster_id, pb->cluster_id, CLUSTER_ID_SIZE, false);
}

static int take_join(struct dbr_cluster_frame *out, const DbrPb__Join *pb)
{
    out->kind = DBR_CLUSTER_JOIN;
    out->signature = dbr_proto_view(pb->signature);
    int err = sized(&out->invite_key, pb->invite_key, KEY_SIZE, false);
    return err != 0 ? err : sized(&out->operator_key, pb->operator_key, KEY_SIZE, true);
}

static int take_join_reply(struct dbr_cluster_frame *out, struct dbr_arena *arena,
                           const DbrPb__JoinReply *pb)
{
    out->kind = DBR_CLUSTER_JOIN_REPLY;
    out->status = pb->status > 0 ? DEBROS_EPROTO : pb->status;
    out->detail = text(arena, pb->detail);
    if (out->detail == NULL || take_addrs(&out->members, &out->n_members, arena,
                                          pb->members, pb->n_members) != 0) {
        return DEBROS_EPROTO;
    }
    return sized(&out->cluster_id, pb->cluster_id, CLUSTER_ID_SIZE, out->status != 0);
}

static int take_call(struct dbr_cluster_frame *out, struct dbr_arena *arena,
                     const DbrPb__Call *pb)
{
    out->kind = DBR_CLUSTER_CALL;
    out->call = pb->type;
    out->target = text(arena, pb->target);
    out->ttl_s = pb->ttl_s;
    out->timeout_ms = pb->timeout_ms;
    out->service = text(arena, pb->service);
    out->key = text(arena, pb->key);
    out->envelope = dbr_proto_view(pb->envelope);
    out->want = pb->want;
    return out->target == NULL || out->service == NULL || out->key == NULL ||
                   pb->key.len > DBR_CLUSTER_MAX_KEY ||
                   pb->envelope.len > DBR_CLUSTER_MAX_VALUE
               ? DEBROS_EPROTO
               : 0;
}

/* What a later version may have invented is not healthy. */
static enum debros_health_state state_of(uint32_t state)
{
    return state <= DEBROS_UNHEALTHY ? (enum debros_health_state)state : DEBROS_UNHEALTHY;
}

static int take_health(struct dbr_call_result *out, struct dbr_arena *arena,
                       const DbrPb__Health *pb)
{
    debros_health *health = dbr_arena_calloc(arena, 1, sizeof(*health));
    debros_check *checks = dbr_arena_calloc(arena, pb->n_checks + 1, sizeof(*checks));
    if (health == NULL || checks == NULL) {
        return DEBROS_ENOMEM;
    }
    for (size_t i = 0; i < pb->n_checks; i++) {
        const DbrPb__Check *from = pb->checks[i];
        checks[i] = (debros_check){.name = text(arena, from->name),
                                   .state = state_of(from->state),
                                   .value = from->value,
                                   .limit = from->limit,
                                   .is_floor = from->is_floor,
                                   .unit = text(arena, from->unit),
                                   .reason = text(arena, from->reason)};
        if (checks[i].name == NULL || checks[i].unit == NULL ||
            checks[i].reason == NULL) {
            return DEBROS_EPROTO;
        }
    }
    *health = (debros_health){.state = state_of(pb->state),
                              .node_id = text(arena, pb->node_id),
                              .checks = checks,
                              .n_checks = pb->n_checks};
    out->health = health;
    return health->node_id == NULL ? DEBROS_EPROTO : 0;
}

static int take_node(struct dbr_call_result *out, struct dbr_arena *arena,
                     const DbrPb__NodeStatus *pb)
{
    debros_status *node = dbr_arena_calloc(arena, 1, sizeof(*node));
    if (node == NULL) {
        return DEBROS_ENOMEM;
    }
    node->node_id = text(arena, pb->node_id);
    node->cluster_id = text(arena, pb->cluster_id);
    node->leader = text(arena, pb->leader);
    node->role =
        pb->role <= DEBROS_ROLE_CLIENT ? (enum debros_role)pb->role : DEBROS_ROLE_NONE;
    node->term = pb->term;
    node->commit_index = pb->commit_index;
    node->applied_index = pb->applied_index;
    node->peer_count = pb->peer_count;
    node->database_size = pb->database_size;
    node->uptime_ms = pb->uptime_ms;
    node->receiving_bytes = pb->receiving_bytes;
    node->receiving_total = pb->receiving_total;
    node->sending_bytes = pb->sending_bytes;
    node->sending_total = pb->sending_total;
    node->members = pb->members;
    node->voters = pb->voters;
    node->standbys = pb->standbys;
    node->health = state_of(pb->health);
    node->known_peers = pb->known_peers;
    node->buckets =
        dbr_arena_memdup(arena, pb->buckets, pb->n_buckets * sizeof(pb->buckets[0]));
    node->n_buckets = pb->n_buckets;
    node->values = pb->values;
    node->providers = pb->providers;
    out->node = node;
    return node->node_id == NULL || node->cluster_id == NULL || node->leader == NULL ||
                   (pb->n_buckets > 0 && node->buckets == NULL) ||
                   pb->n_buckets > DBR_CLUSTER_MAX_BUCKETS
               ? DEBROS_EPROTO
               : 0;
}

static int take_peer(debros_peer *out, struct dbr_arena *arena, const DbrPb__PeerInfo *pb)
{
    out->id = text(arena, pb->id);
    out->addrs = texts(arena, pb->addrs, pb->n_addrs);
    out->n_addrs = pb->n_addrs;
    out->agent = text(arena, pb->agent);
    out->protocols = texts(arena, pb->protocols, pb->n_protocols);
    out->n_protocols = pb->n_protocols;
    out->observed = text(arena, pb->observed);
    out->rtt_us = pb->rtt_us;
    out->connected = pb->connected;
    out->inbound = pb->inbound;
    out->member = pb->member;
    out->client = pb->client;
    out->since = pb->since;
    out->services = texts(arena, pb->services, pb->n_services);
    out->n_services = pb->n_services;
    return out->id == NULL || out->addrs == NULL || out->agent == NULL ||
                   out->protocols == NULL || out->observed == NULL ||
                   out->services == NULL
               ? DEBROS_EPROTO
               : 0;
}

static int take_peers(struct dbr_call_result *out, struct dbr_arena *arena,
                      const DbrPb__CallReply *pb)
{
    debros_peer *peers = dbr_arena_calloc(arena, pb->n_peers + 1, sizeof(*peers));
    if (peers == NULL) {
        return DEBROS_ENOMEM;
    }
    for (size_t i = 0; i < pb->n_peers; i++) {
        int err = take_peer(&peers[i], arena, pb->peers[i]);
        if (err != 0) {
            return err;
        }
    }
    out->peers = peers;
    out->n_peers = pb->n_peers;
    return 0;
}

static int take_bucket(debros_bucket *out, struct dbr_arena *arena,
                       const DbrPb__Bucket *pb)
{
    debros_table_peer *peers = dbr_arena_calloc(arena, pb->n_peers + 1, sizeof(*peers));
    if (peers == NULL) {
        return DEBROS_ENOMEM;
    }
    for (size_t i = 0; i < pb->n_peers; i++) {
        const DbrPb__TablePeer *from = pb->peers[i];
        peers[i] = (debros_table_peer){.id = text(arena, from->id),
                                       .connected = from->connected,
                                       .outbound = from->outbound,
                                       .failures = from->failures,
                                       .idle_ms = from->idle_ms};
        if (peers[i].id == NULL) {
            return DEBROS_EPROTO;
        }
    }
    *out = (debros_bucket){.prefix = pb->prefix, .peers = peers, .n_peers = pb->n_peers};
    return 0;
}

static int take_table(struct dbr_call_result *out, struct dbr_arena *arena,
                      const DbrPb__Table *pb)
{
    debros_table *table = dbr_arena_calloc(arena, 1, sizeof(*table));
    debros_bucket *buckets =
        dbr_arena_calloc(arena, pb->n_buckets + 1, sizeof(*buckets));
    if (table == NULL || buckets == NULL) {
        return DEBROS_ENOMEM;
    }
    if (pb->n_buckets > DBR_CLUSTER_MAX_BUCKETS) {
        return DEBROS_EPROTO;
    }
    for (size_t i = 0; i < pb->n_buckets; i++) {
        int err = take_bucket(&buckets[i], arena, pb->buckets[i]);
        if (err != 0) {
            return err;
        }
    }
    *table = (debros_table){.buckets = buckets,
                            .n_buckets = pb->n_buckets,
                            .values = pb->values,
                            .keys = pb->keys,
                            .providers = pb->providers};
    out->table = table;
    return 0;
}

static int take_call_reply(struct dbr_cluster_frame *out, struct dbr_arena *arena,
                           const DbrPb__CallReply *pb)
{
    struct dbr_call_result *result = &out->result;
    out->kind = DBR_CLUSTER_CALL_REPLY;
    result->status = pb->status > 0 ? DEBROS_EPROTO : pb->status;
    result->detail = text(arena, pb->detail);
    result->text = text(arena, pb->text);
    result->names = texts(arena, pb->names, pb->n_names);
    result->n_names = pb->n_names;
    result->rtt_us = pb->rtt_us;
    result->envelope = dbr_proto_view(pb->envelope);
    result->stored = pb->stored;
    if (result->detail == NULL || result->text == NULL || result->names == NULL) {
        return DEBROS_EPROTO;
    }
    int err = pb->node != NULL ? take_node(result, arena, pb->node) : 0;
    if (err == 0 && pb->health != NULL) {
        err = take_health(result, arena, pb->health);
    }
    if (err == 0 && pb->table != NULL) {
        err = take_table(result, arena, pb->table);
    }
    return err != 0 ? err : take_peers(result, arena, pb);
}

int dbr_cluster_frame_decode(struct dbr_cluster_frame *out, struct dbr_arena *arena,
                             debros_bytes bytes)
{
    *out = (struct dbr_cluster_frame){0};
    DbrPb__ClusterFrame *pb =
        dbr_proto_unpack(&dbr_pb__cluster_frame__descriptor, arena, bytes);
    if (pb == NULL) {
        return DEBROS_EPROTO;
    }
    out->id = pb->id;
    switch (pb->body_case) {
    case DBR_PB__CLUSTER_FRAME__BODY_HELLO:
        return take_hello(out, pb->hello);
    case DBR_PB__CLUSTER_FRAME__BODY_HELLO_REPLY:
        return take_hello_reply(out, arena, pb->hello_reply);
    case DBR_PB__CLUSTER_FRAME__BODY_JOIN:
        return take_join(out, pb->join);
    case DBR_PB__CLUSTER_FRAME__BODY_JOIN_REPLY:
        return take_join_reply(out, arena, pb->join_reply);
    case DBR_PB__CLUSTER_FRAME__BODY_CALL:
        return take_call(out, arena, pb->call);
    case DBR_PB__CLUSTER_FRAME__BODY_CALL_REPLY:
        return take_call_reply(out, arena, pb->call_reply);
    default:
        return DEBROS_EPROTO;
    }
}
