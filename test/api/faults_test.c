/* A node's life through the public API, again and again: each time another operation on a
 * file or another allocation fails (ours, libraft's, SQLite's). No crash, no leak, an
 * error with a reason; after a clean start all that was acknowledged is there. */
#include <raft.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness.h"
#include "lib/fault_fs.h"
#include "lib/fault_heap.h"

#define TIMEOUT_MS 5000

/* ---- Memory
 * ------------------------------------------------------------------------------ */

enum kind { IO_ERROR, NO_SPACE, OUR_MEMORY, RAFT_MEMORY, SQLITE_MEMORY };

static _Atomic int64_t n_left = -1; /* below 0: off, or has struck */
static atomic_int kind_failing;
static atomic_bool struck;

static bool fails(enum kind kind)
{
    if (atomic_load(&kind_failing) != (int)kind || atomic_load(&n_left) < 0 ||
        atomic_fetch_sub(&n_left, 1) != 0) {
        return false;
    }
    atomic_store(&struck, true);
    return true;
}

bool fault_heap_fails(enum fault_heap heap)
{
    return fails(heap == FAULT_HEAP_OURS ? OUR_MEMORY : SQLITE_MEMORY);
}

static void *heap_malloc(void *data, size_t size)
{
    (void)data;
    return fails(RAFT_MEMORY) ? NULL : malloc(size);
}

static void heap_free(void *data, void *ptr)
{
    (void)data;
    free(ptr);
}

static void *heap_calloc(void *data, size_t count, size_t size)
{
    (void)data;
    return fails(RAFT_MEMORY) ? NULL : calloc(count, size);
}

static void *heap_realloc(void *data, void *ptr, size_t size)
{
    (void)data;
    return fails(RAFT_MEMORY) ? NULL : realloc(ptr, size);
}

static void *heap_aligned_alloc(void *data, size_t alignment, size_t size)
{
    (void)data;
    return fails(RAFT_MEMORY) ? NULL : aligned_alloc(alignment, size);
}

static void heap_aligned_free(void *data, size_t alignment, void *ptr)
{
    (void)data;
    (void)alignment;
    free(ptr);
}

static struct raft_heap heap = {.malloc = heap_malloc,
                                .free = heap_free,
                                .calloc = heap_calloc,
                                .realloc = heap_realloc,
                                .aligned_alloc = heap_aligned_alloc,
                                .aligned_free = heap_aligned_free};

/* ---- The script
 * ---------------------------------------------------------------------------- */

struct life {
    struct harness_folder folder;
    debros_node *node;
    bool has_table;
    int64_t rows; /* acknowledged */
    bool has_namespace;
    int err;
    char reason[512];
};

static int note(struct life *l, int err, const char *reason)
{
    l->err = err;
    if (err != 0) {
        (void)snprintf(l->reason, sizeof(l->reason), "%s", reason == NULL ? "" : reason);
    }
    return err;
}

static int exec(struct life *l, const char *ns, const char *sql)
{
    debros_statement statement = {.sql = sql};
    debros_sql req = {.statements = &statement, .n_statements = 1, .ns = ns};
    req.base.timeout = TIMEOUT_MS;
    int err = debros_sql_exec(l->node, &req, NULL);
    if (err != 0) {
        debros_detail detail = {.text = ""};
        (void)debros_node_check(l->node, &detail);
        return note(l, err, detail.text[0] == '\0' ? debros_strerror(err) : detail.text);
    }
    err = debros_wait(l->node, &req.base);
    (void)note(l, err, req.base.detail);
    debros_release(l->node, &req.base);
    return err;
}

static int start(struct life *l)
{
    debros_config config = harness_config(&l->folder);
    debros_detail detail = {.text = ""};
    debros_req req = {.timeout = TIMEOUT_MS};
    int err = debros_node_create(&l->node, &config, &detail);
    if (err != 0) {
        l->node = NULL;
        return note(l, err, detail.text);
    }
    err = debros_start(l->node, &req, NULL);
    if (err != 0) {
        return note(l, err, debros_strerror(err));
    }
    err = debros_wait(l->node, &req);
    (void)note(l, err, req.detail);
    debros_release(l->node, &req);
    return err;
}

