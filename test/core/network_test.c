#include "fixture.h"

#include "base/alloc.h"
#include "core/inner.h"
#include "store/network.h"
#include "swarm/state.h"
#include "../dht/values.h"

static struct fixture f;

/* ---- Nodes of the simulated world -------------------------------------------------- */

static struct dbr_core *core_of(int i)
{
    return f.world.nodes[i].core;
}

static const struct dbr_dht_records *records_of(int i)
{
    return dbr_dht_records(core_of(i)->kad->dht);
}

static void let(uint32_t ms)
{
    sim_step_until(&f.world, f.world.now + ms);
}

/* A value of the node's own, for a key under its name. */
static void put(int i, const char *name, const char *value)
{
    const struct sim_node *node = &f.world.nodes[i];
    struct dbr_dht *dht = node->core->kad->dht;
    char text[256];
    debros_bytes key = key_with(text, "/debros/app/", &node->key, name);
    struct dbr_buf envelope = {0};
    int err = dbr_dht_envelope_seal(&envelope, &node->core->kad->signer, key, 1,
                                    (uint64_t)sim_wall(&f.world, i) + 40 * HOUR,
                                    dbr_bytes_str(value));
    assert_int_equal(err, 0);
    err = dbr_dht_put(dht, UINT64_C(1) << 61, key,
                      dbr_bytes(envelope.data, envelope.len), f.world.now);
    assert_int_equal(err, 0);
    dbr_buf_finish(&envelope);
    sim_drain(&f.world, i);
}

static bool has(int i, int writer, const char *name)
{
    char text[256];
    debros_bytes key = key_with(text, "/debros/app/", &f.world.nodes[writer].key, name);
    return dbr_dht_values_get(&records_of(i)->values, key, f.world.now) != NULL;
}

static void provide(int i, const char *key)
{
    assert_int_equal(dbr_dht_provide(core_of(i)->kad->dht, UINT64_C(1) << 62,
                                     dbr_bytes_str(key), f.world.now),
                     0);
    sim_drain(&f.world, i);
}

static size_t providers_of(int i, const char *key)
{
    struct dbr_peer_id found[8];
    return dbr_dht_providers_get(&records_of(i)->providers, dbr_bytes_str(key), found, 8,
                                 f.world.now);
}

static void kill_node(int i)
{
    struct sim_node *node = &f.world.nodes[i];
    /* As SIGKILL: what was written stays, as nothing happens to the disk. */
    struct sim_disk *disk = sim_disk_clone(node->disk, 1);
    sim_crash_node(&f.world, i, false);
    sim_disk_destroy(node->disk);
    node->disk = disk;
    sim_disk_revive(disk);
}

/* ---- Whole nodes ------------------------------------------------------------------- */

static void what_is_known_outlives_all_nodes(void **state)
{
    (void)state;
    fixture_up(&f, 3);
    let(3000);
    put(0, "/one", "1");
    put(1, "/two", "2");
    provide(2, "thing");
    let(5000);
    for (int i = 0; i < 3; i++) {
        kill_node(i);
    }
    for (int i = 0; i < 3; i++) {
        sim_start_node(&f.world, i);
        assert_true(has(i, 0, "/one") && has(i, 1, "/two"));
        assert_int_equal(providers_of(i, "thing"), 1);
        assert_false(dbr_dht_has_rows(core_of(i)->kad->dht));
    }
    char text[256];
    debros_bytes key = key_with(text, "/debros/app/", &f.world.nodes[0].key, "/one");
    const struct dbr_dht_value *own =
        dbr_dht_values_get(&records_of(0)->values, key, f.world.now);
    const struct dbr_dht_value *other =
        dbr_dht_values_get(&records_of(1)->values, key, f.world.now);
    assert_true(own->own && !other->own);
    dbr_time republish = dbr_time_add(f.world.now, 22u * HOUR);
    assert_true(own->republish < republish && own->republish + 60000 > republish);
    fixture_down(&f);
}

