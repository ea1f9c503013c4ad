#include "driver/worker.h"

#include <stdatomic.h>

#include "base/alloc.h"
#include "bench.h"

struct job {
    struct job *next;
    size_t number;
    size_t batch;  /* out */
    size_t thread; /* out */
};

struct shop {
    struct bench bench;
    struct dbr_lane *lane;
    size_t n_batches; /* the lane's thread; one thread only */
    atomic_size_t running;
    atomic_size_t most_running;
    atomic_bool open; /* the first batch waits for it */
    size_t n_done;
    size_t sum;
    bool in_order;
    size_t expected;
};

static void run_batch(void *data, struct dbr_lane *lane, size_t thread, void *jobs)
{
    struct shop *shop = data;
    size_t batch = ++shop->n_batches;
    while (!atomic_load(&shop->open)) {
        dbr_lane_pause(lane, 1);
    }
    for (struct job *job = jobs; job != NULL; job = job->next) {
        job->batch = batch;
        job->thread = thread;
    }
}

static void on_done(void *data, void *jobs)
{
    struct shop *shop = data;
    for (struct job *job = jobs, *next; job != NULL; job = next) {
        next = job->next;
        shop->in_order = shop->in_order && job->number == shop->n_done;
        shop->n_done++;
        shop->sum += job->number;
        dbr_free(job);
    }
}

static void add(struct shop *shop, size_t number)
{
    struct dbr_chain chain;
    dbr_chain_init(&chain, offsetof(struct job, next));
    struct job *job = dbr_calloc(1, sizeof(*job));
    job->number = number;
    dbr_chain_push(&chain, job);
    dbr_lane_add(shop->lane, &chain);
}

static void open_shop(struct shop *shop, bool (*step)(struct bench *bench),
                      size_t n_threads,
                      void (*run)(void *, struct dbr_lane *, size_t, void *))
{
    memset(shop, 0, sizeof(*shop));
    shop->in_order = true;
    bench_init(&shop->bench, step);
    shop->bench.data = shop;
    struct dbr_lane_config config = {.name = "worker",
                                     .n_threads = n_threads,
                                     .link_offset = offsetof(struct job, next),
                                     .run = run,
                                     .done = on_done,
                                     .data = shop};
    assert_int_equal(dbr_lane_create(&shop->lane, shop->bench.loop, &config), 0);
}

static void close_shop(struct shop *shop)
{
    dbr_lane_stop(shop->lane, true);
    void *job;
    while ((job = dbr_lane_take(shop->lane)) != NULL) {
        dbr_free(job);
    }
    bench_finish(&shop->bench);
    dbr_lane_free(shop->lane);
}

static bool until_expected(struct bench *bench)
{
    struct shop *shop = bench->data;
    return shop->n_done == shop->expected;
}

static void one_thread_takes_all_that_waits_as_one_batch(void **state)
{
    (void)state;
    struct shop shop;
    open_shop(&shop, until_expected, 1, run_batch);
    assert_true(dbr_lane_is_idle(shop.lane));
    for (size_t i = 0; i < 100; i++) {
        add(&shop, i); /* the first batch is held: the others gather behind it */
        assert_false(dbr_lane_is_idle(shop.lane));
    }
    atomic_store(&shop.open, true);
    shop.expected = 100;
    bench_run(&shop.bench);
    assert_true(dbr_lane_is_idle(shop.lane));
    assert_true(shop.in_order);
    dbr_lane_stop(shop.lane, true);
    /* How many the first one got is chance; the rest is one. */
    assert_true(shop.n_batches <= 101);
    close_shop(&shop);
}

static void run_one(void *data, struct dbr_lane *lane, size_t thread, void *jobs)
{
    struct shop *shop = data;
    struct job *job = jobs;
    (void)lane;
    assert_null(job->next);
    job->thread = thread;
    size_t running = atomic_fetch_add(&shop->running, 1) + 1;
    size_t most = atomic_load(&shop->most_running);
    while (running > most &&
           !atomic_compare_exchange_weak(&shop->most_running, &most, running)) {
    }
    /* Until a second thread has come, so that chance decides nothing. */
    while (atomic_load(&shop->most_running) < 2) {
    }
    atomic_fetch_sub(&shop->running, 1);
}

static void several_threads_take_one_job_each(void **state)
{
    (void)state;
    struct shop shop;
    open_shop(&shop, until_expected, 3, run_one);
    for (size_t i = 0; i < 50; i++) {
        add(&shop, i);
    }
    shop.expected = 50;
    bench_run(&shop.bench);
    assert_int_equal(shop.sum, 49 * 50 / 2);
    close_shop(&shop);
}

static void stop_with_finish_runs_what_waits(void **state)
{
    (void)state;
    struct shop shop;
    open_shop(&shop, until_expected, 1, run_batch);
    for (size_t i = 0; i < 10; i++) {
        add(&shop, i);
    }
    atomic_store(&shop.open, true);
    dbr_lane_stop(shop.lane, true);
    for (size_t i = 0; i < 10; i++) {
        struct job *job = dbr_lane_take(shop.lane);
        assert_int_equal(job->number, i);
        assert_int_not_equal(job->batch, 0);
        dbr_free(job);
    }
    assert_int_equal(shop.n_done, 0);
    close_shop(&shop);
}

static void pause_until_ended(void *data, struct dbr_lane *lane, size_t thread,
                              void *jobs)
{
    struct shop *shop = data;
    (void)thread;
    (void)jobs;
    atomic_store(&shop->open, true);
    while (dbr_lane_pause(lane, 60 * 1000)) {
    }
}

static bool until_open(struct bench *bench)
{
    struct shop *shop = bench->data;
    bench->wake = dbr_loop_now() + 1;
    return atomic_load(&shop->open);
}

static void stop_ends_a_pause_and_gives_the_rest_back(void **state)
{
    (void)state;
    struct shop shop;
    open_shop(&shop, until_open, 1, pause_until_ended);
    add(&shop, 0);
    bench_run(&shop.bench);
    add(&shop, 1);
    dbr_lane_stop(shop.lane, false);
    for (size_t i = 0; i < 2; i++) {
        struct job *job = dbr_lane_take(shop.lane);
        assert_int_equal(job->number, i);
        assert_int_equal(job->batch, 0);
        dbr_free(job);
    }
    assert_null(dbr_lane_take(shop.lane));
    close_shop(&shop);
    dbr_lane_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_thread_takes_all_that_waits_as_one_batch),
        cmocka_unit_test(several_threads_take_one_job_each),
        cmocka_unit_test(stop_with_finish_runs_what_waits),
        cmocka_unit_test(stop_ends_a_pause_and_gives_the_rest_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
