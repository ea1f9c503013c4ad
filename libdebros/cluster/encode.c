/* Frames to bytes; the other half is message.c. */
#include "base/proto.h"
#include "cluster.pb-c.h"
#include "message.h"

#define ENCODE_ARENA_MAX (64u << 20)

static ProtobufCBinaryData *addrs(struct dbr_arena *arena,
                                  const struct dbr_multiaddr *values, size_t n)
{
    ProtobufCBinaryData *out = dbr_arena_calloc(arena, n + 1, sizeof(*out));
    for (size_t i = 0; out != NULL && i < n; i++) {
        out[i] = dbr_proto_bytes(dbr_bytes(values[i].bytes, values[i].len));
    }
    return out;
}

static void fill_node(DbrPb__NodeStatus *pb, const debros_status *node)
{
    pb->node_id = dbr_proto_text(node->node_id);
    pb->cluster_id = dbr_proto_text(node->cluster_id);
    pb->leader = dbr_proto_text(node->leader);
    pb->role = (uint32_t)node->role;
    pb->term = node->term;
    pb->commit_index = node->commit_index;
    pb->applied_index = node->applied_index;
    pb->peer_count = node->peer_count;
    pb->database_size = node->database_size;
    pb->uptime_ms = node->uptime_ms;
    pb->receiving_bytes = node->receiving_bytes;
    pb->receiving_total = node->receiving_total;
    pb->sending_bytes = node->sending_bytes;
    pb->sending_total = node->sending_total;
    pb->members = node->members;
    pb->voters = node->voters;
    pb->standbys = node->standbys;
    pb->health = (uint32_t)node->health;
    pb->known_peers = node->known_peers;
    pb->buckets = (uint32_t *)(uintptr_t)node->buckets;
    pb->n_buckets = node->n_buckets;
    pb->values = node->values;
    pb->providers = node->providers;
}

static DbrPb__Check *check(struct dbr_arena *arena, const debros_check *from)
{
    DbrPb__Check *pb = dbr_arena_alloc(arena, sizeof(*pb));
    if (pb != NULL) {
        dbr_pb__check__init(pb);
        pb->name = dbr_proto_text(from->name);
        pb->state = (uint32_t)from->state;
        pb->value = from->value;
        pb->limit = from->limit;
        pb->is_floor = from->is_floor;
        pb->unit = dbr_proto_text(from->unit);
        pb->reason = dbr_proto_text(from->reason);
    }
    return pb;
}

/* NULL: out of memory. */
static DbrPb__Health *health(struct dbr_arena *arena, const debros_health *from)
{
    DbrPb__Health *pb = dbr_arena_alloc(arena, sizeof(*pb));
    if (pb == NULL) {
        return NULL;
    }
    dbr_pb__health__init(pb);
    pb->node_id = dbr_proto_text(from->node_id);
    pb->state = (uint32_t)from->state;
    pb->checks = dbr_arena_calloc(arena, from->n_checks + 1, sizeof(*pb->checks));
    for (size_t i = 0; pb->checks != NULL && i < from->n_checks; i++) {
        pb->checks[i] = check(arena, &from->checks[i]);
        if (pb->checks[i] == NULL) {
            return NULL;
        }
        pb->n_checks++;
    }
    return pb;
}

static DbrPb__PeerInfo *peer(struct dbr_arena *arena, const debros_peer *from)
{
    DbrPb__PeerInfo *pb = dbr_arena_alloc(arena, sizeof(*pb));
    if (pb == NULL) {
        return NULL;
    }
    dbr_pb__peer_info__init(pb);
    pb->id = dbr_proto_text(from->id);
    pb->addrs = dbr_proto_texts(arena, from->addrs, from->n_addrs);
    pb->n_addrs = pb->addrs != NULL ? from->n_addrs : 0;
    pb->agent = dbr_proto_text(from->agent);
    pb->protocols = dbr_proto_texts(arena, from->protocols, from->n_protocols);
    pb->n_protocols = pb->protocols != NULL ? from->n_protocols : 0;
    pb->observed = dbr_proto_text(from->observed);
    pb->rtt_us = from->rtt_us;
    pb->connected = from->connected;
    pb->inbound = from->inbound;
    pb->member = from->member;
    pb->client = from->client;
    pb->since = from->since;
    pb->services = dbr_proto_texts(arena, from->services, from->n_services);
    pb->n_services = pb->services != NULL ? from->n_services : 0;
    return pb;
}

