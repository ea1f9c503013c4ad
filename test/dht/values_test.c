#include "test.h"

#include "dht/values.h"
#include "fault.h"
#include "peers.h"
#include "values.h"

#define SMALL 8 /* values in a store that is full soon */

/* A store, and writers with a toy signer whose keys are /debros/app/WRITER/NUMBER. */
struct rig {
    struct dbr_keypair pair;
    struct dbr_dht_signer signer;
    struct dbr_dht_rules rules;
    struct dbr_dht_values_limits limits;
    struct dbr_dht_key self;
    struct dbr_dht_values values;
    struct dbr_buf bytes;
    char text[256];
};

static void rig_init(struct rig *rig)
{
    rig->pair = writer_of(1);
    rig->signer = (struct dbr_dht_signer){toy_sign, toy_verify, &rig->pair};
    rig->rules = (struct dbr_dht_rules){dbr_dht_kinds, DBR_DHT_KINDS, &rig->signer};
    rig->self = key_of(99);
    rig->bytes = (struct dbr_buf){0};
    dbr_dht_values_limits_default(&rig->limits);
    dbr_dht_values_init(&rig->values, &rig->limits, &rig->rules, &rig->self);
}

static void rig_restart(struct rig *rig, bool has_self)
{
    dbr_dht_values_finish(&rig->values);
    dbr_dht_values_init(&rig->values, &rig->limits, &rig->rules,
                        has_self ? &rig->self : NULL);
}

static void rig_finish(struct rig *rig)
{
    dbr_dht_values_finish(&rig->values);
    dbr_buf_finish(&rig->bytes);
}

static debros_bytes key_number(struct rig *rig, unsigned number)
{
    char suffix[16];
    snprintf(suffix, sizeof(suffix), "/%u", number);
    return key_with(rig->text, "/debros/app/", &rig->pair, suffix);
}

static debros_bytes seal(struct rig *rig, unsigned number, uint64_t version,
                         uint64_t expires_ms)
{
    dbr_buf_clear(&rig->bytes);
    assert_int_equal(dbr_dht_envelope_seal(&rig->bytes, &rig->signer,
                                           key_number(rig, number), version, expires_ms,
                                           dbr_bytes_str("value")),
                     0);
    return dbr_bytes(rig->bytes.data, rig->bytes.len);
}

static enum dbr_dht_verdict put(struct rig *rig, unsigned number, uint64_t version,
                                bool own, dbr_time now)
{
    debros_bytes bytes = seal(rig, number, version, WALL + 1000 * HOUR);
    return dbr_dht_values_put(&rig->values, key_number(rig, number), bytes, own, now,
                              WALL + now);
}

static bool holds(struct rig *rig, unsigned number, dbr_time now)
{
    return dbr_dht_values_get(&rig->values, key_number(rig, number), now) != NULL;
}

static void what_is_put_is_held_until_its_end(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    assert_int_equal(put(&rig, 1, 1, false, 1000), DBR_DHT_VALUE_NEWER);
    assert_int_equal(put(&rig, 1, 1, false, 2000), DBR_DHT_VALUE_SAME);
    assert_int_equal(put(&rig, 1, 0, false, 2000), DBR_DHT_VALUE_OLDER);
    assert_int_equal(put(&rig, 1, 2, false, 3000), DBR_DHT_VALUE_NEWER);
    const struct dbr_dht_value *held =
        dbr_dht_values_get(&rig.values, key_number(&rig, 1), 3000);
    assert_non_null(held);
    assert_int_equal(held->received_ms, WALL + 3000);
    assert_true(dbr_bytes_equal(held->value, dbr_bytes(rig.bytes.data, rig.bytes.len)));
    /* Nobody puts it again: 48 h. */
    dbr_dht_values_expire(&rig.values, 3000 + 48 * HOUR - 1);
    assert_true(holds(&rig, 1, 3000 + 48 * HOUR - 1));
    assert_false(holds(&rig, 1, 3000 + 48 * HOUR));
    assert_int_equal(rig.values.n, 1);
    assert_true(dbr_dht_values_deadline(&rig.values) <= 3000 + 48 * HOUR);
    dbr_dht_values_expire(&rig.values, 3000 + 48 * HOUR);
    assert_int_equal(rig.values.n, 0);
    assert_int_equal(rig.values.n_bytes, 0);
    assert_int_equal(dbr_dht_values_deadline(&rig.values), DBR_TIME_NEVER);
    /* Its writer's end comes first. */
    debros_bytes bytes = seal(&rig, 2, 1, WALL + HOUR);
    assert_int_equal(
        dbr_dht_values_put(&rig.values, key_number(&rig, 2), bytes, true, 0, WALL),
        DBR_DHT_VALUE_NEWER);
    dbr_time end = HOUR + DBR_DHT_CLOCK_SKEW_MS;
    assert_int_equal(dbr_dht_values_deadline(&rig.values), end);
    assert_true(holds(&rig, 2, end - 1));
    dbr_dht_values_expire(&rig.values, end);
    assert_false(holds(&rig, 2, 0));
    rig_finish(&rig);
}