/* Whether node `i`, which has just begun and has no connection, has met node `other`. */
static bool remembers(int i, int other)
{
    const struct dbr_book_peer *peer =
        dbr_book_find(&core_of(i)->swarm->book, &f.world.nodes[other].id);
    assert_false(dbr_swarm_is_connected(core_of(i)->swarm, &f.world.nodes[other].id));
    return peer != NULL && peer->seen_ms != 0 && peer->addrs.n > 0;
}

static void the_peer_book_is_kept(void **state)
{
    (void)state;
    fixture_up(&f, 3);
    let(100);
    kill_node(2);
    sim_start_node(&f.world, 2);
    assert_false(remembers(2, 0)); /* it did not live long enough */
    let(DBR_NETWORK_BOOK_FIRST_MS + 100);
    kill_node(2);
    sim_start_node(&f.world, 2);
    assert_true(remembers(2, 0) && remembers(2, 1));
    fixture_down(&f);
}

/* At a stop the book goes too, however young the node is. */
static void a_polite_stop_writes_the_book(void **state)
{
    (void)state;
    fixture_up(&f, 2);
    uint64_t life = f.world.nodes[1].incarnation;
    dbr_time begun = f.world.now;
    dbr_core_stop(core_of(1), f.world.now);
    sim_drain(&f.world, 1);
    while (f.world.nodes[1].incarnation == life) {
        let(1);
        assert_in_range(f.world.now - begun, 1, 100);
    }
    kill_node(1);
    sim_start_node(&f.world, 1);
    assert_true(remembers(1, 0));
    fixture_down(&f);
}

/* Gone is gone, after a restart too. */
static void what_was_removed_stays_away(void **state)
{
    (void)state;
    fixture_up(&f, 1);
    put(0, "/one", "1");
    provide(0, "thing");
    provide(0, "other");
    let(3000);
    char text[256];
    debros_bytes key = key_with(text, "/debros/app/", &f.world.nodes[0].key, "/one");
    assert_true(dbr_dht_remove(core_of(0)->kad->dht, key));
    assert_true(dbr_dht_unprovide(core_of(0)->kad->dht, dbr_bytes_str("thing")));
    sim_drain(&f.world, 0);
    let(3000);
    kill_node(0);
    sim_start_node(&f.world, 0);
    assert_false(has(0, 0, "/one"));
    assert_int_equal(providers_of(0, "thing"), 0);
    assert_int_equal(providers_of(0, "other"), 1);
    fixture_down(&f);
}

/* What ended while the node was away does not come back, and leaves the disk. */
static void what_has_ended_is_not_loaded(void **state)
{
    (void)state;
    fixture_up(&f, 1);
    put(0, "/one", "1");
    provide(0, "thing");
    let(3000);
    kill_node(0);
    f.world.nodes[0].clock_ms = 45 * HOUR;
    sim_start_node(&f.world, 0);
    assert_false(has(0, 0, "/one"));
    assert_int_equal(providers_of(0, "thing"), 1); /* ours, until we say otherwise */
    let(3000);
    kill_node(0);
    f.world.nodes[0].clock_ms = 0;
    sim_start_node(&f.world, 0);
    assert_false(has(0, 0, "/one"));
    fixture_down(&f);
}

/* A stop does not wait for the next second, nor lose what came in the last one. */
static void a_polite_stop_writes_first(void **state)
{
    (void)state;
    fixture_up(&f, 1);
    put(0, "/one", "1");
    dbr_time begun = f.world.now;
    dbr_core_stop(core_of(0), f.world.now);
    sim_drain(&f.world, 0);
    assert_true(core_of(0)->network.is_writing);
    assert_false(f.world.nodes[0].is_stopping); /* STOPPED has not come */
    uint64_t life = f.world.nodes[0].incarnation;
    while (f.world.nodes[0].incarnation == life) {
        let(1);
        assert_in_range(f.world.now - begun, 1, 100);
    }
    let(100); /* the world starts it again */
    assert_true(has(0, 0, "/one"));
    fixture_down(&f);
}

