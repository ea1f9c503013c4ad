#include "bench.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static struct dbr_name name_of(const char *text, uint8_t ip_version, uint16_t port)
{
    struct dbr_name name = {.ip_version = ip_version, .port = port};
    memcpy(name.text, text, strlen(text) + 1);
    return name;
}

static bool step_connected(struct bench *bench)
{
    return bench_conn(bench, 2)->dialed && bench_accepted(bench) != NULL;
}

static bool step_failed(struct bench *bench)
{
    return bench_conn(bench, 2)->dial_failed;
}

static uint16_t listen_on(struct bench *bench, bool ip6)
{
    struct dbr_endpoint endpoint = {.is_ip6 = ip6, .ip = {127, 0, 0, 1}};
    if (ip6) {
        memset(endpoint.ip, 0, 16);
        endpoint.ip[15] = 1;
    }
    assert_int_equal(dbr_tcp_listen(bench->loop, &endpoint, NULL), 0);
    return endpoint.port;
}

static void localhost_is_found_in_each_way(void **state)
{
    (void)state;
    for (uint8_t version = 0; version <= 4; version += 4) {
        struct bench bench;
        bench_init(&bench, step_connected);
        struct dbr_name name = name_of("localhost", version, listen_on(&bench, false));
        dbr_tcp_dial_name(bench.loop, 2, &name);
        bench_run(&bench);
        assert_true(dbr_endpoint_is_loopback(&bench_accepted(&bench)->remote));
        assert_false(bench_accepted(&bench)->remote.is_ip6);
        bench_finish(&bench);
    }
}

/* "::1" is a name to the resolver, and the only way to IPv6 that every machine has. */
static void ip6_is_found_and_asked_for(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, step_connected);
    struct dbr_name name = name_of("::1", 6, listen_on(&bench, true));
    dbr_tcp_dial_name(bench.loop, 2, &name);
    bench_run(&bench);
    assert_true(bench_accepted(&bench)->remote.is_ip6);
    bench_finish(&bench);
    bench_init(&bench, step_failed);
    name = name_of("127.0.0.1", 6, 1); /* not what was asked for */
    dbr_tcp_dial_name(bench.loop, 2, &name);
    bench_run(&bench);
    assert_non_null(strstr(bench_conn(&bench, 2)->detail, "no such host \"127.0.0.1\""));
    bench_finish(&bench);
}

static void a_name_that_cannot_be_says_so(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, step_failed);
    /* Two dots in a row: no resolver asks anybody for it. */
    struct dbr_name name = name_of("no..such..host", 0, 4001);
    dbr_tcp_dial_name(bench.loop, 2, &name);
    bench_run(&bench);
    assert_non_null(
        strstr(bench_conn(&bench, 2)->detail, "no such host \"no..such..host\""));
    assert_false(bench_conn(&bench, 2)->dialed);
    bench_finish(&bench);
}

/* A port where nobody listens. */
static void a_host_that_refuses_says_so(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, step_failed);
    uint16_t port = listen_on(&bench, false);
    dbr_tcp_stop_listening(bench.loop);
    struct dbr_name name = name_of("localhost", 0, port);
    dbr_tcp_dial_name(bench.loop, 2, &name);
    bench_run(&bench);
    assert_non_null(strstr(bench_conn(&bench, 2)->detail, "connection refused"));
    bench_finish(&bench);
}

static bool step_closed(struct bench *bench)
{
    if (bench->phase++ == 0) {
        struct dbr_name name = name_of("localhost", 0, 1);
        dbr_tcp_dial_name(bench->loop, 2, &name);
        dbr_tcp_dial_name(bench->loop, 4, &name);
        dbr_tcp_close(bench->loop, 2); /* while it is resolved */
        bench->wake = dbr_time_add(dbr_loop_now(), 50);
        return false;
    }
    return bench_conn(bench, 4)->dial_failed;
}

static void a_closed_dial_is_told_no_more(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, step_closed);
    bench.wake = 0;
    bench_run(&bench);
    assert_false(bench_conn(&bench, 2)->dial_failed);
    assert_false(bench_conn(&bench, 2)->dialed);
    bench_finish(&bench);
}

static bool step_at_once(struct bench *bench)
{
    struct dbr_name name = name_of("localhost", 0, 1);
    for (uint64_t id = 2; id < 12; id += 2) {
        dbr_tcp_dial_name(bench->loop, id, &name);
    }
    return true;
}

static void a_loop_ends_while_names_are_resolved(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, step_at_once);
    bench.wake = 0;
    bench_run(&bench);
    bench_finish(&bench);
}

/* "two.test" has 127.0.0.2 first, then 127.0.0.1: see resolver.c. */
static void the_next_address_is_dialed_when_one_refuses(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, step_connected);
    struct dbr_name name = name_of("two.test", 0, listen_on(&bench, false));
    dbr_tcp_dial_name(bench.loop, 2, &name);
    bench_run(&bench);
    bench_finish(&bench);
    bench_init(&bench, step_failed);
    dbr_tcp_dial_name(bench.loop, 2, &name); /* nobody listens any more */
    bench_run(&bench);
    assert_string_equal(bench_conn(&bench, 2)->detail,
                        "none of 2 addresses of two.test answers: connection refused");
    bench_finish(&bench);
}

/* Its queue of new connections is full: it answers no more. */
static int make_silent(int fds[4], uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 0), 0);
    for (int i = 0; i < 4; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        assert_true(fds[i] >= 0);
        (void)connect(fds[i], (struct sockaddr *)&address, sizeof(address));
    }
    return fd;
}

static void a_silent_address_gives_way_in_time(void **state)
{
    (void)state;
    struct bench bench;
    int fds[4];
    bench_init(&bench, step_connected);
    uint16_t port = listen_on(&bench, false);
    int silent = make_silent(fds, port);
    struct dbr_name name = name_of("two.test", 0, port);
    bench.wake = 0;
    dbr_tcp_dial_name(bench.loop, 2, &name);
    bench_run(&bench);
    assert_false(bench_conn(&bench, 2)->dial_failed);
    bench_finish(&bench);
    for (int i = 0; i < 4; i++) {
        close(fds[i]);
    }
    close(silent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(localhost_is_found_in_each_way),
        cmocka_unit_test(ip6_is_found_and_asked_for),
        cmocka_unit_test(a_name_that_cannot_be_says_so),
        cmocka_unit_test(a_host_that_refuses_says_so),
        cmocka_unit_test(a_closed_dial_is_told_no_more),
        cmocka_unit_test(a_loop_ends_while_names_are_resolved),
        cmocka_unit_test(the_next_address_is_dialed_when_one_refuses),
        cmocka_unit_test(a_silent_address_gives_way_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