static void an_older_one_comes_in_once_the_held_one_is_over(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    assert_int_equal(put(&rig, 1, 2, false, 0), DBR_DHT_VALUE_NEWER);
    assert_int_equal(put(&rig, 1, 1, false, 48 * HOUR), DBR_DHT_VALUE_NEWER);
    assert_int_equal(rig.values.n, 1);
    rig_finish(&rig);
}

static void own_values_are_published_again(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(put(&rig, i, 1, true, 1000), DBR_DHT_VALUE_NEWER);
    }
    assert_int_equal(put(&rig, 9, 1, false, 1000), DBR_DHT_VALUE_NEWER);
    dbr_time due = 1000 + 22 * HOUR;
    assert_int_equal(dbr_dht_values_deadline(&rig.values), due);
    assert_null(dbr_dht_values_due(&rig.values, due - 1, WALL + due));
    /* Somebody else puts one of them: that publishes nothing for us. */
    assert_int_equal(put(&rig, 3, 1, false, due - 1), DBR_DHT_VALUE_SAME);
    assert_int_equal(put(&rig, 4, 2, false, due - 1), DBR_DHT_VALUE_NEWER);
    for (unsigned i = 0; i < 5; i++) {
        const struct dbr_dht_value *value =
            dbr_dht_values_due(&rig.values, due, WALL + due);
        assert_non_null(value);
        assert_true(value->own);
        assert_int_equal(value->received_ms, WALL + due);
    }
    assert_null(dbr_dht_values_due(&rig.values, due, WALL + due));
    assert_int_equal(dbr_dht_values_deadline(&rig.values), due + 22 * HOUR);
    dbr_dht_values_again(&rig.values, key_number(&rig, 1), due + HOUR);
    dbr_dht_values_again(&rig.values, key_number(&rig, 1), due + 2 * HOUR); /* no later */
    dbr_dht_values_again(&rig.values, key_number(&rig, 9), due);   /* another's */
    dbr_dht_values_again(&rig.values, key_number(&rig, 100), due); /* nobody's */
    assert_int_equal(dbr_dht_values_deadline(&rig.values), due + HOUR);
    assert_non_null(dbr_dht_values_due(&rig.values, due + HOUR, WALL + due + HOUR));
    assert_null(dbr_dht_values_due(&rig.values, due + HOUR, WALL + due + HOUR));
    /* Own ones live on where others' are forgotten. */
    dbr_dht_values_expire(&rig.values, due + 48 * HOUR);
    assert_int_equal(rig.values.n, 5);
    assert_true(dbr_dht_values_remove(&rig.values, key_number(&rig, 0)));
    assert_false(dbr_dht_values_remove(&rig.values, key_number(&rig, 0)));
    assert_int_equal(put(&rig, 7, 1, false, due + 48 * HOUR), DBR_DHT_VALUE_NEWER);
    assert_false(dbr_dht_values_remove(&rig.values, key_number(&rig, 7)));
    assert_int_equal(put(&rig, 7, 1, true, due + 48 * HOUR), DBR_DHT_VALUE_SAME);
    assert_true(dbr_dht_values_remove(&rig.values, key_number(&rig, 7)));
    rig_finish(&rig);
}

