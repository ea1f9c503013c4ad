#include "pipe.h"

#include <stdio.h>

#include "base/alloc.h"
#include "fault.h"
#include "swarm/gate.h"

struct fixture {
    struct dbr_gate gate;
    struct dbr_swarm_limits limits;
    struct dbr_gate_pass passes[3000];
    size_t n;
    dbr_time now;
};

static struct fixture *begin(void)
{
    struct fixture *f = dbr_calloc(1, sizeof(*f));
    assert_non_null(f);
    dbr_gate_init(&f->gate);
    dbr_swarm_limits_default(&f->limits);
    f->now = 1000000;
    return f;
}

static void end(struct fixture *f)
{
    dbr_gate_finish(&f->gate);
    dbr_free(f);
}

static enum dbr_gate_verdict enter(struct fixture *f, const char *addr)
{
    struct dbr_multiaddr remote;
    assert_int_equal(dbr_multiaddr_parse(&remote, addr, NULL), 0);
    return dbr_gate_enter(&f->gate, &f->limits, &remote, f->now, &f->passes[f->n++]);
}

static void an_address_has_so_many_connections(void **state)
{
    (void)state;
    struct fixture *f = begin();
    for (int i = 0; i < 8; i++) {
        assert_int_equal(enter(f, "/ip4/192.0.2.1/tcp/1"), DBR_GATE_ENTER);
    }
    assert_int_equal(enter(f, "/ip4/192.0.2.1/tcp/2"), DBR_GATE_HOST);
    assert_int_equal(enter(f, "/ip6/::ffff:192.0.2.1/tcp/2"), DBR_GATE_HOST);
    assert_int_equal(enter(f, "/ip4/192.0.2.2/tcp/2"), DBR_GATE_ENTER);
    dbr_gate_leave(&f->gate, &f->passes[3]);
    assert_int_equal(enter(f, "/ip4/192.0.2.1/tcp/2"), DBR_GATE_ENTER);
    assert_int_equal(enter(f, "/ip4/192.0.2.1/tcp/2"), DBR_GATE_HOST);
    end(f);
}

/* Eight hosts of eight connections each fill a /48, though no host is full beyond. */
static void ip6_counts_by_56_and_48_bits(void **state)
{
    (void)state;
    struct fixture *f = begin();
    char text[100];
    for (int host = 0; host < 8; host++) {
        for (int i = 0; i < 8; i++) {
            snprintf(text, sizeof(text), "/ip6/2001:db8:1:%x%02x::%d/tcp/1", host, i,
                     i + 1);
            assert_int_equal(enter(f, text), DBR_GATE_ENTER);
        }
        assert_int_equal(enter(f, text), DBR_GATE_HOST);
    }
    assert_int_equal(enter(f, "/ip6/2001:db8:1:ff00::1/tcp/1"), DBR_GATE_NET);
    assert_int_equal(enter(f, "/ip6/2001:db8:2:ff00::1/tcp/1"), DBR_GATE_ENTER);
    dbr_gate_leave(&f->gate, &f->passes[0]);
    assert_int_equal(enter(f, "/ip6/2001:db8:1:ff00::1/tcp/1"), DBR_GATE_ENTER);
    end(f);
}

static void an_address_connects_so_often(void **state)
{
    (void)state;
    struct fixture *f = begin();
    for (int i = 0; i < 16; i++) {
        assert_int_equal(enter(f, "/ip4/192.0.2.1/tcp/1"), DBR_GATE_ENTER);
        dbr_gate_leave(&f->gate, &f->passes[f->n - 1]);
    }
    assert_int_equal(enter(f, "/ip4/192.0.2.1/tcp/1"), DBR_GATE_RATE);
    f->now += 4999;
    assert_int_equal(enter(f, "/ip4/192.0.2.1/tcp/1"), DBR_GATE_RATE);
    f->now += 1;
    assert_int_equal(enter(f, "/ip4/192.0.2.1/tcp/1"), DBR_GATE_ENTER);
    assert_int_equal(enter(f, "/ip4/192.0.2.1/tcp/1"), DBR_GATE_RATE);
    f->now += 1000000; /* never more than a burst */
    for (int i = 0; i < 8; i++) {
        assert_int_equal(enter(f, "/ip4/192.0.2.1/tcp/1"),
                         i < 7 ? DBR_GATE_ENTER : DBR_GATE_HOST);
    }
    end(f);
}

