#include "test.h"

#include "dht/records.h"
#include "peers.h"
#include "values.h"

static void a_peer_may_put_so_often_and_no_more(void **state)
{
    (void)state;
    struct dbr_keypair pair = writer_of(1);
    struct dbr_dht_signer signer = {toy_sign, toy_verify, &pair};
    struct dbr_dht_rules rules = {dbr_dht_kinds, DBR_DHT_KINDS, &signer};
    struct dbr_dht_records_limits limits;
    struct dbr_dht_records records;
    struct dbr_peer_id self = peer_of(1);
    struct dbr_peer_id from = peer_of(2);
    struct dbr_peer_id other = peer_of(3);
    struct dbr_buf out = {0};
    char text[256];
    debros_bytes key = key_with(text, "/debros/app/", &pair, "/x");
    dbr_dht_records_limits_default(&limits);
    assert_int_equal(limits.values.values, 1024);
    assert_int_equal(limits.providers.keys, 1024);
    dbr_dht_records_init(&records, &limits, &rules, &self);
    assert_int_equal(
        dbr_dht_envelope_seal(&out, &signer, key, 1, WALL + HOUR, dbr_bytes_str("value")),
        0);
    debros_bytes value = dbr_bytes(out.data, out.len);
    assert_int_equal(dbr_dht_records_put(&records, &from, key, value, 0, WALL),
                     DBR_DHT_VALUE_NEWER);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(dbr_dht_records_put(&records, &from, key, value, 0, WALL),
                         DBR_DHT_VALUE_SAME);
    }
    for (int i = 0; i < 12; i++) {
        enum dbr_dht_verdict verdict =
            dbr_dht_records_provide(&records, &from, key, 0, WALL);
        assert_int_equal(verdict, i == 0  ? DBR_DHT_VALUE_NEWER
                                  : i < 9 ? DBR_DHT_VALUE_SAME
                                          : DBR_DHT_VALUE_TOO_OFTEN);
    }
    assert_int_equal(dbr_dht_records_put(&records, &from, key, value, 0, WALL),
                     DBR_DHT_VALUE_TOO_OFTEN);
    assert_int_equal(dbr_dht_records_put(&records, &other, key, value, 0, WALL),
                     DBR_DHT_VALUE_SAME);
    assert_int_equal(records.stats.values[DBR_DHT_VALUE_TOO_OFTEN], 1);
    assert_int_equal(records.stats.values[DBR_DHT_VALUE_SAME], 11);
    assert_int_equal(records.stats.providers[DBR_DHT_VALUE_TOO_OFTEN], 3);
    dbr_time first = HOUR + DBR_DHT_CLOCK_SKEW_MS;
    assert_int_equal(dbr_dht_records_deadline(&records), first);
    dbr_dht_records_expire(&records, 48 * HOUR);
    assert_int_equal(dbr_dht_records_deadline(&records), DBR_TIME_NEVER);
    dbr_dht_records_finish(&records);
    dbr_buf_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_peer_may_put_so_often_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
