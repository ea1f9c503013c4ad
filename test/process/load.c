/* Load for tests of real clusters: writers with one request in flight each, and a reader.
 * Every request is one line of stdout, which history.py checks afterwards:
 *
 *     W WRITER N BEGAN ENDED STATUS INDEX         writer WRITER inserted (WRITER, N)
 *     R BEGAN ENDED STATUS INDEX WRITER=N ...     what a linearizable read saw
 *
 * Times are CLOCK_MONOTONIC in microseconds, so several of these programs on one machine
 * can be compared; STATUS is 0 or the error's number. A write adds a row to `load` and
 * raises the writer's number in `latest`, in one transaction. Ends, after what is in
 * flight, when stdin ends.
 *
 *     load KEY FIRST_WRITER WRITERS PACE_MS TIMEOUT_MS MODE ADDRESS...
 *
 * Each writer and the reader rest PACE_MS between two requests. MODE: `move` talks to one
 * address at a time and turns to the next after a failure, `stay` keeps to the first,
 * `all` leaves the choice among them to the library. */
#include <debros.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_WRITERS  64
#define MAX_ADDRS    16
#define PAUSE_MS     100   /* after a failure */
#define TICK_MS      2     /* how exactly PACE_MS is kept */
#define MAX_START_MS 10000 /* for one address to answer at the start */

struct load;

struct slot {
    struct load *load;
    debros_sql sql;
    debros_value params[4];
    debros_statement statements[2];
    int64_t writer; /* -1: the reader */
    int64_t n;
    int64_t began;
    bool in_flight;
    int64_t not_before; /* the next request */
};

struct load {
    debros_node *node;
    const char *key;
    const char *mode;
    char **addrs;
    size_t n_addrs;
    size_t at; /* the address in use */
    uint32_t timeout_ms;
    int64_t pace_us;
    size_t n_slots;
    struct slot slots[MAX_WRITERS + 1];
    bool failed; /* turn to another address when nothing is in flight */
    bool ending;
};

static const char insert_sql[] = "INSERT INTO load(writer, n) VALUES (?, ?)";
static const char latest_sql[] = "INSERT INTO latest(writer, n) VALUES (?, ?) ON CONFLICT"
                                 "(writer) DO UPDATE SET n = max(n, excluded.n)";
static const char read_sql[] = "SELECT writer, n FROM latest";

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static debros_value integer(int64_t value)
{
    return (debros_value){.type = DEBROS_INTEGER, .as.integer = value};
}

static void print_read(const debros_sql *sql, int status)
{
    const debros_result *result = status == 0 ? &sql->results[0] : NULL;
    for (size_t row = 0; result != NULL && row < result->n_rows; row++) {
        const debros_value *cells = &result->cells[row * result->n_columns];
        printf(" %" PRId64 "=%" PRId64, cells[0].as.integer, cells[1].as.integer);
    }
}

static void done(debros_sql *sql, int status)
{
    struct slot *slot = sql->base.data;
    int64_t now = now_us();
    uint64_t index = status == 0 ? sql->index : 0;
    if (slot->writer >= 0) {
        printf("W %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %d %" PRIu64,
               slot->writer, slot->n, slot->began, now, -status, index);
    } else {
        printf("R %" PRId64 " %" PRId64 " %d %" PRIu64, slot->began, now, -status, index);
        print_read(sql, status);
    }
    putchar('\n');
    slot->in_flight = false;
    slot->not_before = now + (status == 0 ? slot->load->pace_us : PAUSE_MS * 1000);
    if (status != 0) {
        slot->load->failed = true;
        fprintf(stderr, "%s: %s\n", debros_err_name(status),
                sql->base.detail != NULL ? sql->base.detail : "");
    }
}

static void submit(struct slot *slot)
{
    bool writes = slot->writer >= 0;
    debros_sql *sql = &slot->sql;
    slot->n++;
    memset(sql, 0, sizeof(*sql));
    slot->params[0] = slot->params[2] = integer(slot->writer);
    slot->params[1] = slot->params[3] = integer(slot->n);
    slot->statements[0] = (debros_statement){.sql = writes ? insert_sql : read_sql,
                                             .params = writes ? slot->params : NULL,
                                             .n_params = writes ? 2 : 0};
    slot->statements[1] =
        (debros_statement){.sql = latest_sql, .params = slot->params + 2, .n_params = 2};
    sql->base.data = slot;
    sql->base.timeout = slot->load->timeout_ms;
    sql->statements = slot->statements;
    sql->n_statements = writes ? 2 : 1;
    slot->began = now_us();
    slot->in_flight = true;
    int err = writes ? debros_sql_exec(slot->load->node, sql, done)
                     : debros_sql_query(slot->load->node, sql, done);
    if (err != 0) {
        done(sql, err);
    }
}