static void members_behind_one_address_are_not_shut_out(void **state)
{
    (void)state;
    struct fixture *f = begin();
    for (int i = 0; i < 200; i++) {
        assert_int_equal(enter(f, "/ip4/192.0.2.1/tcp/1"), DBR_GATE_ENTER);
        dbr_gate_trust(&f->gate, &f->limits, &f->passes[f->n - 1]);
        dbr_gate_leave(&f->gate, &f->passes[f->n - 1]); /* once more harms nobody */
        f->now += 10;
    }
    end(f);
}

static void loopback_is_exempt(void **state)
{
    (void)state;
    struct fixture *f = begin();
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(enter(f, i % 2 ? "/ip4/127.0.0.1/tcp/1" : "/ip6/::1/tcp/1"),
                         DBR_GATE_ENTER);
    }
    end(f);
}

static void all_addresses_share_the_handshakes(void **state)
{
    (void)state;
    struct fixture *f = begin();
    char text[100];
    for (int i = 0; i < 201; i++) {
        snprintf(text, sizeof(text), "/ip4/192.0.2.%d/tcp/1", i);
        assert_int_equal(enter(f, text), i < 200 ? DBR_GATE_ENTER : DBR_GATE_HANDSHAKES);
    }
    f->now += 5; /* 200 each second */
    assert_int_equal(enter(f, text), DBR_GATE_ENTER);
    assert_int_equal(enter(f, text), DBR_GATE_HANDSHAKES);
    end(f);
}

static void strange_addresses_cost_bounded_memory(void **state)
{
    (void)state;
    struct fixture *f = begin();
    char text[100];
    for (int i = 0; i < 3000; i++) {
        snprintf(text, sizeof(text), "/ip6/2001:db8:%x::1/tcp/1", i);
        assert_int_equal(enter(f, text), DBR_GATE_ENTER);
        if (i % 2 == 0) {
            dbr_gate_leave(&f->gate, &f->passes[f->n - 1]);
        }
        f->now += 5;
    }
    assert_in_range(f->gate.n_idle, 1, DBR_GATE_REMEMBERED);
    assert_int_equal(HASH_COUNT(f->gate.hosts), f->gate.n_idle + 2 * 1500);
    for (size_t i = 0; i < f->n; i++) {
        dbr_gate_leave(&f->gate, &f->passes[i]);
    }
    assert_int_equal(HASH_COUNT(f->gate.hosts), f->gate.n_idle);
    end(f);
}

static void limits_hold_at_their_smallest(void **state)
{
    (void)state;
    struct fixture *f = begin();
    f->limits.conns_per_ip = 1;
    f->limits.conns_per_net = 1;
    f->limits.accept_burst = 1;
    f->limits.accept_every_ms = 1;
    f->limits.handshakes_per_s = 1;
    assert_int_equal(enter(f, "/ip6/2001:db8::1/tcp/1"), DBR_GATE_ENTER);
    assert_int_equal(enter(f, "/ip6/2001:db8::1/tcp/1"), DBR_GATE_HOST);
    assert_int_equal(enter(f, "/ip6/2001:db8:0:100::1/tcp/1"), DBR_GATE_NET);
    dbr_gate_leave(&f->gate, &f->passes[0]);
    assert_int_equal(enter(f, "/ip6/2001:db8::1/tcp/1"), DBR_GATE_RATE);
    f->now += 1;
    assert_int_equal(enter(f, "/ip6/2001:db8::1/tcp/1"), DBR_GATE_HANDSHAKES);
    f->now += 999;
    assert_int_equal(enter(f, "/ip6/2001:db8::1/tcp/1"), DBR_GATE_ENTER);
    end(f);
}