/* A disk that is full: everything stays in memory, is said once, and written later. */
static void a_full_disk_delays(void **state)
{
    (void)state;
    fixture_up(&f, 1);
    sim_disk_set_full(f.world.nodes[0].disk, true);
    put(0, "/one", "1");
    let(2000);
    assert_true(core_of(0)->network.has_failed);
    const struct dbr_network_job *job = core_of(0)->network.job;
    assert_non_null(job);
    provide(0, "thing");
    let(DBR_NETWORK_RETRY_MS);
    assert_ptr_equal(core_of(0)->network.job, job); /* the same, again in vain */
    sim_disk_set_full(f.world.nodes[0].disk, false);
    let(DBR_NETWORK_RETRY_MS);
    assert_false(core_of(0)->network.has_failed);
    let(3000);
    kill_node(0);
    sim_start_node(&f.world, 0);
    assert_true(has(0, 0, "/one"));
    assert_int_equal(providers_of(0, "thing"), 1);
    fixture_down(&f);
}

static void a_stop_does_not_wait_for_a_full_disk(void **state)
{
    (void)state;
    fixture_up(&f, 1);
    sim_disk_set_full(f.world.nodes[0].disk, true);
    put(0, "/one", "1");
    dbr_core_stop(core_of(0), f.world.now);
    sim_drain(&f.world, 0);
    let(50);
    assert_true(f.world.nodes[0].is_stopping || core_of(0) == NULL ||
                !core_of(0)->is_stopping);
    sim_disk_set_full(f.world.nodes[0].disk, false);
    let(1000);
    fixture_down(&f);
}

/* The file is damaged: the node starts without it, and keeps a new one from then on. */
static void a_damaged_file_is_begun_anew(void **state)
{
    (void)state;
    size_t len = 0;
    fixture_up(&f, 1);
    put(0, "/one", "1");
    let(3000);
    sim_crash_node(&f.world, 0, false); /* which makes a file of the WAL */
    sim_disk_revive(f.world.nodes[0].disk);
    sim_start_node(&f.world, 0);
    put(0, "/one", "1");
    let(3000);
    dbr_core_stop(core_of(0), f.world.now);
    sim_drain(&f.world, 0);
    let(1000);
    kill_node(0);
    struct sim_disk *disk = f.world.nodes[0].disk;
    uint8_t *bytes = sim_disk_data(disk, DBR_NETWORK_FILE, &len);
    assert_true(bytes != NULL && len > 4096);
    bytes[5000] ^= 0x11;
    sim_start_node(&f.world, 0);
    assert_string_not_equal(f.result.why, ""); /* the world does not expect that */
    f.result.why[0] = '\0';
    assert_non_null(sim_disk_data(disk, DBR_NETWORK_OLD, &len));
    assert_false(has(0, 0, "/one"));
    put(0, "/two", "2");
    let(3000);
    assert_int_equal(sim_disk_fs(disk)->ops->remove(sim_disk_fs(disk), DBR_NETWORK_OLD),
                     0);
    kill_node(0);
    sim_start_node(&f.world, 0);
    assert_true(has(0, 0, "/two"));
    fixture_down(&f);
}

/* ---- A core whose jobs a test takes ------------------------------------------------ */

struct bare {
    struct dbr_core *core;
    struct dbr_rng rng;
    struct dbr_keypair key;
    dbr_time now;
};

static void bare_up(struct bare *b, const struct dbr_network_batch *found)
{
    struct dbr_log_state log = {.first_index = 1};
    struct dbr_core_config config = {.mode = DBR_CORE_MEMBER,
                                     .identity = &b->key,
                                     .log_state = &log,
                                     .network = found};
    debros_detail detail = {{0}};
    *b = (struct bare){.now = 1000};
    dbr_rng_seed(&b->rng, 1);
    dbr_keypair_generate(&b->key, &b->rng);
    int err = dbr_core_create(&b->core, &config, &b->rng, b->now, SIM_WALL_MS, &detail);
    assert_int_equal(err, 0);
}

