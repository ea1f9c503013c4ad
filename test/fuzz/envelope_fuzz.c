/* Signed values of the DHT. Input: a byte, that many bytes of a key, then the value. In
 * fuzz builds 64 times 'F' is a signature of every key: see crypto/keypair.c. */
#include "base/reader.h"
#include "crypto/system.h"
#include "dht/envelope.h"
#include "fuzz.h"

/* There is one encoding of what it says. */
static void write_again(const struct dbr_dht_envelope *e, debros_bytes bytes)
{
    struct dbr_buf out = {0};
    dbr_buf_u8(&out, 1);
    dbr_buf_add(&out, e->writer, sizeof(e->writer));
    dbr_buf_le64(&out, e->version);
    dbr_buf_le64(&out, e->expires_ms);
    dbr_buf_add(&out, e->signature, sizeof(e->signature));
    dbr_buf_add(&out, e->value.data, e->value.len);
    dbr_assert(dbr_bytes_equal(dbr_bytes(out.data, out.len), bytes));
    dbr_buf_finish(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dbr_dht_signer signer;
    struct dbr_dht_rules rules = {dbr_dht_kinds, DBR_DHT_KINDS, &signer};
    struct dbr_dht_envelope e;
    struct dbr_reader r;
    debros_bytes kind;
    debros_bytes name;
    dbr_assert(dbr_crypto_init() == 0);
    dbr_dht_signer_init(&signer, NULL);
    dbr_reader_init(&r, dbr_bytes(data, size));
    size_t len = dbr_reader_u8(&r);
    len = len < dbr_reader_left(&r) ? len : dbr_reader_left(&r);
    debros_bytes key = dbr_reader_bytes(&r, len);
    debros_bytes bytes = dbr_reader_bytes(&r, dbr_reader_left(&r));
    if (dbr_dht_envelope_decode(&e, bytes) == 0) {
        write_again(&e, bytes);
    }
    enum dbr_dht_verdict verdict =
        dbr_dht_envelope_judge(&e, &rules, key, bytes, dbr_bytes(NULL, 0), 1000);
    if (dbr_dht_verdict_is_good(verdict)) {
        dbr_assert(dbr_dht_key_split(key, &kind, &name));
        dbr_assert(e.value.len <= DBR_DHT_CONTENT_MAX);
        dbr_assert(dbr_dht_envelope_judge(&e, &rules, key, bytes, bytes, 1000) ==
                   DBR_DHT_VALUE_SAME);
    }
    return 0;
}
