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

/* Of this process, all its threads. */
static inline double process_cpu_s(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static inline int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts them. */
static inline double median(double *values, size_t n)
{
    qsort(values, n, sizeof(values[0]), compare_doubles);
    return values[n / 2];
}

/* A figure beside its limit. */
static inline void report_limit(const char *what, double figure, double limit,
                                const char *unit)
{
    printf("%-36s %12.0f %-12s limit %12.0f  %6.0f %%\n", what, figure, unit, limit,
           100 * figure / limit);
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
