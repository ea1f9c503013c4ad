#include "driver/wake.h"

#include <pthread.h>

#include "bench.h"
#include "driver/thread.h"

struct alarm {
    struct dbr_wake *wake;
    size_t n;
};

static void on_wake(void *data)
{
    struct alarm *alarm = data;
    alarm->n++;
}

static void *send_some(void *data)
{
    struct alarm *alarm = data;
    for (int i = 0; i < 1000; i++) {
        dbr_wake_send(alarm->wake);
    }
    return NULL;
}

static bool until_woken(struct bench *bench)
{
    const struct alarm *alarm = bench->data;
    return alarm->n >= 1;
}

/* The sender may outlive the loop: it must find the wake or nothing, never a hole. */
static void a_wake_from_another_thread_ends_the_sleep(void **state)
{
    (void)state;
    struct bench bench;
    struct alarm alarm = {0};
    pthread_t thread;
    bench_init(&bench, until_woken);
    bench.data = &alarm;
    assert_int_equal(dbr_wake_open(&alarm.wake, bench.loop, on_wake, &alarm), 0);
    assert_int_equal(dbr_thread_start(&thread, "sender", send_some, &alarm), 0);
    bench_run(&bench);
    bench_finish(&bench);
    pthread_join(thread, NULL);
    dbr_wake_send(alarm.wake);
    dbr_wake_free(alarm.wake);
    dbr_wake_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wake_from_another_thread_ends_the_sleep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