/* The number whose key is furthest from us. */
static unsigned furthest_of(struct rig *rig, unsigned from, unsigned to)
{
    struct dbr_dht_key worst;
    unsigned found = from;
    for (unsigned i = from; i < to; i++) {
        struct dbr_dht_key key;
        dbr_dht_key_of(&key, key_number(rig, i));
        if (i == from || dbr_dht_key_compare(&rig->self, &key, &worst) > 0) {
            worst = key;
            found = i;
        }
    }
    return found;
}

static void the_furthest_makes_room_and_what_is_further_stays_out(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig.limits.values = SMALL;
    rig_restart(&rig, true);
    bool is_in[100] = {false};
    unsigned evicted = 0;
    for (unsigned i = 0; i < 100; i++) {
        enum dbr_dht_verdict verdict = put(&rig, i, 1, false, 1000);
        is_in[i] = verdict == DBR_DHT_VALUE_NEWER;
        if (!is_in[i]) {
            assert_int_equal(verdict, DBR_DHT_VALUE_NO_ROOM);
        }
        if (i >= SMALL) {
            evicted += is_in[i];
        }
        assert_true(rig.values.n <= SMALL);
    }
    assert_int_equal(rig.values.evicted, evicted);
    /* The closest eight of the hundred are left, in whatever order they came. */
    bool is_far[100] = {false};
    for (unsigned n = 0; n < 100 - SMALL; n++) {
        struct dbr_dht_key worst;
        unsigned found = 100;
        for (unsigned i = 0; i < 100; i++) {
            struct dbr_dht_key key;
            dbr_dht_key_of(&key, key_number(&rig, i));
            if (!is_far[i] &&
                (found == 100 || dbr_dht_key_compare(&rig.self, &key, &worst) > 0)) {
                worst = key;
                found = i;
            }
        }
        is_far[found] = true;
        assert_false(holds(&rig, found, 1000));
    }
    assert_int_equal(rig.values.n, SMALL);
    rig_finish(&rig);
}

static void own_values_never_make_room(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig.limits.values = SMALL;
    rig_restart(&rig, true);
    unsigned furthest = furthest_of(&rig, 0, SMALL);
    for (unsigned i = 0; i < SMALL; i++) {
        assert_int_equal(put(&rig, i, 1, i == furthest, 1000), DBR_DHT_VALUE_NEWER);
    }
    for (unsigned i = SMALL; i < 2 * SMALL - 1; i++) {
        assert_int_equal(put(&rig, i, 1, true, 1000), DBR_DHT_VALUE_NEWER);
    }
    assert_true(holds(&rig, furthest, 1000));
    assert_int_equal(put(&rig, 50, 1, true, 1000), DBR_DHT_VALUE_NO_ROOM);
    assert_int_equal(put(&rig, 51, 1, false, 1000), DBR_DHT_VALUE_NO_ROOM);
    assert_int_equal(put(&rig, furthest, 2, false, 1000), DBR_DHT_VALUE_NEWER);
    rig_finish(&rig);
}

static void without_our_place_what_ends_first_goes_first(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig.limits.values = SMALL;
    rig_restart(&rig, false);
    for (unsigned i = 0; i < 3 * SMALL; i++) {
        assert_int_equal(put(&rig, i, 1, false, 1000 + i), DBR_DHT_VALUE_NEWER);
    }
    for (unsigned i = 0; i < 3 * SMALL; i++) {
        assert_int_equal(holds(&rig, i, 2000), i >= 2 * SMALL);
    }
    rig_finish(&rig);
}

