/* What applications and clients want of the hash table. */
#include "kad_ops.h"

#include "dht/envelope.h"
#include "dht/inner.h"

static struct fixture f;

static int up(void **state)
{
    (void)state;
    kad_ops_up(&f, 3);
    return 0;
}

static int down(void **state)
{
    (void)state;
    fixture_down(&f);
    return 0;
}

/* ---- Values ------------------------------------------------------------------------ */

/* Puts `value` as a node's "x"; the full key. */
static const char *put_x(int node, const char *value, uint32_t stored)
{
    static char key[200];
    char id[DBR_PEER_ID_TEXT_SIZE];
    struct sim_op *op = kad_put(&f, node, "x", value);
    const debros_record *record = op->request.record;
    assert_int_equal(op->request.status, 0);
    assert_int_equal(op->request.stored, stored);
    assert_string_equal(record->writer, dbr_peer_id_text(&f.world.nodes[node].id, id));
    snprintf(key, sizeof(key), "/debros/app/%s/x", id);
    assert_string_equal(record->key, key);
    assert_int_equal(record->value.len, 0);
    assert_true(record->expires_ms > record->version); /* both are unix ms */
    assert_true(record->expires_ms <= record->version + 86400000);
    sim_op_free(op);
    return key;
}

static void a_value_of_one_is_found_by_all(void **state)
{
    (void)state;
    const char *key = put_x(0, "hello", 2);
    for (int i = 0; i <= f.client; i++) {
        kad_holds(&f, i, key, "hello");
    }
    put_x(0, "again", 2); /* without a version the later one wins */
    put_x(0, "and again", 2);
    for (int i = 0; i <= f.client; i++) {
        kad_holds(&f, i, key, "and again");
    }
}

static void a_client_signs_and_its_member_keeps(void **state)
{
    (void)state;
    const char *key = put_x(f.client, "of a client", 2);
    for (int i = 0; i <= f.client; i++) {
        kad_holds(&f, i, key, "of a client");
    }
    size_t keeps = 0;
    for (int i = 0; i < f.client; i++) {
        const struct dbr_dht_values *values = &dbr_dht_records(kad_of(&f, i))->values;
        const struct dbr_dht_value *value =
            dbr_dht_values_get(values, dbr_bytes_str(key), f.world.now);
        keeps += value != NULL && value->own;
    }
    assert_int_equal(keeps, 1);
}

static void an_old_version_is_a_conflict(void **state)
{
    (void)state;
    struct sim_op *op = kad_op(&f, 1, DBR_REQUEST_DHT_PUT, "versions");
    op->request.value = dbr_bytes_str("new");
    op->request.version = 7;
    assert_int_equal(kad_status(&f, op), 0);
    op = kad_op(&f, 1, DBR_REQUEST_DHT_PUT, "versions");
    op->request.value = dbr_bytes_str("old");
    op->request.version = 6;
    kad_ask(&f, op);
    assert_int_equal(op->request.status, DEBROS_ECONFLICT);
    assert_non_null(strstr(op->request.detail, "version"));
    sim_op_free(op);
}

static void nobody_writes_anothers_key(void **state)
{
    (void)state;
    char key[200];
    snprintf(key, sizeof(key), "%s", put_x(0, "mine", 2));
    const enum dbr_request_type types[] = {DBR_REQUEST_DHT_PUT, DBR_REQUEST_DHT_REMOVE};
    for (size_t i = 0; i < DBR_COUNT(types); i++) {
        assert_int_equal(kad_status(&f, kad_op(&f, 1, types[i], key)), DEBROS_EACCES);
        assert_int_equal(kad_status(&f, kad_op(&f, f.client, types[i], key)),
                         DEBROS_EACCES);
    }
    kad_holds(&f, 2, key, "mine");
}

