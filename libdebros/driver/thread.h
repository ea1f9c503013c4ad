/* Threads of the library: they take none of the application's signals, and a socket or
 * pipe that its peer has closed gives them an error instead of SIGPIPE. */
#ifndef DBR_DRIVER_THREAD_H
#define DBR_DRIVER_THREAD_H

#include <pthread.h>

/* `name` is for people who look at the process, at most 15 characters. Returns 0 or
 * DEBROS_ENOMEM. */
int dbr_thread_start(pthread_t *out, const char *name, void *(*run)(void *data),
                     void *data);

#endif
