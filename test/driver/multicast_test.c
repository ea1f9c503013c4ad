/* On this machine alone: the port is one that nobody has. */
#include "driver/multicast.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

#define LOOK_MS 200
#define FLOOD   200 /* what a queue of the kernel holds */

static char words[8][300];
static size_t n_words;

static void on_log(void *data, const debros_log_record *record, const char *key)
{
    (void)data;
    (void)key;
    if (n_words < DBR_COUNT(words)) {
        snprintf(words[n_words++], sizeof(words[0]), "%d %s", (int)record->level,
                 record->message);
    }
}

static const struct dbr_logger logger = {DEBROS_LOG_INFO, on_log, NULL};

/* An UDP socket of another program; port 0: any. */
static int other_socket(uint16_t *port, bool shares)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(*port)};
    socklen_t len = sizeof(at);
    int on = 1;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_true(fd >= 0);
    if (shares) {
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
    }
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

static uint16_t free_port(void)
{
    uint16_t port = 0;
    close(other_socket(&port, false));
    return port;
}

static void send_to(int fd, const char *ip, uint16_t port, const char *text)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    assert_int_equal(inet_pton(AF_INET, ip, &to.sin_addr), 1);
    assert_int_equal(
        sendto(fd, text, strlen(text), 0, (struct sockaddr *)&to, sizeof(to)),
        strlen(text));
}

static void begin(struct bench *bench, uint16_t port, bool (*step)(struct bench *bench))
{
    struct dbr_multicast_config config;
    dbr_multicast_config_default(&config);
    assert_int_equal(config.port, 5353);
    config.port = port;
    config.look_ms = LOOK_MS;
    config.logger = &logger;
    n_words = 0;
    bench_init(bench, step);
    assert_int_equal(dbr_multicast_open(bench->loop, &config), 0);
}

static bool until_heard(struct bench *bench)
{
    bench->wake = dbr_time_add(dbr_loop_now(), 20);
    return bench->packets.n > 0;
}

/* The two ways to send. */
static void what_is_sent_comes_back(void **state)
{
    (void)state;
    for (int same_host = 0; same_host <= 1; same_host++) {
        struct bench bench;
        begin(&bench, free_port(), until_heard);
        dbr_multicast_send(bench.loop, dbr_bytes_str("hello"), same_host == 1);
        bench_run(&bench);
        assert_string_equal(bench.packets.last, "hello");
        assert_int_equal(bench.packets.n_same_host, bench.packets.n);
        assert_int_equal(n_words, 0);
        assert_int_equal(bench.packets.n_changes, 0);
        bench_finish(&bench);
    }
}

/* The lie, which loopback does not delay, has had time enough. */
static bool until_the_truth(struct bench *bench)
{
    bench->wake = dbr_time_add(dbr_loop_now(), 20);
    if (bench->n_ticks == 10) {
        assert_int_equal(bench->packets.n, 0);
        dbr_multicast_send(bench->loop, dbr_bytes_str("true"), true);
    }
    return bench->packets.n > 0;
}

