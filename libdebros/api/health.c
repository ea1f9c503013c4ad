#include "api/health.h"

#include "api/life.h"
#include "api/node.h"
#include "base/detail.h"

void dbr_gauges_init(struct dbr_gauges *gauges)
{
    pthread_mutex_init(&gauges->lock, NULL);
}

void dbr_gauges_finish(struct dbr_gauges *gauges)
{
    pthread_mutex_destroy(&gauges->lock);
}

void dbr_gauges_flush_begins(struct dbr_gauges *gauges)
{
    pthread_mutex_lock(&gauges->lock);
    gauges->flush_since_us = dbr_loop_now_us();
    pthread_mutex_unlock(&gauges->lock);
}

void dbr_gauges_flush_ended(struct dbr_gauges *gauges, int status)
{
    uint64_t now_us = dbr_loop_now_us();
    dbr_time now = dbr_loop_now();
    pthread_mutex_lock(&gauges->lock);
    if (status == 0) {
        dbr_window_add(&gauges->flush, now_us - gauges->flush_since_us, now);
        gauges->full_since = 0;
    } else if (status == DEBROS_ENOSPC && gauges->full_since == 0) {
        gauges->full_since = now;
    }
    gauges->flush_since_us = 0;
    pthread_mutex_unlock(&gauges->lock);
}

void dbr_gauges_applied(struct dbr_gauges *gauges, int status, const char *detail)
{
    pthread_mutex_lock(&gauges->lock);
    if (status == 0) {
        gauges->apply_since = 0;
    } else if (gauges->apply_since == 0) {
        gauges->apply_since = dbr_loop_now();
        dbr_detail_set(&gauges->apply_detail, status, "%s", detail);
    }
    pthread_mutex_unlock(&gauges->lock);
}

/* At least 1: 0 means that nothing waits. */
static uint64_t waited(dbr_time since, dbr_time now)
{
    return since == 0 ? 0 : now > since ? now - since : 1;
}

static void read_gauges(struct dbr_gauges *gauges, struct dbr_host *host,
                        debros_detail *apply_detail, dbr_time now)
{
    uint64_t now_us = dbr_loop_now_us();
    pthread_mutex_lock(&gauges->lock);
    uint64_t since = gauges->flush_since_us;
    host->flush_p99_us = dbr_window_percentile(&gauges->flush, 99, now);
    host->flush_running_us = since != 0 && now_us > since ? now_us - since : 0;
    host->log_waits_ms = waited(gauges->full_since, now);
    host->apply_waits_ms = waited(gauges->apply_since, now);
    *apply_detail = gauges->apply_detail;
    pthread_mutex_unlock(&gauges->lock);
    host->apply_detail = apply_detail->text;
}

void dbr_health_measure(debros_node *node)
{
    struct dbr_host host = {.folder = node->fs != NULL ? node->fs->root : "",
                            .max_pending = node->config.c.max_pending};
    debros_detail apply_detail;
    dbr_time now = dbr_life_fact(node);
    host.loop_lag_us = dbr_window_max(dbr_loop_lag(node->loop), now);
    read_gauges(&node->gauges, &host, &apply_detail, now);
    if (node->fs == NULL || dbr_fs_posix_free(node->fs, &host.disk_free) != 0) {
        host.disk_free = UINT64_MAX;
    }
    pthread_mutex_lock(&node->completion.lock);
    host.pending = (uint32_t)node->completion.pending;
    pthread_mutex_unlock(&node->completion.lock);
    dbr_core_measured(node->core, &host, now);
}