/* The next job within `ms`, or NULL. */
static struct dbr_network_job *bare_job(struct bare *b, uint32_t ms)
{
    struct dbr_effect effect;
    struct dbr_network_job *job = NULL;
    for (dbr_time end = b->now + ms; job == NULL && b->now <= end; b->now++) {
        if (dbr_core_deadline(b->core) <= b->now) {
            dbr_core_expire(b->core, b->now);
        }
        while (dbr_core_poll(b->core, &effect, b->now)) {
            if (effect.type == DBR_CORE_NETWORK) {
                assert_null(job);
                job = effect.network;
            }
        }
    }
    return job;
}

static void bare_provide(struct bare *b, uint32_t key)
{
    debros_bytes bytes = dbr_bytes(&key, sizeof(key));
    (void)dbr_dht_providers_add(
        &((struct dbr_dht_records *)(uintptr_t)dbr_dht_records(b->core->kad->dht))
             ->providers,
        bytes, &b->core->self, b->now, SIM_WALL_MS);
}

static void bare_done(struct bare *b, struct dbr_network_job *job, int status)
{
    job->status = status;
    dbr_core_network_done(b->core, job, b->now);
}

static void rows_gather_for_a_while(void **state)
{
    (void)state;
    struct bare b;
    struct dbr_network_batch found = {.n = 0};
    bare_up(&b, &found);
    assert_null(bare_job(&b, 5000)); /* nothing to write: no job */
    bare_provide(&b, 1);
    assert_null(bare_job(&b, DBR_NETWORK_GATHER_MS - 10));
    bare_provide(&b, 2);
    struct dbr_network_job *job = bare_job(&b, 20);
    assert_non_null(job);
    assert_int_equal(job->changes.n, 2);
    /* While it is with the executor, the same row changes often, and is told once. */
    for (int i = 0; i < 10; i++) {
        bare_provide(&b, 1);
        assert_null(bare_job(&b, 1000));
    }
    bare_done(&b, job, 0);
    job = bare_job(&b, DBR_NETWORK_GATHER_MS + 10);
    assert_non_null(job);
    assert_int_equal(job->changes.n, 1);
    bare_done(&b, job, 0);
    assert_null(bare_job(&b, 5000));
    dbr_core_destroy(b.core);
}

/* However much there is, a job is small, and the next comes a second later; at a stop at
 * once. */
static void jobs_are_small(void **state)
{
    (void)state;
    struct bare b;
    struct dbr_network_batch found = {.n = 0};
    bare_up(&b, &found);
    struct dbr_dht_records *records =
        (struct dbr_dht_records *)(uintptr_t)dbr_dht_records(b.core->kad->dht);
    records->providers.limits.keys = 4096;
    for (uint32_t i = 0; i < 3000; i++) {
        bare_provide(&b, i);
    }
    struct dbr_network_job *job = bare_job(&b, DBR_NETWORK_GATHER_MS + 10);
    assert_non_null(job);
    assert_int_equal(job->changes.n, DBR_NETWORK_BATCH_ROWS);
    bare_done(&b, job, 0);
    assert_null(bare_job(&b, DBR_NETWORK_GATHER_MS - 10));
    job = bare_job(&b, 20);
    assert_int_equal(job->changes.n, DBR_NETWORK_BATCH_ROWS);
    dbr_core_stop(b.core, b.now);
    assert_false(dbr_network_is_saved(b.core));
    bare_done(&b, job, 0);
    job = bare_job(&b, 5);
    assert_int_equal(job->changes.n, 3000 - 2 * DBR_NETWORK_BATCH_ROWS);
    bare_done(&b, job, 0);
    assert_true(dbr_network_is_saved(b.core));
    dbr_core_destroy(b.core);
}