/* A client of the address in use, or of all. NULL: it cannot be reached now. */
static debros_node *open_client(const struct load *load)
{
    bool all = strcmp(load->mode, "all") == 0;
    debros_config config;
    debros_node *node = NULL;
    debros_detail detail = {""};
    debros_req start = {.timeout = MAX_START_MS};
    debros_config_default(&config);
    config.client = true;
    config.identity_path = load->key;
    config.bootstrap = (const char *const *)&load->addrs[all ? 0 : load->at];
    config.n_bootstrap = all ? load->n_addrs : 1;
    if (debros_node_create(&node, &config, &detail) != 0) {
        fprintf(stderr, "load: %s\n", detail.text);
        exit(1);
    }
    int err = debros_start(node, &start, NULL);
    err = err != 0 ? err : debros_wait(node, &start);
    if (err != 0) {
        fprintf(stderr, "%s: start: %s\n", debros_err_name(err),
                start.detail != NULL ? start.detail : "");
        debros_node_destroy(node);
        return NULL;
    }
    return node;
}

static bool is_quiet(const struct load *load)
{
    for (size_t i = 0; i < load->n_slots; i++) {
        if (load->slots[i].in_flight) {
            return false;
        }
    }
    return true;
}

static void turn(struct load *load)
{
    bool dead = load->node != NULL && debros_node_check(load->node, NULL) != 0;
    if (load->failed && (dead || strcmp(load->mode, "move") == 0)) {
        debros_node_destroy(load->node);
        load->node = NULL;
        load->at = strcmp(load->mode, "move") == 0 ? (load->at + 1) % load->n_addrs : 0;
    }
    load->failed = false;
}

static void step(struct load *load)
{
    if (load->failed && is_quiet(load)) {
        turn(load);
    }
    if (load->node == NULL) {
        load->node = open_client(load);
        load->failed = load->node == NULL;
        load->at = load->failed ? (load->at + 1) % load->n_addrs : load->at;
        if (load->failed) {
            poll(NULL, 0, PAUSE_MS);
            return;
        }
    }
    int64_t now = now_us();
    for (size_t i = 0; !load->failed && !load->ending && i < load->n_slots; i++) {
        if (!load->slots[i].in_flight && now >= load->slots[i].not_before) {
            submit(&load->slots[i]);
        }
    }
}

static void run(struct load *load)
{
    for (;;) {
        step(load);
        if (load->ending && is_quiet(load)) {
            return;
        }
        struct pollfd fds[] = {
            {load->node != NULL ? debros_event_fd(load->node) : -1, POLLIN, 0},
            {load->ending ? -1 : STDIN_FILENO, POLLIN, 0}};
        poll(fds, 2, load->node != NULL ? TICK_MS : 0);
        char ignored[64];
        if (fds[1].revents != 0 && read(STDIN_FILENO, ignored, sizeof(ignored)) == 0) {
            load->ending = true;
        }
        if (load->node != NULL) {
            debros_dispatch(load->node, 0);
        }
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    static struct load load;
    if (argc < 8 || argc - 7 > MAX_ADDRS || atoi(argv[3]) > MAX_WRITERS) {
        fprintf(stderr, "usage: load KEY FIRST_WRITER WRITERS PACE_MS TIMEOUT_MS "
                        "move|stay|all ADDRESS...\n");
        return 2;
    }
    load.key = argv[1];
    load.n_slots = (size_t)atoi(argv[3]) + 1;
    load.pace_us = 1000 * (int64_t)atoi(argv[4]);
    load.timeout_ms = (uint32_t)atoi(argv[5]);
    load.mode = argv[6];
    load.addrs = argv + 7;
    load.n_addrs = (size_t)(argc - 7);
    for (size_t i = 0; i < load.n_slots; i++) {
        load.slots[i].load = &load;
        load.slots[i].writer = i + 1 < load.n_slots ? atoi(argv[2]) + (int64_t)i : -1;
    }
    run(&load);
    debros_node_destroy(load.node);
    return 0;
}
