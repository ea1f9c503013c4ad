#include "api/failpoints.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/failpoint.h"

#define SPEC_MAX 1024

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char spec[SPEC_MAX]; /* "," name=action "," ... */

static void act(const char *action)
{
    if (strncmp(action, "crash", 5) == 0) {
        (void)kill(getpid(), SIGKILL); /* as a power cut: nothing is put in order */
    } else if (strncmp(action, "sleep:", 6) == 0) {
        unsigned long ms = strtoul(action + 6, NULL, 10);
        struct timespec pause = {.tv_sec = (time_t)(ms / 1000),
                                 .tv_nsec = (long)(ms % 1000) * 1000000};
        (void)nanosleep(&pause, NULL);
    }
}

static void passed(const char *name)
{
    char key[80];
    (void)snprintf(key, sizeof(key), ",%s=", name);
    const char *found = strstr(spec, key);
    if (found != NULL) {
        act(found + strlen(key));
    }
}

static void read_environment(void)
{
    const char *text = getenv("DEBROS_FAILPOINTS");
    if (text != NULL && text[0] != '\0') {
        (void)snprintf(spec, sizeof(spec), ",%s", text);
        dbr_failpoint_hook = passed;
    }
}

void dbr_failpoints_from_environment(void)
{
    (void)pthread_once(&once, read_environment);
}