/* A job that does not come back holds up no stop for longer than 3 s. */
static void a_stop_ends_without_its_job(void **state)
{
    (void)state;
    struct bare b;
    struct dbr_network_batch found = {.n = 0};
    struct dbr_effect effect;
    bare_up(&b, &found);
    bare_provide(&b, 1);
    dbr_core_stop(b.core, b.now);
    dbr_time begun = b.now;
    struct dbr_network_job *job = bare_job(&b, 0);
    assert_non_null(job);
    bool has_stopped = false;
    while (!has_stopped) {
        b.now = dbr_core_deadline(b.core);
        assert_true(b.now <= begun + DBR_STOP_MS);
        dbr_core_expire(b.core, b.now);
        while (dbr_core_poll(b.core, &effect, b.now)) {
            has_stopped = has_stopped || effect.type == DBR_CORE_STOPPED;
        }
    }
    assert_true(b.now == begun + DBR_STOP_MS);
    dbr_network_job_destroy(job);
    dbr_core_destroy(b.core);
}

/* The store has lost what it was told: both tables are told again, whole. */
static void what_was_lost_is_told_again(void **state)
{
    (void)state;
    struct bare b;
    struct dbr_network_batch found = {.n = 0};
    bare_up(&b, &found);
    bare_provide(&b, 1);
    bare_provide(&b, 2);
    bare_done(&b, bare_job(&b, DBR_NETWORK_GATHER_MS + 10), 0);
    bare_provide(&b, 3);
    struct dbr_network_job *job = bare_job(&b, DBR_NETWORK_GATHER_MS + 10);
    assert_int_equal(job->changes.n, 1);
    job->is_lost = true;
    bare_done(&b, job, 0);
    job = bare_job(&b, DBR_NETWORK_GATHER_MS + 10);
    assert_int_equal(job->changes.n, 2 + 3);
    assert_int_equal(job->changes.first->row.type, DBR_DHT_ROW_CLEAR);
    assert_int_equal(job->changes.first->table, DBR_NETWORK_VALUES);
    assert_int_equal(job->changes.first->next->row.type, DBR_DHT_ROW_CLEAR);
    bare_done(&b, job, 0);
    dbr_core_destroy(b.core);
}

static void a_book_that_has_changed_goes(void **state)
{
    (void)state;
    struct bare b;
    struct dbr_network_batch found = {.n = 0};
    struct dbr_multiaddr addr;
    struct dbr_endpoint endpoint = {.ip = {10, 0, 0, 2}, .port = 1};
    bare_up(&b, &found);
    assert_null(bare_job(&b, DBR_NETWORK_BOOK_FIRST_MS + 10));
    struct dbr_peer_id peer = b.core->self;
    peer.bytes[10] ^= 1;
    dbr_multiaddr_from_endpoint(&addr, &endpoint);
    dbr_swarm_give_addrs(b.core->swarm, &peer, &addr, 1, b.now);
    struct dbr_network_job *job = bare_job(&b, DBR_NETWORK_BOOK_MS);
    assert_non_null(job);
    assert_true(job->changes.book.len > 0);
    bare_done(&b, job, 0);
    dbr_core_destroy(b.core);
}

/* A book that has not changed is not written again; one that is damaged is not used. */
static void a_book_goes_once(void **state)
{
    (void)state;
    struct bare b;
    struct dbr_network_batch found = {.n = 0};
    dbr_buf_str(&found.book, "no book");
    bare_up(&b, &found);
    dbr_network_batch_finish(&found);
    assert_null(bare_job(&b, DBR_NETWORK_BOOK_FIRST_MS - 10));
    struct dbr_network_job *job = bare_job(&b, 20);
    assert_non_null(job);
    assert_int_equal(job->changes.n, 0);
    assert_true(job->changes.book.len > 0);
    bare_done(&b, job, 0);
    assert_null(bare_job(&b, DBR_NETWORK_BOOK_MS + 1000));
    /* Lost: it goes at once. */
    bare_provide(&b, 1);
    job = bare_job(&b, DBR_NETWORK_GATHER_MS + 10);
    assert_int_equal(job->changes.book.len, 0);
    job->is_lost = true;
    bare_done(&b, job, 0);
    job = bare_job(&b, 5);
    assert_non_null(job);
    assert_true(job->changes.book.len > 0);
    /* It failed: the very same comes again, no sooner than later. */
    bare_done(&b, job, DEBROS_EIO);
    assert_null(bare_job(&b, DBR_NETWORK_RETRY_MS - 10));
    assert_ptr_equal(bare_job(&b, 20), job);
    bare_done(&b, job, 0);
    dbr_core_stop(b.core, b.now);
    assert_null(bare_job(&b, 5));
    assert_true(dbr_network_is_saved(b.core));
    dbr_core_destroy(b.core);
}