static void bytes_have_a_limit(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    size_t one = key_number(&rig, 1).len + seal(&rig, 1, 1, WALL).len;
    rig.limits.bytes = (uint32_t)(3 * one);
    rig_restart(&rig, false);
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(put(&rig, i, 1, false, 1000 + i), DBR_DHT_VALUE_NEWER);
        assert_true(rig.values.n_bytes <= rig.limits.bytes);
    }
    assert_int_equal(rig.values.n, 3);
    static uint8_t large[1000];
    dbr_buf_clear(&rig.bytes);
    assert_int_equal(dbr_dht_envelope_seal(&rig.bytes, &rig.signer, key_number(&rig, 7),
                                           2, WALL, dbr_bytes(large, sizeof(large))),
                     0);
    assert_int_equal(dbr_dht_values_put(&rig.values, key_number(&rig, 7),
                                        dbr_bytes(rig.bytes.data, rig.bytes.len), false,
                                        0, WALL),
                     DBR_DHT_VALUE_NO_ROOM);
    assert_int_equal(rig.values.n, 3); /* nothing went for nothing */
    rig_finish(&rig);
}

/* One that grows in its place is measured as it is, and may need others' room. */
static void a_value_that_grows_is_counted(void **state)
{
    (void)state;
    static uint8_t large[1000];
    struct rig rig;
    rig_init(&rig);
    size_t one = key_number(&rig, 1).len + seal(&rig, 1, 1, WALL).len;
    rig.limits.bytes = (uint32_t)(3 * one + 1000);
    rig_restart(&rig, false);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(put(&rig, i, 1, false, 1000 + i), DBR_DHT_VALUE_NEWER);
    }
    for (uint64_t version = 2; version < 4; version++) {
        size_t len = version == 2 ? sizeof(large) : 5;
        dbr_buf_clear(&rig.bytes);
        assert_int_equal(dbr_dht_envelope_seal(&rig.bytes, &rig.signer,
                                               key_number(&rig, 3), version,
                                               WALL + 1000 * HOUR, dbr_bytes(large, len)),
                         0);
        assert_int_equal(dbr_dht_values_put(&rig.values, key_number(&rig, 3),
                                            dbr_bytes(rig.bytes.data, rig.bytes.len),
                                            false, 2000, WALL + 2000),
                         DBR_DHT_VALUE_NEWER);
        assert_int_equal(rig.values.n, 3); /* the first has made room */
        assert_int_equal(rig.values.n_bytes, 3 * one + (version == 2 ? 995 : 0));
    }
    rig_finish(&rig);
}

static void a_writer_has_a_share(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig.limits.per_writer = 3;
    rig_restart(&rig, true);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(put(&rig, i, 1, false, 1000),
                         i < 3 ? DBR_DHT_VALUE_NEWER : DBR_DHT_VALUE_NO_ROOM);
    }
    assert_int_equal(put(&rig, 0, 2, false, 1000), DBR_DHT_VALUE_NEWER);
    assert_int_equal(put(&rig, 5, 1, true, 1000), DBR_DHT_VALUE_NEWER);
    rig.pair = writer_of(2);
    assert_int_equal(put(&rig, 0, 1, false, 1000), DBR_DHT_VALUE_NEWER);
    dbr_dht_values_expire(&rig.values, 1000 + 48 * HOUR);
    rig.pair = writer_of(1);
    assert_int_equal(put(&rig, 6, 1, false, 1000 + 48 * HOUR), DBR_DHT_VALUE_NEWER);
    rig_finish(&rig);
}

/* Writer 1 has one value, the furthest; then 2 comes with as many as it likes: it fills
 * what is empty and drives out nobody but itself. A third writer gets its places from 2,
 * who has most, until both have as many; and so does the first with a second value. */