static void end(struct life *l)
{
    debros_node_destroy(l->node);
    l->node = NULL;
}

static int init(struct life *l)
{
    debros_config config = harness_config(&l->folder);
    debros_detail detail = {.text = ""};
    return note(l, debros_init(&config, &detail), detail.text);
}

static int insert_one(struct life *l)
{
    int err = exec(l, NULL, "INSERT INTO t VALUES (1, zeroblob(3000))");
    l->rows += err == 0;
    return err;
}

static int query(struct life *l)
{
    debros_statement statement = {.sql = "SELECT count(*) FROM t"};
    debros_sql req = {.statements = &statement, .n_statements = 1};
    req.base.timeout = TIMEOUT_MS;
    int err = debros_sql_query(l->node, &req, NULL);
    if (err != 0) {
        return note(l, err, debros_strerror(err));
    }
    err = debros_wait(l->node, &req.base);
    if (err == 0) {
        assert_true(req.results[0].cells[0].as.integer >= l->rows);
    }
    (void)note(l, err, req.base.detail);
    debros_release(l->node, &req.base);
    return err;
}

static int create_namespace(struct life *l)
{
    debros_net req = {.target = "other"};
    req.base.timeout = TIMEOUT_MS;
    int err = debros_ns_create(l->node, &req, NULL);
    if (err != 0) {
        return note(l, err, debros_strerror(err));
    }
    err = debros_wait(l->node, &req.base);
    (void)note(l, err, req.base.detail);
    debros_release(l->node, &req.base);
    l->has_namespace = l->has_namespace || err == 0;
    return err;
}

static int ask_table(struct life *l, debros_dht *req,
                     int (*call)(debros_node *, debros_dht *, debros_dht_cb))
{
    req->base.timeout = TIMEOUT_MS;
    int err = call(l->node, req, NULL);
    if (err != 0) {
        return note(l, err, req->base.detail);
    }
    err = debros_wait(l->node, &req->base);
    return note(l, err, req->base.detail);
}

/* What was stored is found, or an error says why not. */
static int hash_table(struct life *l)
{
    debros_dht req = {.key = "x", .value = {(const uint8_t *)"abc", 3}};
    debros_net net = {.service = "database", .base.timeout = TIMEOUT_MS};
    int err = ask_table(l, &req, debros_dht_put);
    if (err == 0 && (err = ask_table(l, &req, debros_dht_get)) == 0) {
        assert_int_equal(req.record->value.len, 3);
    }
    if (err == 0 && (err = ask_table(l, &req, debros_dht_provide)) == 0 &&
        (err = ask_table(l, &req, debros_dht_providers)) == 0) {
        assert_int_equal(req.n_peers, 1);
    }
    if (err == 0) {
        err = ask_table(l, &req, debros_dht_table);
    }
    debros_release(l->node, &req.base);
    if (err == 0 && (err = debros_peers(l->node, &net, NULL)) == 0) {
        err = debros_wait(l->node, &net.base);
        (void)note(l, err, net.base.detail);
        debros_release(l->node, &net.base);
    }
    return err;
}

static void live(struct life *l)
{
    if (init(l) != 0 || start(l) != 0 ||
        exec(l, NULL, "CREATE TABLE t(a INTEGER, b)") != 0) {
        return;
    }
    l->has_table = true;
    if (insert_one(l) != 0 || insert_one(l) != 0 || query(l) != 0 || hash_table(l) != 0 ||
        create_namespace(l) != 0 || exec(l, "other", "CREATE TABLE u(a)") != 0) {
        return;
    }
    debros_req stop = {.timeout = TIMEOUT_MS};
    int err = debros_stop(l->node, &stop, NULL);
    if (err == 0) {
        err = debros_wait(l->node, &stop);
        (void)note(l, err, stop.detail);
        debros_release(l->node, &stop);
    }
    end(l);
    if (err == 0 && start(l) == 0 && insert_one(l) == 0) {
        (void)query(l);
    }
}

