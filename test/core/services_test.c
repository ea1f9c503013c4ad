/* What members offer, and who is found to offer it. */
#include "kad_ops.h"

static struct fixture f;

static void names_are_found_and_listed(void **state)
{
    char words[DBR_SERVICE_WORDS];
    enum dbr_service service;
    (void)state;
    for (int i = 0; i < DBR_SERVICES; i++) {
        assert_true(dbr_service_find(&service, dbr_service_name((enum dbr_service)i)));
        assert_int_equal(service, i);
    }
    assert_false(dbr_service_find(&service, "storage"));
    assert_string_equal(dbr_services_words(words), "database, dht");
}

static void a_service_is_a_protocol(void **state)
{
    static const char *const all[] = {"/ipfs/id/1.0.0", DBR_DHT_PROTOCOL,
                                      DBR_PROTOCOL_SQL_ID};
    enum dbr_service out[DBR_SERVICES];
    struct dbr_core core = {.config = {.kad_protocol = DBR_DHT_PROTOCOL}};
    (void)state;
    assert_int_equal(dbr_services_of(&core, all, 3, out), 2);
    assert_int_equal(out[0], DBR_SERVICE_DATABASE);
    assert_int_equal(dbr_services_of(&core, all, 2, out), 1);
    assert_int_equal(out[0], DBR_SERVICE_DHT);
    core.config.kad_protocol = "/other/kad/1.0.0";
    assert_int_equal(dbr_services_of(&core, all, 2, out), 0);
}

static void its_provider_key_names_the_cluster(void **state)
{
    char text[DBR_SERVICE_KEY_SIZE];
    struct dbr_core core = {.config = {.cluster_id = {0xab}}};
    (void)state;
    assert_string_equal(dbr_service_key(&core, DBR_SERVICE_DATABASE, text),
                        "/debros/service/ab000000000000000000000000000000/database");
    assert_true(dbr_kad_is_reserved(text));
}

static struct sim_op *ask(int node, const char *service)
{
    struct sim_op *op = sim_test_op(&f.world, node, DBR_REQUEST_PEERS);
    op->request.service = service;
    return kad_ask(&f, op);
}

/* How often a node is listed. */
static int listed(const struct dbr_request *request, int node, bool connected)
{
    char id[DBR_PEER_ID_TEXT_SIZE];
    int n = 0;
    dbr_peer_id_text(&f.world.nodes[node].id, id);
    for (size_t i = 0; i < request->n_peers; i++) {
        const debros_peer *peer = &request->peers[i];
        if (strcmp(peer->id, id) == 0) {
            assert_int_equal(peer->connected, connected);
            assert_true(peer->n_addrs > 0);
            n++;
        }
    }
    return n;
}

static void all_members_offer_all(void **state)
{
    (void)state;
    kad_ops_up(&f, 3);
    for (int i = 0; i <= f.client; i++) {
        for (int s = 0; s < DBR_SERVICES; s++) {
            struct sim_op *op = ask(i, dbr_service_name((enum dbr_service)s));
            assert_int_equal(op->request.status, 0);
            assert_int_equal(op->request.n_peers, 3); /* clients offer nothing */
            for (int k = 0; k < 3 && i != f.client; k++) {
                assert_int_equal(listed(&op->request, k, k != i), 1);
            }
            assert_int_equal(op->request.peers[0].n_services, DBR_SERVICES);
            sim_op_free(op);
        }
    }
    fixture_down(&f);
}

static void an_unknown_service_is_refused_with_the_known_ones(void **state)
{
    (void)state;
    kad_ops_up(&f, 1);
    for (int i = 0; i <= f.client; i++) {
        struct sim_op *op = ask(i, "storage");
        assert_int_equal(op->request.status, DEBROS_EINVAL);
        assert_non_null(strstr(op->request.detail, "database, dht"));
        sim_op_free(op);
    }
    struct sim_op *op = ask(0, "dht"); /* alone, it knows itself */
    assert_int_equal(op->request.n_peers, 1);
    assert_int_equal(listed(&op->request, 0, false), 1);
    sim_op_free(op);
    fixture_down(&f);
}

/* One that has no connection with us is known by its record. */
static void who_is_not_connected_is_found_by_its_record(void **state)
{
    (void)state;
    kad_ops_up(&f, 3);
    sim_crash_node(&f.world, 2, false);
    sim_step_until(&f.world, f.world.now + 20000);
    struct sim_op *op = ask(0, "database");
    assert_int_equal(op->request.status, 0);
    assert_int_equal(listed(&op->request, 1, true), 1);
    assert_int_equal(listed(&op->request, 2, false), 1);
    sim_op_free(op);
    fixture_down(&f);
}

/* Soon, again while the table fills, and then no more. */
static void registrations_become_rare(void **state)
{
    (void)state;
    kad_ops_up(&f, 2);
    struct dbr_core *core = f.world.nodes[0].core;
    assert_int_equal(core->services.running, 0);
    assert_in_range(core->services.rounds, 1, 2);
    sim_step_until(&f.world, f.world.now + 10000);
    assert_int_equal(core->services.rounds, 2);
    assert_true(core->services.register_at >= f.world.now + 200000);
    uint32_t rounds = 0;
    while (core->services.register_at != DBR_TIME_NEVER && rounds < 20) {
        core->services.register_at = f.world.now;
        sim_step_until(&f.world, f.world.now + 1000);
        assert_int_equal(core->services.running, 0);
        rounds++;
    }
    assert_int_equal(rounds, DBR_SERVICE_ROUNDS - 2);
    fixture_down(&f);
}

/* A client's word on a member comes from the members that serve it. */
static void clients_learn_who_takes_requests(void **state)
{
    (void)state;
    kad_ops_up(&f, 3);
    struct dbr_core *client = f.world.nodes[f.client].core;
    int other = 0;
    while (dbr_peer_id_equal(&client->route, &f.world.nodes[other].id)) {
        other++;
    }
    const struct dbr_peer_id *id = &f.world.nodes[other].id;
    assert_false(dbr_contacts_find(&client->contacts, id)->no_database);
    dbr_swarm_offer(f.world.nodes[other].core->swarm, DBR_PROTOCOL_SQL, false);
    sim_drain(&f.world, other);
    sim_step_until(&f.world, f.world.now + 3000); /* pushes gather for a second */
    assert_true(dbr_contacts_find(&client->contacts, id)->no_database);
    struct sim_op *op = ask(f.client, "database");
    assert_int_equal(op->request.n_peers, 3); /* its record still says so */
    sim_op_free(op);
    dbr_swarm_offer(f.world.nodes[other].core->swarm, DBR_PROTOCOL_SQL, true);
    sim_drain(&f.world, other);
    sim_step_until(&f.world, f.world.now + 3000);
    assert_false(dbr_contacts_find(&client->contacts, id)->no_database);
    fixture_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found_and_listed),
        cmocka_unit_test(a_service_is_a_protocol),
        cmocka_unit_test(its_provider_key_names_the_cluster),
        cmocka_unit_test(all_members_offer_all),
        cmocka_unit_test(an_unknown_service_is_refused_with_the_known_ones),
        cmocka_unit_test(who_is_not_connected_is_found_by_its_record),
        cmocka_unit_test(registrations_become_rare),
        cmocka_unit_test(clients_learn_who_takes_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
