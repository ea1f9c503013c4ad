#include "api/log_sink.h"

#include "driver/loop.h"

void dbr_log_sink_init(struct dbr_log_sink *sink, debros_log_cb log, void *data)
{
    pthread_mutex_init(&sink->lock, NULL);
    sink->log = log;
    sink->data = data;
    atomic_init(&sink->deadline_at, DBR_TIME_NEVER);
}

/* Lock held. */
static void give(struct dbr_log_sink *sink, const debros_log_record *record)
{
    debros_log_record full = *record;
    full.time_ms = dbr_loop_wall_ms();
    sink->log(sink->data, &full);
}

/* Lock held. */
static void tell(struct dbr_log_sink *sink, dbr_time now)
{
    debros_log_record record;
    while (dbr_log_limit_poll(&sink->limit, &record, now)) {
        give(sink, &record);
    }
    atomic_store(&sink->deadline_at, dbr_log_limit_deadline(&sink->limit));
}

void dbr_log_sink_finish(struct dbr_log_sink *sink)
{
    if (sink->log != NULL) {
        tell(sink, DBR_TIME_NEVER);
    }
    pthread_mutex_destroy(&sink->lock);
}

void dbr_log_sink_write(void *data, const debros_log_record *record, const char *site)
{
    struct dbr_log_sink *sink = data;
    dbr_time now = dbr_loop_now();
    pthread_mutex_lock(&sink->lock);
    bool passes = dbr_log_limit_pass(&sink->limit, record, site, now);
    tell(sink, now);
    if (passes) {
        give(sink, record);
    }
    pthread_mutex_unlock(&sink->lock);
}

dbr_time dbr_log_sink_deadline(const struct dbr_log_sink *sink)
{
    return atomic_load(&sink->deadline_at);
}

void dbr_log_sink_expire(struct dbr_log_sink *sink, dbr_time now)
{
    if (dbr_log_sink_deadline(sink) <= now) {
        pthread_mutex_lock(&sink->lock);
        tell(sink, now);
        pthread_mutex_unlock(&sink->lock);
    }
}
