#include "fixture.h"

#include "base/check.h"
#include "cluster/message.h"

/* Encodes and decodes; fails the test when either fails. */
static struct dbr_cluster_frame pass(struct dbr_arena *arena,
                                     const struct dbr_cluster_frame *in)
{
    struct dbr_buf bytes = {0};
    struct dbr_cluster_frame out;
    dbr_cluster_frame_encode(&bytes, in);
    assert_false(bytes.failed);
    assert_int_equal(
        dbr_cluster_frame_decode(&out, arena, dbr_bytes(bytes.data, bytes.len)), 0);
    assert_int_equal(out.kind, in->kind);
    assert_true(out.id == in->id);
    dbr_buf_finish(&bytes);
    return out;
}

static int decode_of(const struct dbr_cluster_frame *in)
{
    struct dbr_arena arena;
    struct dbr_buf bytes = {0};
    struct dbr_cluster_frame out;
    dbr_arena_init(&arena, 0);
    dbr_cluster_frame_encode(&bytes, in);
    int err = dbr_cluster_frame_decode(&out, &arena, dbr_bytes(bytes.data, bytes.len));
    dbr_buf_finish(&bytes);
    dbr_arena_finish(&arena);
    return err;
}

static void hello_and_its_reply(void **state)
{
    uint8_t cluster[16] = {1, 2, 3};
    struct dbr_arena arena;
    struct dbr_cluster_frame in = {.id = 7, .kind = DBR_CLUSTER_HELLO};
    (void)state;
    dbr_arena_init(&arena, 0);
    assert_int_equal(pass(&arena, &in).cluster_id.len, 0);
    in.kind = DBR_CLUSTER_HELLO_REPLY;
    in.cluster_id = dbr_bytes(cluster, 16);
    in.cls = 2;
    in.term = 9;
    in.leader = fixture_peer(2);
    struct dbr_multiaddr addrs[] = {fixture_addr(1), fixture_addr(3)};
    struct dbr_listed_member listed[] = {
        {.peer = fixture_peer(1), .votes = true, .addrs = addrs, .n_addrs = 2},
        {.peer = fixture_peer(2)}};
    in.listed = listed;
    in.n_listed = 2;
    struct dbr_cluster_frame out = pass(&arena, &in);
    assert_int_equal(out.cls, 2);
    assert_true(dbr_peer_id_equal(&out.leader, &in.leader));
    assert_int_equal(out.term, 9);
    assert_int_equal(out.n_listed, 2);
    assert_true(out.listed[0].votes && !out.listed[1].votes);
    assert_true(dbr_peer_id_equal(&out.listed[0].peer, &listed[0].peer));
    assert_int_equal(out.listed[0].n_addrs, 2);
    assert_true(dbr_multiaddr_equal(&out.listed[0].addrs[1], &addrs[1]));
    listed[1].peer.len = 0;
    assert_int_equal(decode_of(&in), DEBROS_EPROTO);
    in.n_listed = 1;
    assert_memory_equal(out.cluster_id.data, cluster, 16);
    in.cluster_id.len = 15;
    assert_int_equal(decode_of(&in), DEBROS_EPROTO);
    dbr_arena_finish(&arena);
}

static void join_and_its_reply(void **state)
{
    uint8_t key[32] = {1};
    struct dbr_multiaddr members[2] = {fixture_addr(1), fixture_addr(2)};
    struct dbr_arena arena;
    struct dbr_cluster_frame in = {.kind = DBR_CLUSTER_JOIN,
                                   .invite_key = dbr_bytes(key, 32),
                                   .signature = dbr_bytes("signature", 9)};
    (void)state;
    dbr_arena_init(&arena, 0);
    struct dbr_cluster_frame out = pass(&arena, &in);
    assert_int_equal(out.invite_key.len, 32);
    assert_int_equal(out.operator_key.len, 0);
    in.invite_key.len = 31;
    assert_int_equal(decode_of(&in), DEBROS_EPROTO);
    in = (struct dbr_cluster_frame){.kind = DBR_CLUSTER_JOIN_REPLY,
                                    .members = members,
                                    .n_members = 2,
                                    .cluster_id = dbr_bytes(key, 16)};
    out = pass(&arena, &in);
    assert_int_equal(out.n_members, 2);
    assert_true(dbr_multiaddr_equal(&out.members[1], &members[1]));
    in = (struct dbr_cluster_frame){
        .kind = DBR_CLUSTER_JOIN_REPLY, .status = DEBROS_EACCES, .detail = "no"};
    out = pass(&arena, &in);
    assert_int_equal(out.status, DEBROS_EACCES);
    assert_string_equal(out.detail, "no");
    dbr_arena_finish(&arena);
}