static DbrPb__TablePeer *table_peer(struct dbr_arena *arena,
                                    const debros_table_peer *from)
{
    DbrPb__TablePeer *pb = dbr_arena_alloc(arena, sizeof(*pb));
    if (pb != NULL) {
        dbr_pb__table_peer__init(pb);
        pb->id = dbr_proto_text(from->id);
        pb->connected = from->connected;
        pb->outbound = from->outbound;
        pb->failures = from->failures;
        pb->idle_ms = from->idle_ms;
    }
    return pb;
}

static DbrPb__Bucket *bucket(struct dbr_arena *arena, const debros_bucket *from)
{
    DbrPb__Bucket *pb = dbr_arena_alloc(arena, sizeof(*pb));
    if (pb == NULL) {
        return NULL;
    }
    dbr_pb__bucket__init(pb);
    pb->prefix = from->prefix;
    pb->peers = dbr_arena_calloc(arena, from->n_peers + 1, sizeof(*pb->peers));
    for (size_t i = 0; pb->peers != NULL && i < from->n_peers; i++) {
        pb->peers[i] = table_peer(arena, &from->peers[i]);
        if (pb->peers[i] == NULL) {
            return NULL;
        }
        pb->n_peers++;
    }
    return pb;
}

/* NULL: out of memory. */
static DbrPb__Table *table(struct dbr_arena *arena, const debros_table *from)
{
    DbrPb__Table *pb = dbr_arena_alloc(arena, sizeof(*pb));
    if (pb == NULL) {
        return NULL;
    }
    dbr_pb__table__init(pb);
    pb->values = from->values;
    pb->keys = from->keys;
    pb->providers = from->providers;
    pb->buckets = dbr_arena_calloc(arena, from->n_buckets + 1, sizeof(*pb->buckets));
    for (size_t i = 0; pb->buckets != NULL && i < from->n_buckets; i++) {
        pb->buckets[i] = bucket(arena, &from->buckets[i]);
        if (pb->buckets[i] == NULL) {
            return NULL;
        }
        pb->n_buckets++;
    }
    return pb;
}

static void fill_result(DbrPb__CallReply *pb, struct dbr_arena *arena,
                        DbrPb__NodeStatus *node, const struct dbr_call_result *result)
{
    pb->status = result->status;
    pb->detail = dbr_proto_text(result->detail);
    pb->text = dbr_proto_text(result->text);
    pb->rtt_us = result->rtt_us;
    pb->names = dbr_proto_texts(arena, result->names, result->n_names);
    pb->n_names = pb->names != NULL ? result->n_names : 0;
    if (result->node != NULL) {
        fill_node(node, result->node);
        pb->node = node;
    }
    pb->health = result->health != NULL ? health(arena, result->health) : NULL;
    pb->table = result->table != NULL ? table(arena, result->table) : NULL;
    pb->envelope = dbr_proto_bytes(result->envelope);
    pb->stored = result->stored;
    pb->peers = dbr_arena_calloc(arena, result->n_peers + 1, sizeof(*pb->peers));
    for (size_t i = 0; pb->peers != NULL && i < result->n_peers; i++) {
        pb->peers[i] = peer(arena, &result->peers[i]);
        if (pb->peers[i] == NULL) {
            return;
        }
        pb->n_peers++;
    }
}

static void encode_join_reply(DbrPb__ClusterFrame *pb, struct dbr_arena *arena,
                              const struct dbr_cluster_frame *frame, struct dbr_buf *out)
{
    DbrPb__JoinReply reply = DBR_PB__JOIN_REPLY__INIT;
    reply.status = frame->status;
    reply.detail = dbr_proto_text(frame->detail);
    reply.cluster_id = dbr_proto_bytes(frame->cluster_id);
    reply.members = addrs(arena, frame->members, frame->n_members);
    reply.n_members = reply.members != NULL ? frame->n_members : 0;
    pb->body_case = DBR_PB__CLUSTER_FRAME__BODY_JOIN_REPLY;
    pb->join_reply = &reply;
    dbr_proto_pack(&pb->base, out);
}

static DbrPb__ListedMember *listed(struct dbr_arena *arena,
                                   const struct dbr_listed_member *from)
{
    DbrPb__ListedMember *pb = dbr_arena_alloc(arena, sizeof(*pb));
    if (pb == NULL) {
        return NULL;
    }
    dbr_pb__listed_member__init(pb);
    pb->peer = dbr_proto_bytes(dbr_bytes(from->peer.bytes, from->peer.len));
    pb->votes = from->votes;
    pb->services = dbr_proto_texts(arena, from->services, from->n_services);
    pb->n_services = pb->services != NULL ? from->n_services : 0;
    pb->addrs = addrs(arena, from->addrs, from->n_addrs);
    pb->n_addrs = pb->addrs != NULL ? from->n_addrs : 0;
    return pb;
}