static void a_value_is_removed_by_its_writer(void **state)
{
    (void)state;
    const int writers[] = {2, f.client};
    for (size_t i = 0; i < DBR_COUNT(writers); i++) {
        put_x(writers[i], "gone soon", 2);
        struct sim_op *op = kad_op(&f, writers[i], DBR_REQUEST_DHT_REMOVE, "x");
        assert_int_equal(kad_status(&f, op), 0);
        op = kad_op(&f, writers[i], DBR_REQUEST_DHT_REMOVE, "x");
        assert_int_equal(kad_status(&f, op), DEBROS_ENOTFOUND);
    }
}

static void what_nobody_has_is_not_found(void **state)
{
    (void)state;
    for (int i = 0; i <= f.client; i++) {
        struct sim_op *op = kad_ask(&f, kad_op(&f, i, DBR_REQUEST_DHT_GET, "nothing"));
        assert_int_equal(op->request.status, DEBROS_ENOTFOUND);
        assert_non_null(strstr(op->request.detail, "nobody who was asked"));
        sim_op_free(op);
        op = kad_op(&f, i, DBR_REQUEST_DHT_GET, "/debros/no-such-kind/x");
        assert_int_equal(kad_status(&f, op), DEBROS_EINVAL);
    }
}

static void values_have_a_largest_size(void **state)
{
    (void)state;
    static uint8_t bytes[DBR_DHT_CONTENT_MAX + 1];
    for (int i = 0; i <= f.client; i += f.client) {
        struct sim_op *op = kad_op(&f, i, DBR_REQUEST_DHT_PUT, "large");
        op->request.value = dbr_bytes(bytes, sizeof(bytes));
        assert_int_equal(kad_status(&f, op), DEBROS_ELIMIT);
        op = kad_op(&f, i, DBR_REQUEST_DHT_PUT, "large");
        op->request.value = dbr_bytes(bytes, sizeof(bytes) - 1);
        assert_int_equal(kad_status(&f, op), 0);
        op = kad_ask(&f, kad_op(&f, f.client - i, DBR_REQUEST_DHT_GET, "large"));
        sim_op_free(op);
        op = kad_ask(&f, kad_op(&f, i, DBR_REQUEST_DHT_GET, "large"));
        assert_int_equal(op->request.record->value.len, sizeof(bytes) - 1);
        sim_op_free(op);
    }
}

/* ---- Calls that no client of ours would send -------------------------------------- */

/* A call as it would come from the client's connection, to member 0. */
static int call(enum dbr_request_type type, const char *key, debros_bytes envelope)
{
    struct dbr_core *core = f.world.nodes[0].core;
    struct sim_op *op = kad_op(&f, 0, type, key);
    struct dbr_ticket *ticket =
        dbr_ticket_create(core, DBR_TICKET_REQUEST, f.world.now + 10000);
    struct dbr_request *request = dbr_calloc(1, sizeof(*request));
    uint64_t token = ticket->token;
    int status = 1;
    *request = op->request;
    op->request.arena = (struct dbr_arena){0};
    sim_op_free(op);
    request->envelope = envelope;
    ticket->request = request;
    ticket->stream = UINT64_MAX; /* nobody to tell: the status is read before */
    ticket->caller = f.world.nodes[f.client].id;
    /* A refusal comes at once. */
    dbr_kad_request_run(core, ticket, f.world.now);
    ticket = dbr_ticket_find(core, token);
    if (ticket != NULL) {
        dbr_arena_finish(&request->arena);
        dbr_free(request);
        dbr_ticket_destroy(core, ticket);
        status = 0;
    }
    return status;
}

static void seal(struct dbr_buf *out, const char *key, uint64_t ttl_ms)
{
    struct dbr_dht_signer signer;
    const struct sim_node *client = &f.world.nodes[f.client];
    dbr_dht_signer_init(&signer, &client->key);
    assert_int_equal(
        dbr_dht_envelope_seal(out, &signer, dbr_bytes_str(key), 1,
                              (uint64_t)f.world.nodes[0].core->wall_ms + ttl_ms,
                              dbr_bytes_str("value")),
        0);
}