static int64_t count(struct life *l, const char *sql)
{
    return harness_count(l->node, sql);
}

/* Everything that was acknowledged is there. */
static void check(struct life *l, int n)
{
    int err = start(l);
    if (err == DEBROS_ESTATE) { /* init had failed: it can be done again */
        end(l);
        assert_false(l->has_table);
        /* Or says that it will not touch what the first one has left. */
        if (init(l) != 0 && strstr(l->reason, "an init was cut off") != NULL) {
            return;
        }
        if (l->err != 0) {
            fail_msg("fault %d: init again: %s", n, l->reason);
        }
        err = start(l);
    }
    if (err != 0) {
        fail_msg("fault %d: start again: %s", n, l->reason);
    }
    if (l->has_table) {
        assert_true(count(l, "SELECT count(*) FROM t") >= l->rows);
        assert_int_equal(insert_one(l), 0);
    }
    if (l->has_namespace) {
        assert_int_equal(exec(l, "other", "CREATE TABLE IF NOT EXISTS v(a)"), 0);
    }
    end(l);
}

/* False: the fault came after the end. */
static bool one_life(enum kind kind, int n)
{
    struct life l = {0};
    char where[256];
    harness_folder_make(&l.folder);
    fault_fs_reset();
    atomic_store(&struck, false);
    atomic_store(&kind_failing, (int)kind);
    if (kind == IO_ERROR || kind == NO_SPACE) {
        fault_fs_fail_at((uint64_t)n, kind == IO_ERROR ? DEBROS_EIO : DEBROS_ENOSPC);
    } else {
        atomic_store(&n_left, n);
    }
    live(&l);
    end(&l);
    bool has_struck = fault_fs_struck(where) || atomic_load(&struck);
    atomic_store(&n_left, -1);
    fault_fs_reset();
    if (l.err != 0 && l.reason[0] == '\0') {
        fail_msg("fault %d: error %d without a reason", n, l.err);
    }
    if (l.err != 0 && !has_struck) {
        fail_msg("fault %d has not struck, and yet: %s", n, l.reason);
    }
    check(&l, n);
    harness_folder_remove(&l.folder);
    return has_struck;
}

static void all_lives(enum kind kind, int thinning)
{
    bool all = getenv("DEBROS_LONG") != NULL;
    int runs = 0;
    int n = 0;
    while (one_life(kind, n)) {
        runs++;
        n += all ? 1 : 1 + n / thinning;
    }
    printf("%d faults, the last at %d\n", runs, n);
    assert_true(runs > 10);
}

static void each_operation_on_a_file_fails_once(void **state)
{
    (void)state;
    all_lives(IO_ERROR, 6);
}

static void the_disk_is_full_once_at_each_operation(void **state)
{
    (void)state;
    all_lives(NO_SPACE, 6);
}

static void each_allocation_fails_once(void **state)
{
    (void)state;
    all_lives(OUR_MEMORY, 6);
}

static void each_allocation_of_libraft_fails_once(void **state)
{
    (void)state;
    /* Some eighty, of which each is another path. */
    all_lives(RAFT_MEMORY, getenv("DEBROS_BRIEF") != NULL ? 6 : 30);
}

static void each_allocation_of_sqlite_fails_once(void **state)
{
    (void)state;
    all_lives(SQLITE_MEMORY, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_operation_on_a_file_fails_once),
        cmocka_unit_test(the_disk_is_full_once_at_each_operation),
        cmocka_unit_test(each_allocation_fails_once),
        cmocka_unit_test(each_allocation_of_libraft_fails_once),
        cmocka_unit_test(each_allocation_of_sqlite_fails_once),
    };
    if (!fault_heap_wrap_sqlite()) {
        return 1;
    }
    raft_heap_set(&heap);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
