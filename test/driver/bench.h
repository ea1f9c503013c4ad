/* A loop whose facts are recorded, driven by one step function per test. */
#ifndef DBR_TEST_DRIVER_BENCH_H
#define DBR_TEST_DRIVER_BENCH_H

#include "base/buf.h"
#include "driver/tcp.h"
#include "test.h"

#define BENCH_DEADLINE_MS 20000u /* generous: only a failure meets it */
#define BENCH_CONNS       8

/* What was told about one connection. */
struct bench_conn {
    uint64_t id;
    bool accepted;
    bool dialed;
    bool dial_failed;
    bool closed;
    size_t written;
    struct dbr_buf received;
    char detail[128];
    struct dbr_endpoint remote;
};

/* What came by multicast. */
struct bench_packets {
    size_t n;
    size_t n_same_host;
    size_t n_changes; /* of the network */
    char last[64];
};

struct bench {
    struct dbr_loop *loop;
    struct bench_conn conns[BENCH_CONNS];
    size_t n_conns;
    size_t n_ticks;
    struct bench_packets packets;
    /* Called at the end of each turn; true: the test is done. */
    bool (*step)(struct bench *bench);
    int phase; /* the test's */
    void *data;
    dbr_time wake; /* in: when the next tick is due */
    dbr_time end;
};

void bench_init(struct bench *bench, bool (*step)(struct bench *bench));
/* Until the step is done; fails the test when that takes too long. */
void bench_run(struct bench *bench);
void bench_finish(struct bench *bench);
/* The record of `id`, made when it is new. */
struct bench_conn *bench_conn(struct bench *bench, uint64_t id);
/* The first accepted connection, or NULL. */
struct bench_conn *bench_accepted(struct bench *bench);
void bench_send(struct bench *bench, uint64_t id, const void *data, size_t len);
/* 127.0.0.1, port 0. */
struct dbr_endpoint bench_loopback(void);

#endif
