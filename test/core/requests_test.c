#include "fixture.h"

#include "core/inner.h"

static struct fixture f;

static int up(void **state)
{
    (void)state;
    fixture_up(&f, 3);
    return 0;
}

static int down(void **state)
{
    (void)state;
    fixture_down(&f);
    return 0;
}

static void every_node_and_the_client_write_and_read(void **state)
{
    (void)state;
    assert_int_equal(fixture_status(&f, 0, DBR_REQUEST_EXEC, "CREATE TABLE q(a)"), 0);
    for (int i = 0; i <= f.client; i++) {
        assert_int_equal(
            fixture_status(&f, i, DBR_REQUEST_EXEC, "INSERT INTO q VALUES(1)"), 0);
        assert_int_equal(fixture_number(&f, i, "SELECT count(*) FROM q"), i + 1);
    }
}

static void sql_errors_are_sqlites_words_with_the_statements_number(void **state)
{
    (void)state;
    struct sim_op *op = fixture_ask(&f, f.client, DBR_REQUEST_EXEC,
                                    "INSERT INTO nowhere VALUES(1)", 5000);
    assert_int_equal(op->request.status, DEBROS_ESQL);
    assert_non_null(strstr(op->request.detail, "no such table: nowhere"));
    assert_non_null(strstr(op->request.detail, "statement 1"));
    assert_int_equal(op->request.sql->failed, 1);
    sim_op_free(op);
}

static void refusals(void **state)
{
    (void)state;
    assert_int_equal(fixture_status(&f, 1, DBR_REQUEST_EXEC, "ATTACH 'x' AS y"),
                     DEBROS_EACCES);
    assert_int_equal(fixture_status(&f, 1, DBR_REQUEST_EXEC, "BEGIN"), DEBROS_EACCES);
    assert_int_equal(fixture_status(&f, 1, DBR_REQUEST_EXEC, "SELECT ?"), DEBROS_EINVAL);
    assert_int_equal(fixture_status(&f, 1, DBR_REQUEST_QUERY, "DELETE FROM t"),
                     DEBROS_EINVAL);
}

static void namespaces_are_made_once_and_apart(void **state)
{
    (void)state;
    assert_int_equal(fixture_status(&f, f.client, DBR_REQUEST_NS_CREATE, "shop"), 0);
    assert_int_equal(fixture_status(&f, 1, DBR_REQUEST_NS_CREATE, "shop"),
                     DEBROS_EEXISTS);
    assert_int_equal(fixture_status(&f, 1, DBR_REQUEST_NS_CREATE, "No"), DEBROS_EINVAL);
    struct sim_op *op = fixture_ask(&f, f.client, DBR_REQUEST_NS_LIST, "", 5000);
    assert_int_equal(op->request.n_names, 2);
    assert_string_equal(op->request.names[1], "shop");
    sim_op_free(op);
    op = sim_test_op(&f.world, 2, DBR_REQUEST_EXEC);
    op->request.ns = "shop";
    op->statements[0].sql = "CREATE TABLE t(other)"; /* default has a t as well */
    assert_int_equal(sim_test_run(&f.world, op, 5000), 0);
    sim_op_free(op);
}

static int exec_in(int node, const char *ns)
{
    struct sim_op *op = sim_test_op(&f.world, node, DBR_REQUEST_EXEC);
    op->request.ns = ns;
    op->statements[0].sql = "CREATE TABLE z(a)";
    int status = sim_test_run(&f.world, op, 5000);
    sim_op_free(op);
    return status;
}

static void nobody_reaches_the_clusters_tables(void **state)
{
    (void)state;
    assert_int_equal(exec_in(0, "_system"), DEBROS_EINVAL);
    assert_int_equal(exec_in(f.client, "_system"), DEBROS_EINVAL);
    assert_int_equal(exec_in(0, "nowhere"), DEBROS_ENOTFOUND);
    assert_int_equal(exec_in(0, "../x"), DEBROS_EINVAL);
}

static void ping_identify_and_connect(void **state)
{
    char addr[DBR_MULTIADDR_TEXT_SIZE];
    (void)state;
    dbr_multiaddr_text(&f.world.nodes[1].addr, addr);
    struct sim_op *op = fixture_ask(&f, f.client, DBR_REQUEST_PING, addr, 5000);
    assert_int_equal(op->request.status, 0);
    assert_true(op->request.rtt_us > 0);
    sim_op_free(op);
    op = fixture_ask(&f, f.client, DBR_REQUEST_IDENTIFY, addr, 5000);
    assert_int_equal(op->request.status, 0);
    assert_string_equal(op->request.peers[0].agent, "debros/" DEBROS_VERSION);
    sim_op_free(op);
    assert_int_equal(fixture_status(&f, f.client, DBR_REQUEST_CONNECT, addr), 0);
    assert_int_equal(fixture_status(&f, 0, DBR_REQUEST_CONNECT, "/ip4/1.2.3.4/tcp/1"),
                     DEBROS_EINVAL);
    assert_int_equal(fixture_status(&f, 0, DBR_REQUEST_PING, "nonsense"), DEBROS_EINVAL);
}

