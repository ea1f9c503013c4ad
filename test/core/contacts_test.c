/* The members that a client knows, and whom it turns to. */
#include "core/contacts.h"

#include "crypto/keypair.h"
#include "crypto/system.h"
#include "test.h"

static struct dbr_contacts contacts;
static struct dbr_rng rng;
static const struct dbr_peer_id nobody;

static struct dbr_peer_id peer(uint8_t n)
{
    uint8_t seed[32] = {n};
    struct dbr_keypair key;
    struct dbr_peer_id id;
    dbr_keypair_from_seed(&key, seed);
    dbr_peer_id_from_key(&id, key.public_key);
    return id;
}

static struct dbr_multiaddr addr(uint8_t n, uint16_t port)
{
    struct dbr_endpoint endpoint = {.ip = {10, 0, 0, n}, .port = port};
    struct dbr_peer_id id = peer(n);
    struct dbr_multiaddr a;
    dbr_multiaddr_from_endpoint(&a, &endpoint);
    dbr_multiaddr_set_peer(&a, &id);
    return a;
}

static struct dbr_contact *add(uint8_t n)
{
    struct dbr_multiaddr a = addr(n, 4001);
    struct dbr_contact *contact = dbr_contacts_add(&contacts, &a);
    assert_non_null(contact);
    return contact;
}

static struct dbr_contact *get(uint8_t n)
{
    struct dbr_peer_id id = peer(n);
    return dbr_contacts_find(&contacts, &id);
}

static void is_peer(const struct dbr_contact *contact, uint8_t n)
{
    assert_non_null(contact);
    assert_ptr_equal(contact, get(n));
}

static int up(void **state)
{
    (void)state;
    dbr_rng_seed(&rng, 1);
    return 0;
}

static int down(void **state)
{
    (void)state;
    dbr_contacts_finish(&contacts);
    return 0;
}

static void hint(uint8_t n, uint16_t port, dbr_time now)
{
    struct dbr_multiaddr a = addr(n, port);
    struct dbr_peer_id id = peer(n);
    dbr_contacts_hint(&contacts, &id, &a, now);
}

static void hints_are_dialed_last_and_displace_each_other_only(void **state)
{
    (void)state;
    hint(1, 5000, 0); /* nobody that is known */
    assert_int_equal(contacts.n, 0);
    struct dbr_contact *contact = add(1);
    hint(1, 4001, 0); /* no news */
    assert_int_equal(contact->n_hints, 0);
    for (uint16_t port = 5000; port < 5100; port++) {
        hint(1, port, 0);
        hint(1, port, 0);
    }
    assert_int_equal(contact->n_addrs, 1);
    assert_int_equal(contact->n_hints, DBR_CONTACT_HINTS);
    static const uint16_t order[] = {4001, 5099, 5098, 5097, 4001};
    for (size_t i = 0; i < DBR_COUNT(order); i++) {
        struct dbr_multiaddr expected = addr(1, order[i]);
        assert_true(dbr_multiaddr_equal(dbr_contact_addr(contact), &expected));
        dbr_contact_failed(contact, DEBROS_EUNREACHABLE, "no", 60000, &rng, 10);
    }
}

static void a_hint_ends_a_long_pause(void **state)
{
    (void)state;
    struct dbr_contact *contact = add(1);
    contact->until = 50000;
    hint(1, 5000, 10000);
    assert_int_equal(contact->until, 10000 + DBR_CONTACT_HINT_MS);
    hint(1, 5001, 10500); /* not put off by further ones */
    assert_int_equal(contact->until, 10000 + DBR_CONTACT_HINT_MS);
    contact->state = DBR_CONTACT_GREETING; /* until it must have answered */
    contact->until = 50000;
    hint(1, 5002, 10000);
    assert_int_equal(contact->until, 50000);
}

static void silence_where_it_was_gives_way_to_a_hint(void **state)
{
    (void)state;
    struct dbr_contact *contact = add(1);
    contact->state = DBR_CONTACT_DIALING;
    contact->dialed_at = 5000;
    assert_false(dbr_contact_should_leave(contact, 90000)); /* for nothing better */
    hint(1, 5000, 5000);
    assert_false(dbr_contact_should_leave(contact, 4999 + DBR_CONTACT_HINT_MS));
    assert_true(dbr_contact_should_leave(contact, 5000 + DBR_CONTACT_HINT_MS));
    contact->next_addr = 1; /* the hint itself */
    assert_false(dbr_contact_should_leave(contact, 90000));
    contact->next_addr = 0;
    contact->state = DBR_CONTACT_GREETING;
    assert_false(dbr_contact_should_leave(contact, 90000));
}