static void fill_listed(DbrPb__HelloReply *pb, struct dbr_arena *arena,
                        const struct dbr_cluster_frame *frame)
{
    pb->leader = dbr_proto_bytes(dbr_bytes(frame->leader.bytes, frame->leader.len));
    pb->term = frame->term;
    pb->members = dbr_arena_calloc(arena, frame->n_listed + 1, sizeof(*pb->members));
    for (size_t i = 0; pb->members != NULL && i < frame->n_listed; i++) {
        pb->members[i] = listed(arena, &frame->listed[i]);
        if (pb->members[i] == NULL) {
            return;
        }
        pb->n_members++;
    }
}

static void encode_hello(DbrPb__ClusterFrame *pb, struct dbr_arena *arena,
                         const struct dbr_cluster_frame *frame, struct dbr_buf *out)
{
    DbrPb__Hello hello = DBR_PB__HELLO__INIT;
    DbrPb__HelloReply reply = DBR_PB__HELLO_REPLY__INIT;
    if (frame->kind == DBR_CLUSTER_HELLO) {
        hello.cluster_id = dbr_proto_bytes(frame->cluster_id);
        pb->body_case = DBR_PB__CLUSTER_FRAME__BODY_HELLO;
        pb->hello = &hello;
    } else {
        reply.cluster_id = dbr_proto_bytes(frame->cluster_id);
        reply.peer_class = frame->cls;
        fill_listed(&reply, arena, frame);
        pb->body_case = DBR_PB__CLUSTER_FRAME__BODY_HELLO_REPLY;
        pb->hello_reply = &reply;
    }
    dbr_proto_pack(&pb->base, out);
}

static void encode_join(DbrPb__ClusterFrame *pb, const struct dbr_cluster_frame *frame,
                        struct dbr_buf *out)
{
    DbrPb__Join join = DBR_PB__JOIN__INIT;
    join.invite_key = dbr_proto_bytes(frame->invite_key);
    join.signature = dbr_proto_bytes(frame->signature);
    join.operator_key = dbr_proto_bytes(frame->operator_key);
    pb->body_case = DBR_PB__CLUSTER_FRAME__BODY_JOIN;
    pb->join = &join;
    dbr_proto_pack(&pb->base, out);
}

static void encode_call(DbrPb__ClusterFrame *pb, struct dbr_arena *arena,
                        const struct dbr_cluster_frame *frame, struct dbr_buf *out)
{
    DbrPb__Call call = DBR_PB__CALL__INIT;
    DbrPb__CallReply reply = DBR_PB__CALL_REPLY__INIT;
    DbrPb__NodeStatus node = DBR_PB__NODE_STATUS__INIT;
    if (frame->kind == DBR_CLUSTER_CALL) {
        call.type = frame->call;
        call.target = dbr_proto_text(frame->target);
        call.ttl_s = frame->ttl_s;
        call.timeout_ms = frame->timeout_ms;
        call.service = dbr_proto_text(frame->service);
        call.key = dbr_proto_text(frame->key);
        call.envelope = dbr_proto_bytes(frame->envelope);
        call.want = frame->want;
        pb->body_case = DBR_PB__CLUSTER_FRAME__BODY_CALL;
        pb->call = &call;
    } else {
        fill_result(&reply, arena, &node, &frame->result);
        pb->body_case = DBR_PB__CLUSTER_FRAME__BODY_CALL_REPLY;
        pb->call_reply = &reply;
    }
    dbr_proto_pack(&pb->base, out);
}

void dbr_cluster_frame_encode(struct dbr_buf *out, const struct dbr_cluster_frame *frame)
{
    DbrPb__ClusterFrame pb = DBR_PB__CLUSTER_FRAME__INIT;
    struct dbr_arena arena;
    dbr_arena_init(&arena, ENCODE_ARENA_MAX);
    pb.id = frame->id;
    switch (frame->kind) {
    case DBR_CLUSTER_HELLO:
    case DBR_CLUSTER_HELLO_REPLY:
        encode_hello(&pb, &arena, frame, out);
        break;
    case DBR_CLUSTER_JOIN:
        encode_join(&pb, frame, out);
        break;
    case DBR_CLUSTER_JOIN_REPLY:
        encode_join_reply(&pb, &arena, frame, out);
        break;
    case DBR_CLUSTER_CALL:
    case DBR_CLUSTER_CALL_REPLY:
        encode_call(&pb, &arena, frame, out);
        break;
    }
    dbr_arena_finish(&arena);
}