static void many_values_of_one_drive_out_nobody_elses(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig.limits.values = SMALL;
    rig_restart(&rig, true);
    unsigned furthest = furthest_of(&rig, 0, 50);
    assert_int_equal(put(&rig, furthest, 1, false, 1000), DBR_DHT_VALUE_NEWER);
    struct dbr_peer_id writers[4];
    for (uint8_t i = 1; i < 4; i++) {
        struct dbr_keypair pair = writer_of(i);
        dbr_peer_id_from_key(&writers[i], pair.public_key);
    }
    rig.pair = writer_of(2);
    for (unsigned i = 0; i < 200; i++) {
        (void)put(&rig, i, 1, false, 1000);
    }
    assert_int_equal(dbr_dht_shares_of(&rig.values.writers, &writers[2]), SMALL - 1);
    assert_true(rig.values.evicted > 0);
    rig.pair = writer_of(3);
    for (unsigned i = 0; i < 200; i++) {
        (void)put(&rig, i, 1, false, 1000);
    }
    assert_in_range(dbr_dht_shares_of(&rig.values.writers, &writers[3]), 3, 4);
    assert_in_range(dbr_dht_shares_of(&rig.values.writers, &writers[2]), 3, 4);
    rig.pair = writer_of(1);
    assert_true(holds(&rig, furthest, 1000));
    assert_int_equal(put(&rig, furthest_of(&rig, 50, 99), 1, false, 1000),
                     DBR_DHT_VALUE_NEWER);
    assert_int_equal(dbr_dht_shares_of(&rig.values.writers, &writers[1]), 2);
    assert_int_equal(rig.values.n, SMALL);
    rig_finish(&rig);
}

/* What a table on disk holds after it was told everything. */
struct disk {
    struct dbr_dht_row rows[32];
    struct dbr_buf bytes[32];
    size_t n;
};

static void disk_remove(struct disk *disk, debros_bytes key)
{
    for (size_t i = 0; i < disk->n; i++) {
        if (dbr_bytes_equal(disk->rows[i].key, key)) {
            dbr_buf_finish(&disk->bytes[i]);
            disk->n--;
            disk->rows[i] = disk->rows[disk->n];
            disk->bytes[i] = disk->bytes[disk->n];
            return;
        }
    }
}

static void disk_learn(struct disk *disk, struct dbr_dht_values *values)
{
    struct dbr_dht_row row;
    while (dbr_dht_values_poll(values, &row)) {
        while (row.type == DBR_DHT_ROW_CLEAR && disk->n > 0) {
            disk_remove(disk, disk->rows[0].key);
        }
        if (row.type == DBR_DHT_ROW_CLEAR) {
            continue;
        }
        disk_remove(disk, row.key);
        if (row.type == DBR_DHT_ROW_PUT) {
            struct dbr_buf *buf = &disk->bytes[disk->n];
            assert_true(disk->n < DBR_COUNT(disk->rows));
            *buf = (struct dbr_buf){0};
            dbr_buf_add(buf, row.key.data, row.key.len);
            dbr_buf_add(buf, row.value.data, row.value.len);
            disk->rows[disk->n] = row;
            disk->rows[disk->n].key = dbr_bytes(buf->data, row.key.len);
            disk->rows[disk->n].value = dbr_bytes(buf->data + row.key.len, row.value.len);
            disk->n++;
        }
    }
}

