/* Between the library's threads and the application's log: one line at a time, with its
 * time, and not the same one again and again. */
#ifndef DBR_API_LOG_SINK_H
#define DBR_API_LOG_SINK_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/log_limit.h"

struct dbr_log_sink {
    pthread_mutex_t lock;
    debros_log_cb log;
    void *data;
    struct dbr_log_limit limit;   /* `lock` */
    _Atomic dbr_time deadline_at; /* of the limit */
};

void dbr_log_sink_init(struct dbr_log_sink *sink, debros_log_cb log, void *data);
/* Tells of what was held back. No other thread writes any more. */
void dbr_log_sink_finish(struct dbr_log_sink *sink);

/* A dbr_log_sink; `data` is one of these. Any thread. */
void dbr_log_sink_write(void *data, const debros_log_record *record, const char *site);
/* When lines that were held back may be told. */
dbr_time dbr_log_sink_deadline(const struct dbr_log_sink *sink);
void dbr_log_sink_expire(struct dbr_log_sink *sink, dbr_time now);

#endif
