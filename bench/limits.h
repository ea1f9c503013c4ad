/* What several benches measure with and against. */
#ifndef DBR_BENCH_LIMITS_H
#define DBR_BENCH_LIMITS_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"

static inline double now_s(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* A second, for `seconds`, as a log does it: 256 bytes over zeroed space, each write made
 * durable. */
static inline double fdatasyncs(const char *folder, double seconds)
{
    char path[64];
    char block[4096] = {0};
    snprintf(path, sizeof(path), "%s/raw", folder);
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    for (int i = 0; i < 1024; i++) {
        dbr_assert(pwrite(fd, block, sizeof(block), i * 4096) == sizeof(block));
    }
    fsync(fd);
    double begin = now_s();
    int n = 0;
    for (; now_s() - begin < seconds; n++) {
        dbr_assert(pwrite(fd, block, 256, n % 16000 * 256) == 256);
        dbr_assert(fdatasync(fd) == 0);
    }
    close(fd);
    return n / (now_s() - begin);
}

static inline int remove_folder(const char *folder)
{
    char command[80];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

#endif
