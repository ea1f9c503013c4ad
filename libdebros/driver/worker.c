#include "driver/worker.h"

#include <time.h>

#include "base/alloc.h"
#include "base/check.h"
#include "debros.h"
#include "driver/thread.h"
#include "driver/wake.h"

struct lane_thread {
    struct dbr_lane *lane;
    size_t number;
    pthread_t thread;
};

struct dbr_lane {
    struct dbr_lane_config config;
    struct dbr_wake *wake;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* Under `lock` from here. */
    struct dbr_chain waiting;
    struct dbr_chain done;
    size_t n_running;
    bool finishing; /* ends once nothing waits */
    bool ending;    /* ends now */
    /* The loop's thread. */
    struct lane_thread threads[DBR_LANE_MAX_THREADS];
    size_t n_started;
};

/* False: the thread is to end. */
static bool next_batch(struct dbr_lane *lane, struct dbr_chain *batch)
{
    while (lane->waiting.head == NULL && !lane->finishing && !lane->ending) {
        pthread_cond_wait(&lane->changed, &lane->lock);
    }
    if (lane->ending || lane->waiting.head == NULL) {
        return false;
    }
    if (lane->config.n_threads > 1) {
        dbr_chain_push(batch, dbr_chain_pop(&lane->waiting));
    } else {
        dbr_chain_append(batch, &lane->waiting);
    }
    return true;
}

static void *thread_main(void *data)
{
    struct lane_thread *self = data;
    struct dbr_lane *lane = self->lane;
    struct dbr_chain batch;
    dbr_chain_init(&batch, lane->config.link_offset);
    pthread_mutex_lock(&lane->lock);
    while (next_batch(lane, &batch)) {
        lane->n_running++;
        pthread_mutex_unlock(&lane->lock);
        lane->config.run(lane->config.data, lane, self->number, batch.head);
        pthread_mutex_lock(&lane->lock);
        lane->n_running--;
        bool first = lane->done.head == NULL;
        dbr_chain_append(&lane->done, &batch);
        if (first) {
            /* Whoever wakes finds the lock free. */
            pthread_mutex_unlock(&lane->lock);
            dbr_wake_send(lane->wake);
            pthread_mutex_lock(&lane->lock);
        }
    }
    pthread_mutex_unlock(&lane->lock);
    return NULL;
}

static void on_wake(void *data)
{
    struct dbr_lane *lane = data;
    struct dbr_chain jobs;
    dbr_chain_init(&jobs, lane->config.link_offset);
    pthread_mutex_lock(&lane->lock);
    if (!lane->finishing && !lane->ending) {
        dbr_chain_append(&jobs, &lane->done);
    }
    pthread_mutex_unlock(&lane->lock);
    if (jobs.head != NULL) {
        lane->config.done(lane->config.data, jobs.head);
    }
}

static int start_threads(struct dbr_lane *lane)
{
    for (size_t i = 0; i < lane->config.n_threads; i++) {
        struct lane_thread *t = &lane->threads[i];
        t->lane = lane;
        t->number = i;
        int err = dbr_thread_start(&t->thread, lane->config.name, thread_main, t);
        if (err != 0) {
            return err;
        }
        lane->n_started++;
    }
    return 0;
}

int dbr_lane_create(struct dbr_lane **out, struct dbr_loop *loop,
                    const struct dbr_lane_config *config)
{
    *out = NULL;
    dbr_assert(config->n_threads >= 1 && config->n_threads <= DBR_LANE_MAX_THREADS);
    struct dbr_lane *lane = dbr_calloc(1, sizeof(*lane));
    if (lane == NULL) {
        return DEBROS_ENOMEM;
    }
    lane->config = *config;
    dbr_chain_init(&lane->waiting, config->link_offset);
    dbr_chain_init(&lane->done, config->link_offset);
    int err = dbr_wake_open(&lane->wake, loop, on_wake, lane);
    if (err != 0) {
        dbr_free(lane);
        return err;
    }
    pthread_mutex_init(&lane->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&lane->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    /* From here the wake belongs to the loop as well: an error leaves a stopped lane,
     * which the caller frees as any other. */
    *out = lane;
    err = start_threads(lane);
    if (err != 0) {
        dbr_lane_stop(lane, false);
    }
    return err;
}

void dbr_lane_add(struct dbr_lane *lane, struct dbr_chain *jobs)
{
    pthread_mutex_lock(&lane->lock);
    dbr_chain_append(&lane->waiting, jobs);
    pthread_mutex_unlock(&lane->lock);
    if (lane->config.n_threads > 1) {
        pthread_cond_broadcast(&lane->changed);
    } else {
        pthread_cond_signal(&lane->changed);
    }
}

bool dbr_lane_is_idle(struct dbr_lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    bool idle = lane->waiting.head == NULL && lane->n_running == 0 &&
                lane->done.head == NULL && !lane->finishing && !lane->ending;
    pthread_mutex_unlock(&lane->lock);
    return idle;
}

bool dbr_lane_pause(struct dbr_lane *lane, uint32_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    uint64_t ns = (uint64_t)until.tv_nsec + (uint64_t)(ms % 1000) * 1000000;
    until.tv_sec += (time_t)(ms / 1000 + ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    pthread_mutex_lock(&lane->lock);
    int err = 0;
    while (!lane->finishing && !lane->ending && err == 0) {
        err = pthread_cond_timedwait(&lane->changed, &lane->lock, &until);
    }
    bool go_on = !lane->finishing && !lane->ending;
    pthread_mutex_unlock(&lane->lock);
    return go_on;
}

void dbr_lane_stop(struct dbr_lane *lane, bool finish)
{
    pthread_mutex_lock(&lane->lock);
    lane->finishing = true;
    lane->ending = lane->ending || !finish;
    pthread_cond_broadcast(&lane->changed);
    pthread_mutex_unlock(&lane->lock);
    for (size_t i = 0; i < lane->n_started; i++) {
        pthread_join(lane->threads[i].thread, NULL);
    }
    lane->n_started = 0;
}

void *dbr_lane_take(struct dbr_lane *lane)
{
    dbr_assert(lane->n_started == 0);
    void *job = dbr_chain_pop(&lane->done);
    return job != NULL ? job : dbr_chain_pop(&lane->waiting);
}

void dbr_lane_free(struct dbr_lane *lane)
{
    if (lane == NULL) {
        return;
    }
    dbr_assert(lane->n_started == 0);
    dbr_assert(lane->done.head == NULL && lane->waiting.head == NULL);
    dbr_wake_free(lane->wake);
    pthread_cond_destroy(&lane->changed);
    pthread_mutex_destroy(&lane->lock);
    dbr_free(lane);
}