static void a_contact_of_hints_alone_is_dialed(void **state)
{
    (void)state;
    struct dbr_contact *contact = add(1);
    contact->n_addrs = 0;
    assert_null(dbr_contacts_next(&contacts, &nobody, 0));
    assert_int_equal(dbr_contacts_deadline(&contacts), DBR_TIME_NEVER);
    hint(1, 5000, 0);
    is_peer(dbr_contacts_next(&contacts, &nobody, 0), 1);
    assert_int_equal(dbr_contacts_deadline(&contacts), 0);
}

static void an_address_is_known_once_and_the_newest_stay(void **state)
{
    (void)state;
    add(1);
    assert_int_equal(add(1)->n_addrs, 1);
    for (uint16_t port = 1; port <= DBR_MEMBER_ADDRS; port++) {
        struct dbr_multiaddr a = addr(1, port);
        dbr_contacts_add(&contacts, &a);
    }
    struct dbr_multiaddr first = addr(1, 4001);
    struct dbr_multiaddr newest = addr(1, DBR_MEMBER_ADDRS);
    assert_int_equal(contacts.n, 1);
    assert_int_equal(get(1)->n_addrs, DBR_MEMBER_ADDRS);
    assert_true(dbr_multiaddr_equal(&get(1)->addrs[0], &first));
    assert_true(dbr_multiaddr_equal(&get(1)->addrs[DBR_MEMBER_ADDRS - 1], &newest));
}

static void the_table_has_a_limit(void **state)
{
    (void)state;
    for (uint8_t n = 1; n <= DBR_CONTACTS_MAX; n++) {
        add(n);
    }
    struct dbr_multiaddr a = addr(DBR_CONTACTS_MAX + 1, 1);
    assert_null(dbr_contacts_add(&contacts, &a));
}

static void what_is_not_listed_any_more_is_forgotten(void **state)
{
    struct dbr_multiaddr three = addr(3, 4001);
    struct dbr_multiaddr foreign = addr(4, 4001);
    struct dbr_listed_member listed[] = {
        {.peer = peer(3), .votes = true, .addrs = &three, .n_addrs = 1},
        {.peer = peer(2), .addrs = &foreign, .n_addrs = 1}};
    (void)state;
    add(1)->given = true;
    add(2);
    add(5);
    add(6)->state = DBR_CONTACT_READY;
    dbr_contacts_learn(&contacts, listed, 0); /* whoever knows nothing teaches nothing */
    assert_int_equal(contacts.n, 4);
    dbr_contacts_learn(&contacts, listed, 2);
    assert_non_null(get(1));
    assert_null(get(5));
    assert_non_null(get(6));
    assert_true(get(3)->votes && get(3)->n_addrs == 1);
    assert_null(get(4)); /* another's address under the name of 2 */
    assert_int_equal(get(2)->n_addrs, 1);
}

static void the_leader_is_dialed_first_then_voters(void **state)
{
    struct dbr_peer_id leader = peer(3);
    (void)state;
    add(1);
    add(2);
    add(3);
    get(2)->votes = true;
    is_peer(dbr_contacts_next(&contacts, &leader, 0), 3);
    get(3)->state = DBR_CONTACT_DIALING;
    is_peer(dbr_contacts_next(&contacts, &leader, 0), 2);
    get(2)->until = 100;
    is_peer(dbr_contacts_next(&contacts, &leader, 99), 1);
    get(1)->state = DBR_CONTACT_READY;
    assert_null(dbr_contacts_next(&contacts, &leader, 99));
    assert_int_equal(dbr_contacts_deadline(&contacts), 100);
    assert_int_equal(dbr_contacts_active(&contacts), 2);
}

static void requests_go_to_the_leader_unless_it_is_suspect(void **state)
{
    struct dbr_peer_id leader = peer(2);
    struct dbr_peer_id current = peer(3);
    (void)state;
    for (uint8_t n = 1; n <= 3; n++) {
        add(n);
    }
    assert_null(dbr_contacts_best(&contacts, &leader, &current, 0));
    for (uint8_t n = 1; n <= 3; n++) {
        get(n)->state = DBR_CONTACT_READY;
    }
    is_peer(dbr_contacts_best(&contacts, &leader, &current, 0), 2);
    is_peer(dbr_contacts_best(&contacts, &nobody, &current, 0), 3);
    get(1)->votes = true;
    is_peer(dbr_contacts_best(&contacts, &nobody, &nobody, 0), 1);
    get(2)->suspect_until = 10;
    is_peer(dbr_contacts_best(&contacts, &leader, &current, 9), 3);
    is_peer(dbr_contacts_best(&contacts, &leader, &current, 10), 2);
}

/* Whoever has said that it offers other things only is the last resort; whoever has said
 * nothing may offer everything. */