static void call_and_its_reply(void **state)
{
    const char *texts[] = {"a", "b"};
    debros_status node = {.node_id = "n",
                          .cluster_id = "c",
                          .leader = "l",
                          .role = DEBROS_ROLE_LEADER,
                          .term = 5,
                          .commit_index = 9};
    debros_peer peer = {.id = "p",
                        .addrs = texts,
                        .n_addrs = 2,
                        .agent = "x",
                        .protocols = texts,
                        .n_protocols = 1,
                        .observed = "",
                        .connected = true};
    struct dbr_arena arena;
    struct dbr_cluster_frame in = {
        .kind = DBR_CLUSTER_CALL, .call = 3, .target = "t", .ttl_s = 60, .timeout_ms = 5};
    (void)state;
    dbr_arena_init(&arena, 0);
    assert_string_equal(pass(&arena, &in).target, "t");
    in = (struct dbr_cluster_frame){.kind = DBR_CLUSTER_CALL_REPLY};
    in.result = (struct dbr_call_result){.node = &node,
                                         .peers = &peer,
                                         .n_peers = 1,
                                         .names = texts,
                                         .n_names = 2,
                                         .text = "invite",
                                         .rtt_us = 17};
    struct dbr_call_result out = pass(&arena, &in).result;
    assert_int_equal(out.node->role, DEBROS_ROLE_LEADER);
    assert_true(out.node->commit_index == 9);
    assert_string_equal(out.peers[0].addrs[1], "b");
    assert_true(out.peers[0].connected);
    assert_string_equal(out.names[1], "b");
    assert_string_equal(out.text, "invite");
    assert_int_equal(out.rtt_us, 17);
    dbr_arena_finish(&arena);
}

static void health_passes_the_wire(void **state)
{
    debros_check checks[] = {
        {"quorum", DEBROS_UNHEALTHY, 1, 3, true, "voters", "1 of 3"},
        {"loop_lag", DEBROS_HEALTHY, 7, UINT64_MAX, false, "us", ""}};
    debros_health health = {DEBROS_UNHEALTHY, "n", checks, 2};
    debros_status node = {.node_id = "n",
                          .cluster_id = "c",
                          .leader = "",
                          .members = 5,
                          .voters = 3,
                          .standbys = 2,
                          .health = DEBROS_DEGRADED};
    struct dbr_arena arena;
    struct dbr_cluster_frame in = {.kind = DBR_CLUSTER_CALL_REPLY};
    (void)state;
    dbr_arena_init(&arena, 0);
    in.result = (struct dbr_call_result){.node = &node, .health = &health};
    struct dbr_call_result out = pass(&arena, &in).result;
    assert_int_equal(out.node->members, 5);
    assert_int_equal(out.node->voters, 3);
    assert_int_equal(out.node->standbys, 2);
    assert_int_equal(out.node->health, DEBROS_DEGRADED);
    assert_int_equal(out.health->n_checks, 2);
    assert_int_equal(out.health->state, DEBROS_UNHEALTHY);
    assert_string_equal(out.health->checks[0].name, "quorum");
    assert_string_equal(out.health->checks[0].unit, "voters");
    assert_string_equal(out.health->checks[0].reason, "1 of 3");
    assert_true(out.health->checks[0].is_floor);
    assert_true(out.health->checks[1].limit == UINT64_MAX);
    checks[0].state = (enum debros_health_state)77; /* of a version to come */
    assert_int_equal(pass(&arena, &in).result.health->checks[0].state, DEBROS_UNHEALTHY);
    dbr_arena_finish(&arena);
}

static void calls_of_the_hash_table(void **state)
{
    static const uint8_t value[DBR_CLUSTER_MAX_VALUE + 1];
    char key[DBR_CLUSTER_MAX_KEY + 2];
    struct dbr_arena arena;
    struct dbr_cluster_frame in = {.kind = DBR_CLUSTER_CALL,
                                   .call = 13,
                                   .service = "database",
                                   .key = "/debros/app/x/y",
                                   .envelope = dbr_bytes("signed", 6),
                                   .want = 3};
    (void)state;
    dbr_arena_init(&arena, 0);
    struct dbr_cluster_frame out = pass(&arena, &in);
    assert_string_equal(out.service, "database");
    assert_string_equal(out.key, "/debros/app/x/y");
    assert_true(dbr_bytes_equal(out.envelope, in.envelope));
    assert_int_equal(out.want, 3);
    in.envelope = dbr_bytes(value, sizeof(value));
    assert_int_equal(decode_of(&in), DEBROS_EPROTO);
    in.envelope.len--;
    assert_int_equal(decode_of(&in), 0);
    memset(key, 'k', sizeof(key) - 1);
    key[sizeof(key) - 1] = '\0';
    in.key = key;
    assert_int_equal(decode_of(&in), DEBROS_EPROTO);
    key[sizeof(key) - 2] = '\0';
    assert_int_equal(decode_of(&in), 0);
    dbr_arena_finish(&arena);
}

