/* A node's real files with faults: wraps dbr_fs_posix_create() and _destroy() at link
 * time (see test/api/meson.build). One set of faults for the process. */
#ifndef DBR_TEST_FAULT_FS_H
#define DBR_TEST_FAULT_FS_H

#include <stdbool.h>
#include <stdint.h>

/* No faults, the count at 0. */
void fault_fs_reset(void);
/* Operations so far, of all kinds. */
uint64_t fault_fs_count(void);
/* The n-th operation from now (0: the next) fails with `err`, once. */
void fault_fs_fail_at(uint64_t n, int err);
/* Syncs, or else what makes a file longer, fail with `err` for paths that begin so;
 * NULL: none do. */
void fault_fs_fail_syncs(const char *prefix, int err);
void fault_fs_fail_growth(const char *prefix, int err);
/* Whether a fault has struck since the reset, and where. */
bool fault_fs_struck(char path[256]);

#endif
