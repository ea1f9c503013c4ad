/* A database file that is not what it was: opened, looked at and closed over our VFS, as
 * it is and with the checksums of its pages made right, so that what lies behind them is
 * reached. */
#include <sqlite3.h>

#include "base/alloc.h"
#include "fuzz.h"
#include "lib/sim_disk.h"
#include "store/db.h"
#include "store/page.h"
#include "store/store.h"

#define FILE_PATH "db/x.db"
#define MAX_SIZE  (64u * DBR_PAGE_SIZE)

static void look_at(struct dbr_db *db)
{
    static const char *const texts[] = {"SELECT name, sql FROM sqlite_schema",
                                        "PRAGMA integrity_check(1)",
                                        "SELECT applied FROM _debros_meta"};
    for (size_t i = 0; i < DBR_COUNT(texts); i++) {
        (void)dbr_internal_exec(db, texts[i]);
    }
}

static void run(const uint8_t *data, size_t size)
{
    struct sim_disk *disk = sim_disk_create(1);
    struct dbr_fs *fs = sim_disk_fs(disk);
    struct dbr_vfs_clock clock = {0};
    struct dbr_vfs *vfs = NULL;
    struct dbr_db *db = NULL;
    debros_detail detail = {.text = ""};
    dbr_assert(dbr_fs_write_file(fs, FILE_PATH, dbr_bytes(data, size)) == 0);
    dbr_assert(dbr_vfs_create(&vfs, fs, &clock) == 0);
    int err = dbr_db_open(&db, vfs, DBR_DB_APPLIER, FILE_PATH, false, &detail);
    dbr_assert(err == 0 || detail.text[0] != '\0');
    if (err == 0) {
        look_at(db);
        dbr_db_close(db);
    }
    dbr_vfs_destroy(vfs);
    sim_disk_destroy(disk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size = size < MAX_SIZE ? size : MAX_SIZE;
    run(data, size);
    uint8_t *copy = dbr_memdup(data, size);
    for (size_t i = 0; i < size / DBR_PAGE_SIZE; i++) {
        dbr_page_seal(copy + i * DBR_PAGE_SIZE, (uint32_t)i + 1);
    }
    run(copy, size);
    dbr_free(copy);
    return 0;
}
