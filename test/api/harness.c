#define _XOPEN_SOURCE 700 /* nftw */
#include "harness.h"

#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DEADLINE_MS 30000 /* generous: only a failure meets it */

void harness_folder_make(struct harness_folder *folder)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(folder->path, sizeof(folder->path), "%s/dbr-api-XXXXXX",
             tmp == NULL ? "/tmp" : tmp);
    assert_non_null(mkdtemp(folder->path));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void harness_folder_remove(struct harness_folder *folder)
{
    nftw(folder->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *harness_path(const struct harness_folder *folder, const char *name)
{
    static char path[2 * HARNESS_PATH];
    snprintf(path, sizeof(path), "%s/%s", folder->path, name);
    return path;
}

debros_config harness_config(const struct harness_folder *folder)
{
    static const char *const listen[] = {"/ip4/127.0.0.1/tcp/0"};
    debros_config config;
    debros_config_default(&config);
    config.data_dir = folder->path;
    config.listen = listen;
    config.n_listen = 1;
    config.election_timeout = 100;
    return config;
}

debros_config harness_client(const debros_node *member, const char **addr)
{
    debros_config config;
    debros_config_default(&config);
    *addr = debros_node_listen_addr(member, 0);
    assert_non_null(*addr);
    config.client = true;
    config.bootstrap = addr;
    config.n_bootstrap = 1;
    return config;
}

debros_node *harness_create(const debros_config *config)
{
    debros_node *node = NULL;
    debros_detail detail = {.text = ""};
    if (debros_node_create(&node, config, &detail) != 0) {
        fail_msg("create: %s", detail.text);
    }
    return node;
}

int harness_start(debros_node *node)
{
    debros_req req = {0};
    int err = debros_start(node, &req, NULL);
    if (err == 0) {
        err = debros_wait(node, &req);
        if (err != 0) {
            print_message("start: %s\n", req.detail == NULL ? "" : req.detail);
        }
        debros_release(node, &req);
    }
    return err;
}

int harness_stop(debros_node *node)
{
    debros_req req = {0};
    int err = debros_stop(node, &req, NULL);
    if (err == 0) {
        err = debros_wait(node, &req);
        debros_release(node, &req);
    }
    return err;
}

int harness_exec(debros_node *node, const char *sql)
{
    debros_statement statement = {.sql = sql};
    debros_sql req = {.statements = &statement, .n_statements = 1};
    int err = debros_sql_exec(node, &req, NULL);
    if (err == 0) {
        err = debros_wait(node, &req.base);
        if (err != 0) {
            print_message("%s: %s\n", sql,
                          req.base.detail == NULL ? "" : req.base.detail);
        }
        debros_release(node, &req.base);
    }
    return err;
}

int64_t harness_count(debros_node *node, const char *sql)
{
    debros_statement statement = {.sql = sql};
    debros_sql req = {.statements = &statement, .n_statements = 1};
    assert_int_equal(debros_sql_query(node, &req, NULL), 0);
    int err = debros_wait(node, &req.base);
    if (err != 0) {
        fail_msg("%s: %s", sql, req.base.detail == NULL ? "" : req.base.detail);
    }
    assert_int_equal(req.n_results, 1);
    assert_int_equal(req.results[0].n_rows, 1);
    assert_int_equal(req.results[0].cells[0].type, DEBROS_INTEGER);
    int64_t count = req.results[0].cells[0].as.integer;
    debros_release(node, &req.base);
    return count;
}

debros_node *harness_lead(const struct harness_folder *folder)
{
    debros_config config = harness_config(folder);
    debros_detail detail = {.text = ""};
    if (debros_init(&config, &detail) != 0) {
        fail_msg("init: %s", detail.text);
    }
    debros_node *node = harness_create(&config);
    assert_int_equal(harness_start(node), 0);
    assert_int_equal(harness_count(node, "SELECT 1"), 1);
    return node;
}

void harness_dispatch_until(debros_node *node, const int *n, int wanted)
{
    while (*n < wanted) {
        struct pollfd fd = {.fd = debros_event_fd(node), .events = POLLIN};
        if (poll(&fd, 1, DEADLINE_MS) != 1) {
            fail_msg("%d of %d callbacks came", *n, wanted);
        }
        assert_true(debros_dispatch(node, 0) >= 0);
    }
}