static void a_restart_loses_nothing(void **state)
{
    (void)state;
    for (uint32_t gone = 0; gone < 3; gone++) { /* with and without clearing the table */
        struct rig rig;
        struct disk disk = {.n = 0};
        struct dbr_dht_row row;
        rig_init(&rig);
        rig.limits.gone = gone;
        rig.limits.values = SMALL;
        rig_restart(&rig, true);
        for (unsigned i = 0; i < 30; i++) {
            put(&rig, i, 1, i == 5, 1000 + i);
            if (i % 7 == 0) {
                disk_learn(&disk, &rig.values);
            }
        }
        assert_true(dbr_dht_values_remove(&rig.values, key_number(&rig, 5)));
        assert_int_equal(put(&rig, 6, 9, true, 1000), DBR_DHT_VALUE_NEWER);
        disk_learn(&disk, &rig.values);
        assert_int_equal(disk.n, rig.values.n);
        assert_false(dbr_dht_values_poll(&rig.values, &row));
        /* One hour later, by a clock that begins anew. */
        rig_restart(&rig, true);
        for (size_t i = 0; i < disk.n; i++) {
            assert_int_equal(
                dbr_dht_values_load(&rig.values, &disk.rows[i], 5, WALL + 1000 + HOUR),
                DBR_DHT_VALUE_NEWER);
        }
        assert_false(dbr_dht_values_poll(&rig.values, &row)); /* it is all there */
        assert_int_equal(rig.values.n, disk.n);
        assert_int_equal(dbr_dht_values_deadline(&rig.values), 5 + 21 * HOUR);
        dbr_dht_values_expire(&rig.values, 5 + 48 * HOUR);
        assert_int_equal(rig.values.n, 1);
        while (disk.n > 0) {
            disk_remove(&disk, disk.rows[0].key);
        }
        rig_finish(&rig);
    }
}

static void assert_balanced(const struct rig *rig, const struct disk *disk)
{
    const struct dbr_dht_value *value;
    const struct dbr_dht_value *tmp;
    size_t n = 0;
    size_t n_bytes = 0;
    size_t others = 0;
    HASH_ITER(hh, rig->values.table, value, tmp)
    {
        n++;
        n_bytes += value->key.len + value->value.len;
        others += value->own ? 0 : 1;
        assert_true(rig->values.next <= value->until);
        assert_true(rig->values.next <= value->republish);
    }
    assert_int_equal(n, rig->values.n);
    assert_int_equal(n_bytes, rig->values.n_bytes);
    assert_true(n <= rig->limits.values && n_bytes <= rig->limits.bytes);
    for (uint8_t writer = 1; writer <= 3; writer++) {
        struct dbr_keypair pair = writer_of(writer);
        struct dbr_peer_id id;
        dbr_peer_id_from_key(&id, pair.public_key);
        size_t share = dbr_dht_shares_of(&rig->values.writers, &id);
        assert_true(share <= rig->limits.per_writer);
        others -= share;
    }
    assert_int_equal(others, 0);
    assert_int_equal(disk->n, n);
    for (size_t i = 0; i < disk->n; i++) {
        HASH_FIND(hh, rig->values.table, disk->rows[i].key.data, disk->rows[i].key.len,
                  value);
        assert_non_null(value);
        assert_true(dbr_bytes_equal(value->value, disk->rows[i].value));
        assert_int_equal(value->own, disk->rows[i].own);
        assert_int_equal(value->received_ms, disk->rows[i].received_ms);
    }
}

/* After whatever happened, the sums are right and the disk has learnt it. */
static void everything_adds_up(void **state)
{
    (void)state;
    struct rig rig;
    struct disk disk = {.n = 0};
    struct dbr_rng rng;
    dbr_time now = 1000;
    dbr_rng_seed(&rng, 7);
    rig_init(&rig);
    rig.limits.values = SMALL;
    rig.limits.bytes = 1600;
    rig.limits.per_writer = 4;
    rig.limits.gone = 3;
    rig_restart(&rig, true);
    for (int i = 0; i < 5000; i++) {
        uint64_t dice = dbr_rng_below(&rng, 100);
        unsigned number = (unsigned)dbr_rng_below(&rng, 8);
        rig.pair = writer_of((uint8_t)(1 + dbr_rng_below(&rng, 3)));
        if (dice < 80) {
            put(&rig, number, dbr_rng_below(&rng, 1000), dice < 3, now);
        } else if (dice < 90) {
            dbr_dht_values_remove(&rig.values, key_number(&rig, number));
        } else if (dice < 95) {
            now += dbr_rng_below(&rng, 30 * HOUR);
            dbr_dht_values_expire(&rig.values, now);
        } else {
            while (dbr_dht_values_due(&rig.values, now, WALL + now) != NULL) {
            }
        }
        if (dice % 3 == 0) {
            disk_learn(&disk, &rig.values);
            assert_balanced(&rig, &disk);
        }
    }
    assert_true(rig.values.evicted > 100);
    while (disk.n > 0) {
        disk_remove(&disk, disk.rows[0].key);
    }
    rig_finish(&rig);
}