static void members_are_picked_by_their_service(void **state)
{
    static const char *const dht[] = {"dht"};
    static const char *const both[] = {"database", "dht"};
    struct dbr_multiaddr addrs[] = {addr(1, 1), addr(2, 1), addr(3, 1)};
    struct dbr_listed_member listed[] = {
        {peer(1), true, &addrs[0], 1, dht, 1},
        {peer(2), false, &addrs[1], 1, both, 2},
        {peer(3), false, &addrs[2], 1, NULL, 0}};
    struct dbr_peer_id leader = peer(1);
    (void)state;
    dbr_contacts_learn(&contacts, listed, 3);
    is_peer(dbr_contacts_next(&contacts, &leader, 0), 2);
    get(2)->state = DBR_CONTACT_DIALING;
    is_peer(dbr_contacts_next(&contacts, &leader, 0), 3);
    get(3)->state = DBR_CONTACT_DIALING;
    is_peer(dbr_contacts_next(&contacts, &leader, 0), 1);
    for (uint8_t n = 1; n <= 3; n++) {
        get(n)->state = DBR_CONTACT_READY;
    }
    is_peer(dbr_contacts_best(&contacts, &leader, &leader, 0), 2);
    get(2)->suspect_until = 10;
    is_peer(dbr_contacts_best(&contacts, &leader, &leader, 0), 3);
    get(3)->suspect_until = 10; /* slow, but it takes requests */
    is_peer(dbr_contacts_best(&contacts, &leader, &leader, 0), 2);
    listed[0].services = both; /* it has begun to */
    listed[0].n_services = 2;
    dbr_contacts_learn(&contacts, listed, 3);
    is_peer(dbr_contacts_best(&contacts, &leader, &leader, 0), 1);
}

static void failures_pause_ever_longer_and_are_explained(void **state)
{
    char text[200];
    (void)state;
    struct dbr_multiaddr second = addr(1, 2);
    struct dbr_contact *c = add(1);
    dbr_contacts_add(&contacts, &second);
    dbr_contact_failed(c, DEBROS_EUNREACHABLE, "a: refused", 1000, &rng, 5000);
    assert_int_equal(c->until, 5000); /* its other address, at once */
    assert_int_equal(c->next_addr, 1);
    dbr_contact_failed(c, DEBROS_EUNREACHABLE, "b: no route", 1000, &rng, 5000);
    assert_int_equal(c->next_addr, 0);
    assert_in_range(c->until, 5125, 5250);
    add(2);
    c = get(1); /* the table may have moved */
    dbr_contacts_explain(&contacts, text, sizeof(text));
    assert_non_null(strstr(text, "a: refused; b: no route; /ip4/10.0.0.2/tcp/4001/p2p/"));
    assert_non_null(strstr(text, ": not tried"));
    for (int i = 0; i < 20; i++) {
        dbr_contact_failed(c, DEBROS_EUNREACHABLE, "again", 1000, &rng, 5000);
        assert_true(c->until <= 6000);
    }
    assert_int_equal(c->delay_ms, 1000);
    dbr_contacts_explain(&contacts, text, 12);
    assert_int_equal(strlen(text), 11);
    dbr_contact_ready(c);
    assert_int_equal(c->delay_ms, 0);
    assert_string_equal(c->why, "");
}

static void what_will_not_mend_is_hopeless(void **state)
{
    (void)state;
    assert_int_equal(dbr_contacts_hopeless(&contacts), 0);
    add(1);
    assert_int_equal(dbr_contacts_hopeless(&contacts), 0);
    dbr_contact_failed(get(1), DEBROS_EAUTH, "another key", 1000, &rng, 0);
    assert_int_equal(dbr_contacts_hopeless(&contacts), DEBROS_EAUTH);
    add(2);
    dbr_contact_failed(get(2), DEBROS_EUNREACHABLE, "refused", 1000, &rng, 0);
    assert_int_equal(dbr_contacts_hopeless(&contacts), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_address_is_known_once_and_the_newest_stay, up,
                                        down),
        cmocka_unit_test_setup_teardown(
            hints_are_dialed_last_and_displace_each_other_only, up, down),
        cmocka_unit_test_setup_teardown(a_hint_ends_a_long_pause, up, down),
        cmocka_unit_test_setup_teardown(silence_where_it_was_gives_way_to_a_hint, up,
                                        down),
        cmocka_unit_test_setup_teardown(a_contact_of_hints_alone_is_dialed, up, down),
        cmocka_unit_test_setup_teardown(the_table_has_a_limit, up, down),
        cmocka_unit_test_setup_teardown(what_is_not_listed_any_more_is_forgotten, up,
                                        down),
        cmocka_unit_test_setup_teardown(the_leader_is_dialed_first_then_voters, up, down),
        cmocka_unit_test_setup_teardown(requests_go_to_the_leader_unless_it_is_suspect,
                                        up, down),
        cmocka_unit_test_setup_teardown(members_are_picked_by_their_service, up, down),
        cmocka_unit_test_setup_teardown(failures_pause_ever_longer_and_are_explained, up,
                                        down),
        cmocka_unit_test_setup_teardown(what_will_not_mend_is_hopeless, up, down),
    };
    dbr_crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
