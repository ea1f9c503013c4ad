#include "fixture.h"

#include "core/inner.h"

static struct dbr_rng rng;
static struct dbr_keypair key;
static debros_detail detail;

static int create(struct dbr_core **core, struct dbr_core_config config)
{
    dbr_rng_seed(&rng, 1);
    dbr_keypair_generate(&key, &rng);
    detail.text[0] = '\0';
    config.identity = &key;
    return dbr_core_create(core, &config, &rng, 1, 1, &detail);
}

static void a_bootstrap_address_names_its_peer(void **state)
{
    struct dbr_core *core;
    struct dbr_multiaddr addr;
    (void)state;
    dbr_multiaddr_parse(&addr, "/ip4/127.0.0.1/tcp/4001", NULL);
    struct dbr_core_config config = {
        .mode = DBR_CORE_CLIENT, .bootstrap = &addr, .n_bootstrap = 1};
    assert_int_equal(create(&core, config), DEBROS_EINVAL);
    assert_non_null(strstr(detail.text, "/p2p/"));
}

static void an_invite_that_is_none_is_refused(void **state)
{
    struct dbr_core *core;
    (void)state;
    struct dbr_core_config config = {.mode = DBR_CORE_JOINER, .invite = "xyz"};
    assert_int_equal(create(&core, config), DEBROS_EINVAL);
    assert_string_not_equal(detail.text, "");
}

/* It stores nothing, votes nothing, and serves nobody. */
static void a_client_has_no_log_and_no_table(void **state)
{
    struct dbr_core *core;
    const char *offered[DBR_PROTOCOLS];
    (void)state;
    struct dbr_core_config config = {.mode = DBR_CORE_CLIENT};
    assert_int_equal(create(&core, config), 0);
    assert_non_null(core->sql);
    assert_null(core->consensus);
    assert_null(core->transfer);
    assert_null(core->kad);
    assert_int_equal(dbr_core_offered(core, offered), 0);
    dbr_core_destroy(core);
}

static void a_member_serves_every_protocol(void **state)
{
    static struct fixture f;
    const char *offered[DBR_PROTOCOLS];
    (void)state;
    fixture_up(&f, 1);
    struct dbr_core *core = f.world.nodes[0].core;
    assert_int_equal(dbr_core_offered(core, offered), DBR_PROTOCOLS);
    for (size_t i = 0; i < DBR_PROTOCOLS; i++) {
        assert_true(dbr_core_speaks(offered[i]) != (i == DBR_PROTOCOL_KAD));
    }
    fixture_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bootstrap_address_names_its_peer),
        cmocka_unit_test(an_invite_that_is_none_is_refused),
        cmocka_unit_test(a_client_has_no_log_and_no_table),
        cmocka_unit_test(a_member_serves_every_protocol),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
