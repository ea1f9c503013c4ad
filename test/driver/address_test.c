#include "driver/address.h"

#include <netinet/in.h>

#include "test.h"

static void endpoints_survive_the_way_there_and_back(void **state)
{
    (void)state;
    struct dbr_endpoint in[] = {
        {.ip = {192, 0, 2, 7}, .port = 4001},
        {.is_ip6 = true, .ip = {0x20, 0x01, 0x0d, 0xb8, [15] = 9}, .port = 65535},
    };
    const char *texts[] = {"192.0.2.7", "2001:db8::9"};
    for (size_t i = 0; i < DBR_COUNT(in); i++) {
        struct sockaddr_storage address;
        struct dbr_endpoint out;
        char text[DBR_ADDRESS_TEXT_SIZE];
        dbr_address_from_endpoint(&address, &in[i]);
        assert_true(dbr_address_to_endpoint(&out, (const struct sockaddr *)&address));
        assert_int_equal(out.is_ip6, in[i].is_ip6);
        assert_int_equal(out.port, in[i].port);
        assert_memory_equal(out.ip, in[i].ip, 16);
        assert_string_equal(dbr_address_ip_text(&out, text), texts[i]);
    }
}

static void other_families_are_refused(void **state)
{
    (void)state;
    struct sockaddr_storage address = {.ss_family = AF_UNIX};
    struct dbr_endpoint out;
    assert_false(dbr_address_to_endpoint(&out, (const struct sockaddr *)&address));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endpoints_survive_the_way_there_and_back),
        cmocka_unit_test(other_families_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
