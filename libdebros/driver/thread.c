#define _GNU_SOURCE /* pthread_setname_np */
#include "driver/thread.h"

#include <signal.h>

#include "debros.h"

/* All but those that a thread raises by its own fault, and the profilers'. */
static void fill_mask(sigset_t *mask)
{
    static const int own[] = {SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
                              SIGABRT, SIGTRAP, SIGSYS, SIGPROF};
    sigfillset(mask);
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        sigdelset(mask, own[i]);
    }
}

int dbr_thread_start(pthread_t *out, const char *name, void *(*run)(void *data),
                     void *data)
{
    sigset_t mask, before;
    fill_mask(&mask);
    /* A thread inherits the mask of its maker: no moment without it. */
    pthread_sigmask(SIG_SETMASK, &mask, &before);
    int err = pthread_create(out, NULL, run, data);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (err != 0) {
        return DEBROS_ENOMEM;
    }
#ifdef __linux__
    pthread_setname_np(*out, name);
#else
    (void)name;
#endif
    return 0;
}
