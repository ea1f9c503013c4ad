/* One connection on a simulated disk. */
#ifndef DBR_TEST_STORE_DB_FIXTURE_H
#define DBR_TEST_STORE_DB_FIXTURE_H

#include "lib/sim_disk.h"
#include "lib/test.h"
#include "store/run.h"

struct db_fixture {
    struct sim_disk *disk;
    struct dbr_vfs *vfs;
    struct dbr_db *db;     /* an applier's */
    struct dbr_db *reader; /* NULL until it is opened */
};

static inline void db_open(struct db_fixture *f)
{
    struct dbr_vfs_clock clock = {0};
    *f = (struct db_fixture){.disk = sim_disk_create(1)};
    assert_int_equal(dbr_vfs_create(&f->vfs, sim_disk_fs(f->disk), &clock), 0);
    assert_int_equal(dbr_db_open(&f->db, f->vfs, DBR_DB_APPLIER, "db/x.db", false, NULL),
                     0);
    f->db->max_steps = 100;
}

static inline void db_open_reader(struct db_fixture *f)
{
    assert_int_equal(
        dbr_db_open(&f->reader, f->vfs, DBR_DB_READER, "db/x.db", false, NULL), 0);
}

static inline void db_close(struct db_fixture *f)
{
    dbr_db_close(f->reader);
    dbr_db_close(f->db);
    dbr_vfs_destroy(f->vfs);
    sim_disk_destroy(f->disk);
}

#endif
