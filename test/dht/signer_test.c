#include "test.h"

#include "dht/signer.h"
#include "values.h"

static void what_it_signs_it_takes(void **state)
{
    (void)state;
    struct dbr_keypair own = writer_of(1);
    struct dbr_keypair other = writer_of(2);
    struct dbr_dht_signer signer;
    struct dbr_dht_signer checker;
    uint8_t signature[DBR_SIGNATURE_SIZE];
    debros_bytes text = dbr_bytes_str("text");
    dbr_dht_signer_init(&signer, &own);
    dbr_dht_signer_init(&checker, NULL);
    signer.sign(&signer, signature, text);
    assert_true(checker.verify(&checker, signature, text, own.public_key));
    assert_false(checker.verify(&checker, signature, text, other.public_key));
    assert_false(
        checker.verify(&checker, signature, dbr_bytes_str("texT"), own.public_key));
    signature[63] ^= 1;
    assert_false(checker.verify(&checker, signature, text, own.public_key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_signs_it_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
