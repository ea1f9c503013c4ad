/* A disk in memory, with the habits of a real one when the power goes: each 512-byte
 * sector that was written since its file's last sync, and the file's size, is as any of
 * these writes left it or as before; names that were made, moved or removed without a
 * sync of their folder may be as before. All from one seed. */
#ifndef DBR_TEST_SIM_DISK_H
#define DBR_TEST_SIM_DISK_H

#include "store/fs.h"

struct sim_disk;

struct sim_disk *sim_disk_create(uint64_t seed);
void sim_disk_destroy(struct sim_disk *disk); /* NULL is allowed */
/* The same content, as if all were synced. */
struct sim_disk *sim_disk_clone(const struct sim_disk *disk, uint64_t seed);
struct dbr_fs *sim_disk_fs(struct sim_disk *disk);

/* Operations that change something, so far. */
uint64_t sim_disk_ops(const struct sim_disk *disk);
/* After `n` more such operations one fails with `err` (once), or all fail with EIO and
 * have no effect until revive. UINT64_MAX: never. */
void sim_disk_fail_after(struct sim_disk *disk, uint64_t n, int err);
void sim_disk_crash_after(struct sim_disk *disk, uint64_t n);
/* Opening, reading and listing are operations too from now on. */
void sim_disk_count_reads(struct sim_disk *disk);
/* Full: what would grow a file fails with ENOSPC. */
void sim_disk_set_full(struct sim_disk *disk, bool is_full);

/* The power goes. Every operation fails until revive. */
void sim_disk_crash(struct sim_disk *disk);
/* The power is back: files as the crash left them, no locks. */
void sim_disk_revive(struct sim_disk *disk);

/* A file's content, to look at and to damage; NULL: no such file. */
uint8_t *sim_disk_data(struct sim_disk *disk, const char *path, size_t *len);

#endif
