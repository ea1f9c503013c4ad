#include "fixture.h"

#include "cluster/message.h"

/* The wire of a hello, byte by byte: id 7, field 2 empty. It must never change. */
static void hello_on_the_wire(void **state)
{
    struct dbr_cluster_frame frame = {.id = 7, .kind = DBR_CLUSTER_HELLO};
    struct dbr_buf bytes = {0};
    (void)state;
    dbr_cluster_frame_encode(&bytes, &frame);
    assert_bytes_hex(bytes, "0807 1200");
    dbr_buf_finish(&bytes);
}

static void call_on_the_wire(void **state)
{
    struct dbr_cluster_frame frame = {
        .id = 1, .kind = DBR_CLUSTER_CALL, .call = 2, .target = "ab", .timeout_ms = 300};
    struct dbr_buf bytes = {0};
    (void)state;
    dbr_cluster_frame_encode(&bytes, &frame);
    assert_bytes_hex(bytes, "0801 3209 0802 12026162 20ac02");
    dbr_buf_finish(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello_on_the_wire),
        cmocka_unit_test(call_on_the_wire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