/* RFC 6762 section 11: whoever answers has the port. */
static void another_source_port_is_not_heard(void **state)
{
    (void)state;
    struct bench bench;
    uint16_t port = free_port();
    uint16_t any = 0;
    begin(&bench, port, until_the_truth);
    int liar = other_socket(&any, false);
    struct in_addr loopback = {.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(setsockopt(liar, IPPROTO_IP, IP_MULTICAST_IF, &loopback,
                                sizeof(loopback)),
                     0);
    send_to(liar, "224.0.0.251", port, "a lie");
    bench_run(&bench);
    assert_string_equal(bench.packets.last, "true");
    close(liar);
    bench_finish(&bench);
}

static bool count_flood(struct bench *bench)
{
    size_t *before = bench->data;
    assert_in_range(bench->packets.n - *before, 0, DBR_MULTICAST_READS);
    bench->phase += bench->packets.n > *before;
    *before = bench->packets.n;
    bench->wake = dbr_time_add(dbr_loop_now(), 20);
    return strcmp(bench->packets.last, "last") == 0;
}

static void a_flood_is_read_in_turns(void **state)
{
    (void)state;
    struct bench bench;
    uint16_t port = free_port();
    size_t before = 0;
    struct in_addr loopback = {.s_addr = htonl(INADDR_LOOPBACK)};
    int other = other_socket(&port, true);
    assert_int_equal(setsockopt(other, IPPROTO_IP, IP_MULTICAST_IF, &loopback,
                                sizeof(loopback)),
                     0);
    begin(&bench, port, count_flood);
    bench.data = &before;
    for (int i = 0; i < FLOOD - 1; i++) {
        send_to(other, "224.0.0.251", port, "noise");
    }
    send_to(other, "224.0.0.251", port, "last");
    bench_run(&bench);
    assert_int_equal(bench.packets.n, FLOOD);
    assert_int_equal(bench.packets.n_same_host, FLOOD);
    assert_true(bench.phase > FLOOD / (int)DBR_MULTICAST_READS);
    close(other);
    bench_finish(&bench);
}

static bool until_the_port_is_free(struct bench *bench)
{
    int *other = bench->data;
    bench->wake = dbr_time_add(dbr_loop_now(), 20);
    if (bench->n_ticks > 40 && *other >= 0) { /* four looks and more */
        close(*other);
        *other = -1;
    }
    dbr_multicast_send(bench->loop, dbr_bytes_str("now"), true);
    return *other < 0 && bench->packets.n > 0 && n_words > 1;
}

static void a_port_that_is_not_shared_is_one_warning(void **state)
{
    (void)state;
    struct bench bench;
    uint16_t port = 0;
    int on = 0;
    /* Both kinds of addresses: no IPv6 is no matter. */
    struct sockaddr_in6 at = {.sin6_family = AF_INET6};
    int other = socket(AF_INET6, SOCK_DGRAM, 0);
    if (other < 0) {
        other = other_socket(&port, false);
    } else {
        socklen_t len = sizeof(at);
        setsockopt(other, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
        assert_int_equal(bind(other, (struct sockaddr *)&at, sizeof(at)), 0);
        assert_int_equal(getsockname(other, (struct sockaddr *)&at, &len), 0);
        port = ntohs(at.sin6_port);
    }
    begin(&bench, port, until_the_port_is_free);
    bench.data = &other;
    bench_run(&bench);
    assert_int_equal(n_words, 2);
    char expected[300];
    snprintf(expected, sizeof(expected),
             "1 nobody is found on the local network: another program does not share "
             "UDP port %u (ss -ulnp tells which); the node goes on, and tries again "
             "every 0 s",
             port);
    assert_string_equal(words[0], expected);
    assert_string_equal(words[1], "2 the local network is asked again");
    bench_finish(&bench);
}

static bool at_once(struct bench *bench)
{
    dbr_multicast_send(bench->loop, dbr_bytes_str("lost"), false);
    return true;
}

static void it_may_end_at_any_time(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, at_once); /* never opened */
    bench_run(&bench);
    bench_finish(&bench);
    begin(&bench, free_port(), at_once);
    dbr_multicast_close(bench.loop);
    dbr_multicast_close(bench.loop);
    bench_run(&bench);
    bench_finish(&bench);
    begin(&bench, free_port(), at_once);
    bench_run(&bench); /* the loop's end closes it */
    bench_finish(&bench);
    begin(&bench, free_port(), at_once);
    bench_finish(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sent_comes_back),
        cmocka_unit_test(another_source_port_is_not_heard),
        cmocka_unit_test(a_flood_is_read_in_turns),
        cmocka_unit_test(a_port_that_is_not_shared_is_one_warning),
        cmocka_unit_test(it_may_end_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