static void a_member_judges_what_clients_send(void **state)
{
    char id[DBR_PEER_ID_TEXT_SIZE];
    char key[200];
    struct dbr_buf good = {0};
    struct dbr_buf endless = {0};
    (void)state;
    snprintf(key, sizeof(key), "/debros/app/%s/judged",
             dbr_peer_id_text(&f.world.nodes[f.client].id, id));
    seal(&good, key, 3600000);
    seal(&endless, key, UINT64_C(1000) * 86400 * 365);
    debros_bytes bytes = dbr_bytes(good.data, good.len);
    const struct dbr_dht_values *values = &dbr_dht_records(kad_of(&f, 0))->values;
    size_t before = values->n;
    assert_int_equal(call(DBR_REQUEST_DHT_PUT, key, dbr_bytes("", 0)), 1);
    assert_int_equal(
        call(DBR_REQUEST_DHT_PUT, key, dbr_bytes(endless.data, endless.len)), 1);
    good.data[good.len - 1] ^= 1;
    assert_int_equal(call(DBR_REQUEST_DHT_PUT, key, bytes), 1);
    assert_int_equal(values->n, before);
    good.data[good.len - 1] ^= 1;
    assert_int_equal(call(DBR_REQUEST_DHT_PUT, key, bytes), 0);
    assert_int_equal(values->n, before + 1);
    dbr_buf_finish(&good);
    dbr_buf_finish(&endless);
}

static void a_client_has_a_share_of_its_member(void **state)
{
    char id[DBR_PEER_ID_TEXT_SIZE];
    char key[200];
    (void)state;
    const struct dbr_dht_values *values = &dbr_dht_records(kad_of(&f, 0))->values;
    int refused = 0;
    for (unsigned i = 0; i < DBR_KAD_CLIENT_VALUES + 10; i++) {
        struct dbr_buf envelope = {0};
        snprintf(key, sizeof(key), "/debros/app/%s/%u",
                 dbr_peer_id_text(&f.world.nodes[f.client].id, id), i);
        seal(&envelope, key, 3600000);
        refused +=
            call(DBR_REQUEST_DHT_PUT, key, dbr_bytes(envelope.data, envelope.len));
        dbr_buf_finish(&envelope);
    }
    assert_true(refused >= 10);
    assert_true(values->n <= DBR_KAD_CLIENT_VALUES + 20);
}

static void a_client_believes_no_forged_answer(void **state)
{
    struct dbr_buf envelope = {0};
    char id[DBR_PEER_ID_TEXT_SIZE];
    char key[200];
    debros_detail detail;
    struct dbr_request request = {.type = DBR_REQUEST_DHT_GET, .full_key = key};
    (void)state;
    snprintf(key, sizeof(key), "/debros/app/%s/answer",
             dbr_peer_id_text(&f.world.nodes[f.client].id, id));
    seal(&envelope, key, 3600000);
    struct dbr_core *client = f.world.nodes[f.client].core;
    debros_bytes bytes = dbr_bytes(envelope.data, envelope.len);
    assert_int_equal(dbr_kad_request_answered(client, &request, bytes, &detail), 0);
    assert_true(dbr_bytes_equal(request.record->value, dbr_bytes_str("value")));
    bytes.len--;
    assert_int_equal(dbr_kad_request_answered(client, &request, bytes, &detail),
                     DEBROS_EPROTO);
    assert_non_null(strstr(detail.text, "not signed by its writer"));
    bytes.len = 0;
    assert_int_equal(dbr_kad_request_answered(client, &request, bytes, &detail),
                     DEBROS_EPROTO);
    key[strlen(key) - 1] = 'R'; /* another key's value */
    bytes.len = envelope.len;
    assert_int_equal(dbr_kad_request_answered(client, &request, bytes, &detail),
                     DEBROS_EPROTO);
    dbr_arena_finish(&request.arena);
    dbr_buf_finish(&envelope);
}

/* ---- Providers --------------------------------------------------------------------- */