/* A table that could not be read, and a row that is none: the disk is put right. */
static void what_is_read_is_judged(void **state)
{
    (void)state;
    struct bare b;
    struct dbr_network_batch found = {.n = 0};
    struct dbr_dht_row row = {.type = DBR_DHT_ROW_PUT,
                              .key = dbr_bytes_str("thing"),
                              .received_ms = SIM_WALL_MS,
                              .peer = {.len = 2, .bytes = {9, 9}}};
    assert_int_equal(dbr_network_batch_add(&found, DBR_NETWORK_PROVIDERS, &row), 0);
    row.peer = (struct dbr_peer_id){0};
    row.value = dbr_bytes_str("no envelope");
    assert_int_equal(dbr_network_batch_add(&found, DBR_NETWORK_VALUES, &row), 0);
    bare_up(&b, &found);
    assert_int_equal(dbr_dht_records(b.core->kad->dht)->values.n, 0);
    assert_int_equal(dbr_dht_records(b.core->kad->dht)->providers.n, 0);
    struct dbr_network_job *job = bare_job(&b, DBR_NETWORK_GATHER_MS + 10);
    assert_non_null(job);
    assert_int_equal(job->changes.n, 2);
    assert_int_equal(job->changes.first->row.type, DBR_DHT_ROW_CLEAR);
    bare_done(&b, job, 0);
    dbr_core_destroy(b.core);
    dbr_network_batch_finish(&found);
    found.is_partial = true;
    bare_up(&b, &found);
    job = bare_job(&b, DBR_NETWORK_GATHER_MS + 10);
    assert_int_equal(job->changes.n, 2);
    bare_done(&b, job, 0);
    dbr_core_destroy(b.core);
}

/* Nobody keeps anything: no job, and no memory that grows. */
static void without_a_store_nothing_is_told(void **state)
{
    (void)state;
    struct bare b;
    bare_up(&b, NULL);
    bare_provide(&b, 1);
    assert_null(bare_job(&b, 5000));
    dbr_core_stop(b.core, b.now);
    assert_true(dbr_network_is_saved(b.core));
    dbr_core_destroy(b.core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_known_outlives_all_nodes),
        cmocka_unit_test(the_peer_book_is_kept),
        cmocka_unit_test(a_polite_stop_writes_the_book),
        cmocka_unit_test(what_was_removed_stays_away),
        cmocka_unit_test(what_has_ended_is_not_loaded),
        cmocka_unit_test(a_polite_stop_writes_first),
        cmocka_unit_test(a_full_disk_delays),
        cmocka_unit_test(a_stop_does_not_wait_for_a_full_disk),
        cmocka_unit_test(a_damaged_file_is_begun_anew),
        cmocka_unit_test(rows_gather_for_a_while),
        cmocka_unit_test(jobs_are_small),
        cmocka_unit_test(a_stop_ends_without_its_job),
        cmocka_unit_test(what_was_lost_is_told_again),
        cmocka_unit_test(a_book_that_has_changed_goes),
        cmocka_unit_test(a_book_goes_once),
        cmocka_unit_test(what_is_read_is_judged),
        cmocka_unit_test(without_a_store_nothing_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
