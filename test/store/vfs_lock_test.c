#include "db_fixture.h"
#include "store/vfs_private.h"

#define LOCK_SHARED      (SQLITE_SHM_LOCK | SQLITE_SHM_SHARED)
#define UNLOCK_SHARED    (SQLITE_SHM_UNLOCK | SQLITE_SHM_SHARED)
#define LOCK_EXCLUSIVE   (SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE)
#define UNLOCK_EXCLUSIVE (SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE)

/* Two handles of one file. */
struct pair {
    struct dbr_vfs vfs;
    struct vfs_side side;
    struct vfs_file a;
    struct vfs_file b;
};

static void pair_open(struct pair *p)
{
    memset(p, 0, sizeof(*p));
    assert_int_equal(pthread_mutex_init(&p->vfs.lock, NULL), 0);
    p->side.vfs = &p->vfs;
    p->a.side = &p->side;
    p->b.side = &p->side;
    dbr_path_format(p->a.path, "x");
    dbr_path_format(p->b.path, "x");
    assert_int_equal(dbr_vfs_node_acquire(&p->a), SQLITE_OK);
    assert_int_equal(dbr_vfs_node_acquire(&p->b), SQLITE_OK);
    assert_ptr_equal(p->a.node, p->b.node);
}

static void pair_close(struct pair *p)
{
    (void)dbr_vfs_shm_unmap(&p->a.base, 0);
    (void)dbr_vfs_shm_unmap(&p->b.base, 0);
    dbr_vfs_node_release(&p->a);
    dbr_vfs_node_release(&p->b);
    assert_null(p->vfs.nodes);
    (void)pthread_mutex_destroy(&p->vfs.lock);
}

static void one_writer_and_many_readers(void **state)
{
    (void)state;
    struct pair p;
    int reserved = 0;
    pair_open(&p);
    assert_int_equal(dbr_vfs_lock(&p.a.base, SQLITE_LOCK_SHARED), SQLITE_OK);
    assert_int_equal(dbr_vfs_lock(&p.b.base, SQLITE_LOCK_SHARED), SQLITE_OK);
    assert_int_equal(dbr_vfs_lock(&p.a.base, SQLITE_LOCK_RESERVED), SQLITE_OK);
    assert_int_equal(dbr_vfs_lock(&p.b.base, SQLITE_LOCK_RESERVED), SQLITE_BUSY);
    assert_int_equal(dbr_vfs_check_reserved(&p.b.base, &reserved), SQLITE_OK);
    assert_true(reserved);
    assert_int_equal(dbr_vfs_lock(&p.a.base, SQLITE_LOCK_EXCLUSIVE), SQLITE_BUSY);
    assert_int_equal(dbr_vfs_unlock(&p.b.base, SQLITE_LOCK_NONE), SQLITE_OK);
    assert_int_equal(dbr_vfs_lock(&p.b.base, SQLITE_LOCK_SHARED),
                     SQLITE_BUSY); /* one waits */
    assert_int_equal(dbr_vfs_lock(&p.a.base, SQLITE_LOCK_EXCLUSIVE), SQLITE_OK);
    assert_int_equal(dbr_vfs_unlock(&p.a.base, SQLITE_LOCK_SHARED), SQLITE_OK);
    assert_int_equal(dbr_vfs_lock(&p.b.base, SQLITE_LOCK_SHARED), SQLITE_OK);
    assert_int_equal(dbr_vfs_unlock(&p.a.base, SQLITE_LOCK_NONE), SQLITE_OK);
    assert_int_equal(dbr_vfs_unlock(&p.b.base, SQLITE_LOCK_NONE), SQLITE_OK);
    pair_close(&p);
}

static void slots_are_shared_or_exclusive(void **state)
{
    (void)state;
    struct pair p;
    void volatile *page = NULL;
    pair_open(&p);
    assert_int_equal(dbr_vfs_shm_map(&p.a.base, 0, 32768, 1, &page), SQLITE_OK);
    assert_int_equal(dbr_vfs_shm_lock(&p.a.base, 3, 1, LOCK_SHARED), SQLITE_OK);
    assert_int_equal(dbr_vfs_shm_lock(&p.b.base, 3, 1, LOCK_SHARED), SQLITE_OK);
    assert_int_equal(dbr_vfs_shm_lock(&p.b.base, 2, 3, LOCK_EXCLUSIVE), SQLITE_BUSY);
    assert_int_equal(dbr_vfs_shm_lock(&p.a.base, 3, 1, UNLOCK_SHARED), SQLITE_OK);
    assert_int_equal(dbr_vfs_shm_lock(&p.b.base, 3, 1, UNLOCK_SHARED), SQLITE_OK);
    assert_int_equal(dbr_vfs_shm_lock(&p.b.base, 2, 3, LOCK_EXCLUSIVE), SQLITE_OK);
    assert_int_equal(dbr_vfs_shm_lock(&p.a.base, 4, 1, LOCK_SHARED), SQLITE_BUSY);
    assert_int_equal(dbr_vfs_shm_lock(&p.a.base, 4, 1, LOCK_EXCLUSIVE), SQLITE_BUSY);
    assert_int_equal(dbr_vfs_shm_lock(&p.b.base, 2, 3, UNLOCK_EXCLUSIVE), SQLITE_OK);
    assert_int_equal(dbr_vfs_shm_lock(&p.a.base, 4, 1, LOCK_EXCLUSIVE), SQLITE_OK);
    pair_close(&p); /* gives back what is held */
}

static void memory_is_the_same_for_both(void **state)
{
    (void)state;
    struct pair p;
    void volatile *x = NULL;
    void volatile *y = NULL;
    pair_open(&p);
    assert_int_equal(dbr_vfs_shm_map(&p.a.base, 1, 32768, 0, &x), SQLITE_OK);
    assert_null((void *)(uintptr_t)x); /* not there, and not asked for */
    assert_int_equal(dbr_vfs_shm_map(&p.a.base, 1, 32768, 1, &x), SQLITE_OK);
    ((uint8_t volatile *)x)[32767] = 7;
    assert_int_equal(dbr_vfs_shm_map(&p.b.base, 1, 32768, 0, &y), SQLITE_OK);
    assert_true(x == y);
    assert_int_equal(((uint8_t volatile *)y)[32767], 7);
    dbr_vfs_shm_barrier(&p.b.base);
    pair_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_writer_and_many_readers),
        cmocka_unit_test(slots_are_shared_or_exclusive),
        cmocka_unit_test(memory_is_the_same_for_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
