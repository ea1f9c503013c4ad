#include "api/identity.h"

#include <stdio.h>
#include <sys/stat.h>

#include "crypto/system.h"
#include "harness.h"

static struct harness_folder folder;

static int set_up(void **state)
{
    (void)state;
    harness_folder_make(&folder);
    return dbr_crypto_init();
}

static int tear_down(void **state)
{
    (void)state;
    harness_folder_remove(&folder);
    return 0;
}

static void write_file(const char *path, const void *data, size_t len)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    fclose(file);
}

static void a_key_is_made_once_and_kept(void **state)
{
    (void)state;
    struct dbr_rng rng;
    struct dbr_keypair first, second;
    struct stat st;
    const char *path = harness_path(&folder, "a.key");
    dbr_rng_system(&rng);
    assert_int_equal(dbr_identity_load_or_create(&first, path, &rng, NULL), 0);
    assert_int_equal(dbr_identity_load_or_create(&second, path, &rng, NULL), 0);
    assert_memory_equal(&first, &second, sizeof(first));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, 68);
}

static void a_file_is_never_replaced(void **state)
{
    (void)state;
    struct dbr_rng rng;
    struct dbr_keypair keypair;
    debros_detail detail;
    struct stat st;
    const char *path = harness_path(&folder, "damaged.key");
    dbr_rng_seed(&rng, 1);
    dbr_keypair_generate(&keypair, &rng);
    write_file(path, "not a key", 9);
    assert_int_equal(dbr_identity_save(&keypair, path, &detail), DEBROS_EEXISTS);
    assert_int_equal(dbr_identity_load_or_create(&keypair, path, &rng, &detail),
                     DEBROS_EINVAL);
    assert_non_null(strstr(detail.text, "damaged.key' is damaged"));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 9);
}

static void the_public_call_tells_the_peer_id(void **state)
{
    (void)state;
    struct dbr_rng rng;
    struct dbr_keypair keypair;
    debros_detail detail;
    char peer_id[64];
    const char *path = harness_path(&folder, "b.key");
    dbr_rng_system(&rng);
    assert_int_equal(debros_identity_read(path, peer_id, &detail), DEBROS_ENOTFOUND);
    assert_non_null(strstr(detail.text, "b.key"));
    assert_int_equal(dbr_identity_load_or_create(&keypair, path, &rng, NULL), 0);
    assert_int_equal(debros_identity_read(path, peer_id, &detail), 0);
    assert_memory_equal(peer_id, "12D3KooW", 8);
    assert_int_equal(debros_identity_read(NULL, peer_id, &detail), DEBROS_EINVAL);
}

static void a_folder_that_is_missing_is_an_error(void **state)
{
    (void)state;
    struct dbr_rng rng;
    struct dbr_keypair keypair;
    dbr_rng_system(&rng);
    assert_int_equal(dbr_identity_load_or_create(
                         &keypair, harness_path(&folder, "none/c.key"), &rng, NULL),
                     DEBROS_ENOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_made_once_and_kept),
        cmocka_unit_test(a_file_is_never_replaced),
        cmocka_unit_test(the_public_call_tells_the_peer_id),
        cmocka_unit_test(a_folder_that_is_missing_is_an_error),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
