/* Completed calls on their way to the application: a ring bounded by max_pending, a
 * descriptor to watch, the callback thread, callbacks in line, debros_wait(). Its lock
 * also guards the node's state and the states of calls. */
#ifndef DBR_API_COMPLETION_H
#define DBR_API_COMPLETION_H

#include <pthread.h>

#include "api/request.h"

/* On which thread callbacks run. */
enum dbr_callbacks {
    DBR_CALLBACKS_RING,   /* the application's, in debros_dispatch() and debros_wait() */
    DBR_CALLBACKS_THREAD, /* one of their own */
    DBR_CALLBACKS_INLINE  /* the node's */
};

struct dbr_completion {
    enum dbr_callbacks mode;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct dbr_list ready;      /* completed, oldest first */
    struct dbr_list delivering; /* their callbacks run */
    struct dbr_list kept;       /* delivered; their results wait for release */
    size_t pending;             /* from submit to callback */
    size_t waiting;             /* threads in debros_wait() */
    bool signaled;              /* a byte lies in the socket pair */
    bool quitting;
    bool has_thread;
    bool in_callback; /* INLINE: `thread`, the node's, delivers */
    pthread_t thread;
    int fds[2]; /* RING: the application watches [0]; else -1 */
};

/* Errors: ENOMEM. */
int dbr_completion_init(struct dbr_completion *c, enum dbr_callbacks mode);
/* Ends the callback thread after the callback that runs. */
void dbr_completion_stop(struct dbr_completion *c);
/* Stopped and drained. Frees what is kept. */
void dbr_completion_finish(struct dbr_completion *c);
/* Node thread: makes the calls of `list` ready, or delivers them (INLINE); empties it. */
void dbr_completion_publish(struct dbr_completion *c, struct dbr_list *list);
/* Delivers what is ready on the calling thread, at most `max` (0: all). */
int dbr_completion_dispatch(struct dbr_completion *c, size_t max);
/* Lock held: gives up one reference. */
void dbr_completion_unref(struct dbr_call *call);
/* Lock held: the calling thread is in a callback that runs in line. */
bool dbr_completion_is_here(const struct dbr_completion *c);
/* Lock held: frees what `req` keeps. False: it is under way. */
bool dbr_completion_release(debros_req *req);

#endif