static void a_wrong_peer_id_is_eauth(void **state)
{
    char addr[DBR_MULTIADDR_TEXT_SIZE];
    struct dbr_multiaddr wrong = f.world.nodes[1].addr;
    (void)state;
    dbr_multiaddr_cut_peer(&wrong);
    struct dbr_keypair nobody;
    struct dbr_peer_id id;
    uint8_t seed[32] = {9};
    dbr_keypair_from_seed(&nobody, seed);
    dbr_peer_id_from_key(&id, nobody.public_key);
    dbr_multiaddr_set_peer(&wrong, &id);
    dbr_multiaddr_text(&wrong, addr);
    assert_int_equal(fixture_status(&f, 0, DBR_REQUEST_CONNECT, addr), DEBROS_EAUTH);
}

static bool connected(int a, int b)
{
    return dbr_swarm_is_connected(f.world.nodes[a].core->swarm, &f.world.nodes[b].id);
}

/* Members are dialed again, by whoever notices first. */
static void a_peer_is_cut_off_and_a_member_comes_back(void **state)
{
    char id[DBR_PEER_ID_TEXT_SIZE];
    char addr[DBR_MULTIADDR_TEXT_SIZE];
    (void)state;
    dbr_peer_id_text(&f.world.nodes[2].id, id);
    struct sim_op *op = fixture_ask(&f, 1, DBR_REQUEST_DISCONNECT, id, 5000);
    assert_int_equal(op->request.status, 0);
    assert_string_equal(op->request.text, id);
    sim_op_free(op);
    assert_false(connected(1, 2));
    assert_int_equal(fixture_status(&f, 1, DBR_REQUEST_DISCONNECT, id), DEBROS_ENOTFOUND);
    sim_step_until(&f.world, f.world.now + 5000);
    assert_true(connected(1, 2) && connected(2, 1));
    dbr_multiaddr_text(&f.world.nodes[2].addr, addr);
    assert_int_equal(fixture_status(&f, 1, DBR_REQUEST_DISCONNECT, addr), 0);
    assert_int_equal(fixture_status(&f, 1, DBR_REQUEST_DISCONNECT, "12D3"),
                     DEBROS_EINVAL);
    assert_int_equal(fixture_status(&f, 1, DBR_REQUEST_DISCONNECT, "/ip4/1.2.3.4/tcp/1"),
                     DEBROS_EINVAL);
    sim_step_until(&f.world, f.world.now + 5000);
}

/* Even itself: the answer arrives before the end. */
static void a_client_may_have_itself_cut_off(void **state)
{
    char id[DBR_PEER_ID_TEXT_SIZE];
    (void)state;
    dbr_peer_id_text(&f.world.nodes[f.client].id, id);
    assert_int_equal(fixture_status(&f, f.client, DBR_REQUEST_DISCONNECT, id), 0);
    sim_step_until(&f.world, f.world.now + 5000);
    assert_int_equal(fixture_number(&f, f.client, "SELECT 7"), 7);
}

static void peers_tell_since_when(void **state)
{
    (void)state;
    sim_step_until(&f.world, f.world.now + 3000);
    struct sim_op *op = fixture_ask(&f, 0, DBR_REQUEST_PEERS, "", 5000);
    size_t n = 0;
    for (size_t i = 0; i < op->request.n_peers; i++) {
        const debros_peer *peer = &op->request.peers[i];
        int64_t ms = f.world.nodes[0].core->wall_ms - peer->since;
        assert_int_equal(peer->connected, peer->since != 0);
        assert_true(!peer->connected || (ms >= 2000 && ms <= (int64_t)f.world.now));
        assert_int_equal(peer->n_services, peer->member && peer->connected ? 2 : 0);
        assert_true(peer->member != peer->client);
        n += peer->connected;
    }
    assert_true(n >= 2);
    sim_op_free(op);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_node_and_the_client_write_and_read),
        cmocka_unit_test(sql_errors_are_sqlites_words_with_the_statements_number),
        cmocka_unit_test(refusals),
        cmocka_unit_test(namespaces_are_made_once_and_apart),
        cmocka_unit_test(nobody_reaches_the_clusters_tables),
        cmocka_unit_test(ping_identify_and_connect),
        cmocka_unit_test(a_wrong_peer_id_is_eauth),
        cmocka_unit_test(a_peer_is_cut_off_and_a_member_comes_back),
        cmocka_unit_test(a_client_may_have_itself_cut_off),
        cmocka_unit_test(peers_tell_since_when),
    };
    return cmocka_run_group_tests(tests, up, down);
}