static bool names(const struct dbr_request *request, int node)
{
    char id[DBR_PEER_ID_TEXT_SIZE];
    dbr_peer_id_text(&f.world.nodes[node].id, id);
    for (size_t i = 0; i < request->n_peers; i++) {
        if (strcmp(request->peers[i].id, id) == 0) {
            return request->peers[i].n_addrs > 0;
        }
    }
    return false;
}

static void providers_are_found_with_addresses(void **state)
{
    (void)state;
    assert_int_equal(kad_status(&f, kad_op(&f, 1, DBR_REQUEST_DHT_PROVIDE, "thing")), 0);
    assert_int_equal(kad_status(&f, kad_op(&f, 2, DBR_REQUEST_DHT_PROVIDE, "thing")), 0);
    for (int i = 0; i <= f.client; i++) {
        struct sim_op *op =
            kad_ask(&f, kad_op(&f, i, DBR_REQUEST_DHT_PROVIDERS, "thing"));
        assert_int_equal(op->request.status, 0);
        assert_int_equal(op->request.n_peers, 2);
        assert_true(names(&op->request, 1) && names(&op->request, 2));
        sim_op_free(op);
    }
    assert_int_equal(kad_status(&f, kad_op(&f, 1, DBR_REQUEST_DHT_UNPROVIDE, "thing")),
                     0);
    assert_int_equal(kad_status(&f, kad_op(&f, 1, DBR_REQUEST_DHT_UNPROVIDE, "thing")),
                     DEBROS_ENOTFOUND);
    assert_int_equal(kad_status(&f, kad_op(&f, 1, DBR_REQUEST_DHT_PROVIDERS, "nothing")),
                     DEBROS_ENOTFOUND);
}

static void a_client_has_its_member_provide(void **state)
{
    (void)state;
    assert_int_equal(
        kad_status(&f, kad_op(&f, f.client, DBR_REQUEST_DHT_PROVIDE, "clients thing")),
        0);
    struct sim_op *op =
        kad_ask(&f, kad_op(&f, 0, DBR_REQUEST_DHT_PROVIDERS, "clients thing"));
    assert_int_equal(op->request.n_peers, 1);
    assert_false(names(&op->request, f.client));
    assert_true(op->request.peers[0].n_addrs > 0);
    sim_op_free(op);
    assert_int_equal(
        kad_status(&f, kad_op(&f, f.client, DBR_REQUEST_DHT_UNPROVIDE, "clients thing")),
        0);
}

static void the_librarys_keys_are_not_for_applications(void **state)
{
    (void)state;
    const char *key = "/debros/service/x/database";
    assert_int_equal(kad_status(&f, kad_op(&f, 1, DBR_REQUEST_DHT_PROVIDE, key)),
                     DEBROS_EACCES);
    assert_int_equal(kad_status(&f, kad_op(&f, f.client, DBR_REQUEST_DHT_UNPROVIDE, key)),
                     DEBROS_EACCES);
}

/* ---- Peers ------------------------------------------------------------------------- */

static void peers_are_found(void **state)
{
    char id[DBR_PEER_ID_TEXT_SIZE];
    (void)state;
    for (int i = 0; i <= f.client; i++) {
        for (int k = 0; k < f.client; k++) { /* itself as well */
            dbr_peer_id_text(&f.world.nodes[k].id, id);
            struct sim_op *op = kad_ask(&f, kad_op(&f, i, DBR_REQUEST_FIND_PEER, id));
            assert_int_equal(op->request.status, 0);
            assert_int_equal(op->request.n_peers, 1);
            assert_true(names(&op->request, k));
            sim_op_free(op);
        }
    }
}