static void a_row_that_is_no_good_is_deleted(void **state)
{
    (void)state;
    struct rig rig;
    struct dbr_dht_row row;
    rig_init(&rig);
    struct dbr_dht_row damaged = {.value = seal(&rig, 1, 1, WALL + HOUR),
                                  .received_ms = WALL};
    damaged.key = key_number(&rig, 2);
    assert_int_equal(dbr_dht_values_load(&rig.values, &damaged, 0, WALL),
                     DBR_DHT_VALUE_FORGED);
    assert_true(dbr_dht_values_poll(&rig.values, &row));
    assert_int_equal(row.type, DBR_DHT_ROW_DELETE);
    assert_true(dbr_bytes_equal(row.key, damaged.key));
    assert_false(dbr_dht_values_poll(&rig.values, &row));
    struct dbr_dht_row old = {.value = seal(&rig, 2, 1, WALL + 1000 * HOUR),
                              .received_ms = WALL,
                              .key = key_number(&rig, 2)};
    assert_int_equal(dbr_dht_values_load(&rig.values, &old, 0, WALL + 48 * HOUR),
                     DBR_DHT_VALUE_EXPIRED);
    assert_true(dbr_dht_values_poll(&rig.values, &row));
    assert_int_equal(row.type, DBR_DHT_ROW_DELETE);
    rig_finish(&rig);
}

static void short_memory_is_an_answer(void **state)
{
    (void)state;
    for (size_t n = 0;; n++) {
        struct rig rig;
        rig_init(&rig);
        assert_int_equal(put(&rig, 1, 1, false, 1000), DBR_DHT_VALUE_NEWER);
        debros_bytes bytes = seal(&rig, 1, 2, WALL + HOUR);
        debros_bytes key = key_number(&rig, 1);
        fault_after(n);
        enum dbr_dht_verdict verdict =
            dbr_dht_values_put(&rig.values, key, bytes, false, 1000, WALL);
        bool failed = fault_off();
        assert_true(holds(&rig, 1, 1000)); /* the old one or the new one */
        bytes = seal(&rig, 2, 1, WALL + HOUR);
        key = key_number(&rig, 2);
        fault_after(n);
        enum dbr_dht_verdict other =
            dbr_dht_values_put(&rig.values, key, bytes, false, 1000, WALL);
        failed = fault_off() || failed;
        assert_int_equal(holds(&rig, 2, 1000), other == DBR_DHT_VALUE_NEWER);
        rig_finish(&rig);
        if (!failed) {
            assert_int_equal(verdict, DBR_DHT_VALUE_NEWER);
            assert_int_equal(other, DBR_DHT_VALUE_NEWER);
            break;
        }
        assert_true(verdict == DBR_DHT_VALUE_NO_MEMORY ||
                    other == DBR_DHT_VALUE_NO_MEMORY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_held_until_its_end),
        cmocka_unit_test(an_older_one_comes_in_once_the_held_one_is_over),
        cmocka_unit_test(own_values_are_published_again),
        cmocka_unit_test(the_furthest_makes_room_and_what_is_further_stays_out),
        cmocka_unit_test(own_values_never_make_room),
        cmocka_unit_test(without_our_place_what_ends_first_goes_first),
        cmocka_unit_test(bytes_have_a_limit),
        cmocka_unit_test(a_value_that_grows_is_counted),
        cmocka_unit_test(a_writer_has_a_share),
        cmocka_unit_test(many_values_of_one_drive_out_nobody_elses),
        cmocka_unit_test(a_restart_loses_nothing),
        cmocka_unit_test(everything_adds_up),
        cmocka_unit_test(a_row_that_is_no_good_is_deleted),
        cmocka_unit_test(short_memory_is_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