static void answers_of_the_hash_table(void **state)
{
    static const debros_table_peer peers[] = {{"p", true, false, 2, 7}, {.id = "q"}};
    const debros_bucket buckets[] = {{0, peers, 2}, {1, NULL, 0}};
    const debros_table table = {buckets, 2, 5, 6, 7};
    struct dbr_arena arena;
    struct dbr_cluster_frame in = {.kind = DBR_CLUSTER_CALL_REPLY};
    (void)state;
    dbr_arena_init(&arena, 0);
    in.result = (struct dbr_call_result){
        .table = &table, .stored = 9, .envelope = dbr_bytes("value", 5)};
    struct dbr_call_result out = pass(&arena, &in).result;
    assert_int_equal(out.stored, 9);
    assert_true(dbr_bytes_equal(out.envelope, in.result.envelope));
    assert_int_equal(out.table->n_buckets, 2);
    assert_int_equal(out.table->buckets[1].prefix, 1);
    assert_int_equal(out.table->buckets[1].n_peers, 0);
    assert_int_equal(out.table->buckets[0].n_peers, 2);
    assert_string_equal(out.table->buckets[0].peers[0].id, "p");
    assert_true(out.table->buckets[0].peers[0].connected);
    assert_int_equal(out.table->buckets[0].peers[0].failures, 2);
    assert_int_equal(out.table->buckets[0].peers[0].idle_ms, 7);
    assert_int_equal(out.table->values, 5);
    assert_int_equal(out.table->keys, 6);
    assert_int_equal(out.table->providers, 7);
    dbr_arena_finish(&arena);
}

static void peers_and_status_tell_of_the_network(void **state)
{
    static const uint32_t sizes[] = {3, 0, 1};
    static const char *const services[] = {"database", "dht"};
    static uint32_t many[DBR_CLUSTER_MAX_BUCKETS + 1];
    debros_peer peer = {.id = "p",
                        .client = true,
                        .since = 1790000000000,
                        .services = services,
                        .n_services = 2};
    debros_status node = {.node_id = "n",
                          .cluster_id = "c",
                          .leader = "",
                          .known_peers = 8,
                          .buckets = sizes,
                          .n_buckets = 3,
                          .values = 4,
                          .providers = 5};
    struct dbr_arena arena;
    struct dbr_cluster_frame in = {.kind = DBR_CLUSTER_CALL_REPLY};
    (void)state;
    dbr_arena_init(&arena, 0);
    in.result = (struct dbr_call_result){.node = &node, .peers = &peer, .n_peers = 1};
    struct dbr_call_result out = pass(&arena, &in).result;
    assert_true(out.peers[0].client);
    assert_true(out.peers[0].since == peer.since);
    assert_int_equal(out.peers[0].n_services, 2);
    assert_string_equal(out.peers[0].services[1], "dht");
    assert_int_equal(out.node->known_peers, 8);
    assert_int_equal(out.node->n_buckets, 3);
    assert_memory_equal(out.node->buckets, sizes, sizeof(sizes));
    assert_int_equal(out.node->values, 4);
    assert_int_equal(out.node->providers, 5);
    node.buckets = many;
    node.n_buckets = DBR_COUNT(many);
    assert_int_equal(decode_of(&in), DEBROS_EPROTO);
    dbr_arena_finish(&arena);
}

static void members_are_listed_with_their_services(void **state)
{
    static const char *const services[] = {"database"};
    uint8_t cluster[16] = {1};
    struct dbr_arena arena;
    struct dbr_listed_member listed[] = {
        {.peer = fixture_peer(1), .services = services, .n_services = 1},
        {.peer = fixture_peer(2)}};
    struct dbr_cluster_frame in = {.kind = DBR_CLUSTER_HELLO_REPLY,
                                   .cluster_id = dbr_bytes(cluster, 16),
                                   .listed = listed,
                                   .n_listed = 2};
    (void)state;
    dbr_arena_init(&arena, 0);
    struct dbr_cluster_frame out = pass(&arena, &in);
    assert_int_equal(out.listed[0].n_services, 1);
    assert_string_equal(out.listed[0].services[0], "database");
    assert_int_equal(out.listed[1].n_services, 0);
    dbr_arena_finish(&arena);
}

/* No prefix of a frame crashes; what has no body is no frame. */
static void cut_frames_are_refused(void **state)
{
    struct dbr_cluster_frame in = {
        .kind = DBR_CLUSTER_CALL, .call = 3, .target = "target"};
    struct dbr_cluster_frame out;
    struct dbr_buf bytes = {0};
    (void)state;
    dbr_cluster_frame_encode(&bytes, &in);
    for (size_t len = 0; len < bytes.len; len++) {
        struct dbr_arena arena;
        dbr_arena_init(&arena, 0);
        assert_int_equal(
            dbr_cluster_frame_decode(&out, &arena, dbr_bytes(bytes.data, len)),
            DEBROS_EPROTO);
        dbr_arena_finish(&arena);
    }
    dbr_buf_finish(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello_and_its_reply),
        cmocka_unit_test(join_and_its_reply),
        cmocka_unit_test(call_and_its_reply),
        cmocka_unit_test(health_passes_the_wire),
        cmocka_unit_test(calls_of_the_hash_table),
        cmocka_unit_test(answers_of_the_hash_table),
        cmocka_unit_test(peers_and_status_tell_of_the_network),
        cmocka_unit_test(members_are_listed_with_their_services),
        cmocka_unit_test(cut_frames_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