static void short_memory_refuses(void **state)
{
    (void)state;
    for (size_t n = 0;; n++) {
        struct fixture *f = begin();
        fault_after(n);
        enum dbr_gate_verdict verdict = enter(f, "/ip6/2001:db8::1/tcp/1");
        bool failed = fault_off();
        assert_int_equal(verdict, failed ? DBR_GATE_NO_MEMORY : DBR_GATE_ENTER);
        end(f);
        if (!failed) {
            break;
        }
    }
}

static void every_verdict_has_words(void **state)
{
    (void)state;
    for (int i = DBR_GATE_ENTER; i <= DBR_GATE_NO_MEMORY; i++) {
        assert_true(strlen(dbr_gate_words((enum dbr_gate_verdict)i)) > 5);
    }
}

/* ---- The swarm's gate ------------------------------------------------------ */

static size_t count_closes(struct dbr_swarm *swarm, uint64_t *last)
{
    struct dbr_swarm_event event;
    size_t n = 0;
    while (dbr_swarm_poll(swarm, &event)) {
        if (event.type == DBR_SWARM_CLOSE) {
            *last = event.conn;
            n++;
        }
    }
    return n;
}

static void the_swarm_closes_whom_the_gate_refuses(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(1);
    struct dbr_swarm *swarm = pipe_node(world, 1)->swarm;
    struct dbr_swarm_stats stats;
    struct dbr_multiaddr remote;
    uint64_t closed = 0;
    assert_int_equal(dbr_multiaddr_parse(&remote, "/ip4/192.0.2.1/tcp/7", NULL), 0);
    for (uint64_t conn = 1; conn <= 17; conn += 2) {
        dbr_swarm_accepted(swarm, conn, &remote, world->now);
        assert_int_equal(count_closes(swarm, &closed), conn == 17);
    }
    assert_int_equal(closed, 17);
    /* Sockets that end make room, and the rate holds. */
    for (uint64_t conn = 1; conn <= 15; conn += 2) {
        dbr_swarm_closed(swarm, conn, world->now);
    }
    count_closes(swarm, &closed);
    for (uint64_t conn = 101; conn < 101 + 2 * 9; conn += 2) {
        dbr_swarm_accepted(swarm, conn, &remote, world->now);
        count_closes(swarm, &closed);
        dbr_swarm_closed(swarm, conn, world->now);
        count_closes(swarm, &closed);
    }
    assert_int_equal(closed, 117);
    dbr_swarm_get_stats(swarm, &stats);
    assert_int_equal(stats.accepted, 18);
    assert_int_equal(stats.full_host, 1);
    assert_int_equal(stats.too_often, 1);
    assert_int_equal(stats.handshakes_failed, 16);
    pipe_destroy(world);
}

/* Restarted again and again: the members that it knows take it back every time. */
static void a_member_that_redials_is_never_refused(void **state)
{
    (void)state;
    struct pipe_world *world = pipe_create(2);
    struct dbr_swarm_stats stats;
    for (int i = 0; i < 40; i++) {
        pipe_forget(world);
        pipe_connect(world, 1, 2);
        pipe_break(world, world->n_links - 1);
    }
    dbr_swarm_get_stats(pipe_node(world, 2)->swarm, &stats);
    assert_int_equal(stats.accepted, 40);
    assert_int_equal(stats.secured, 40);
    assert_int_equal(stats.too_often, 0);
    dbr_swarm_get_stats(pipe_node(world, 1)->swarm, &stats);
    assert_int_equal(stats.dialed, 40);
    pipe_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_has_so_many_connections),
        cmocka_unit_test(ip6_counts_by_56_and_48_bits),
        cmocka_unit_test(an_address_connects_so_often),
        cmocka_unit_test(members_behind_one_address_are_not_shut_out),
        cmocka_unit_test(loopback_is_exempt),
        cmocka_unit_test(all_addresses_share_the_handshakes),
        cmocka_unit_test(strange_addresses_cost_bounded_memory),
        cmocka_unit_test(limits_hold_at_their_smallest),
        cmocka_unit_test(short_memory_refuses),
        cmocka_unit_test(every_verdict_has_words),
        cmocka_unit_test(the_swarm_closes_whom_the_gate_refuses),
        cmocka_unit_test(a_member_that_redials_is_never_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