static void a_peer_that_nobody_knows_is_not_found(void **state)
{
    const char *nobody = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";
    char addr[200];
    (void)state;
    snprintf(addr, sizeof(addr), "/ip4/10.9.9.9/tcp/1/p2p/%s", nobody);
    assert_int_equal(kad_status(&f, kad_op(&f, 0, DBR_REQUEST_FIND_PEER, nobody)),
                     DEBROS_ENOTFOUND);
    assert_int_equal(kad_status(&f, kad_op(&f, f.client, DBR_REQUEST_FIND_PEER, addr)),
                     DEBROS_ENOTFOUND);
    assert_int_equal(kad_status(&f, kad_op(&f, 0, DBR_REQUEST_FIND_PEER, "bob")),
                     DEBROS_EINVAL);
    assert_int_equal(
        kad_status(&f, kad_op(&f, 0, DBR_REQUEST_FIND_PEER, "/ip4/10.9.9.9/tcp/1")),
        DEBROS_EINVAL);
}

/* ---- Ends -------------------------------------------------------------------------- */

/* That the machine itself goes on with, for whomever. */
static size_t lookups(int node)
{
    return kad_of(&f, node)->n_lookups;
}

/* A lookup that hangs: the others hear nothing. */
static struct sim_op *hang(uint32_t timeout_ms)
{
    struct sim_op *op = kad_op(&f, 0, DBR_REQUEST_DHT_GET, "hanging");
    f.world.group[0] = 1;
    op->request.deadline = f.world.now + timeout_ms;
    dbr_list_push_back(&f.world.nodes[0].ops, &op->link);
    dbr_core_request(f.world.nodes[0].core, &op->request, f.world.now);
    sim_drain(&f.world, 0);
    assert_false(op->done);
    assert_int_equal(lookups(0), 1);
    return op;
}

static void a_lookup_can_be_canceled(void **state)
{
    (void)state;
    struct sim_op *op = hang(10000);
    dbr_core_cancel(f.world.nodes[0].core, &op->request, f.world.now);
    sim_drain(&f.world, 0);
    f.world.group[0] = 0;
    assert_true(op->done);
    assert_int_equal(op->request.status, DEBROS_ECANCELED);
    assert_int_equal(lookups(0), 0);
    sim_op_free(op);
}

static void a_lookup_meets_its_deadline(void **state)
{
    (void)state;
    struct sim_op *op = hang(100);
    sim_step_until(&f.world, f.world.now + 150);
    f.world.group[0] = 0;
    assert_true(op->done);
    assert_int_equal(op->request.status, DEBROS_ETIMEDOUT);
    assert_int_equal(lookups(0), 0);
    sim_op_free(op);
}

static void a_lookup_ends_with_its_node(void **state)
{
    (void)state;
    struct sim_op *op = hang(10000);
    f.world.group[0] = 0;
    dbr_core_abort(f.world.nodes[0].core, DEBROS_ECANCELED);
    sim_drain(&f.world, 0);
    assert_true(op->done);
    assert_int_equal(op->request.status, DEBROS_ECANCELED);
    assert_int_equal(lookups(0), 0);
    sim_op_free(op);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_of_one_is_found_by_all),
        cmocka_unit_test(a_client_signs_and_its_member_keeps),
        cmocka_unit_test(an_old_version_is_a_conflict),
        cmocka_unit_test(nobody_writes_anothers_key),
        cmocka_unit_test(a_value_is_removed_by_its_writer),
        cmocka_unit_test(what_nobody_has_is_not_found),
        cmocka_unit_test(values_have_a_largest_size),
        cmocka_unit_test(a_member_judges_what_clients_send),
        cmocka_unit_test(a_client_has_a_share_of_its_member),
        cmocka_unit_test(a_client_believes_no_forged_answer),
        cmocka_unit_test(providers_are_found_with_addresses),
        cmocka_unit_test(a_client_has_its_member_provide),
        cmocka_unit_test(the_librarys_keys_are_not_for_applications),
        cmocka_unit_test(peers_are_found),
        cmocka_unit_test(a_peer_that_nobody_knows_is_not_found),
        cmocka_unit_test(a_lookup_can_be_canceled),
        cmocka_unit_test(a_lookup_meets_its_deadline),
        cmocka_unit_test(a_lookup_ends_with_its_node),
    };
    return cmocka_run_group_tests(tests, up, down);
}
