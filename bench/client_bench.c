/* What an application sees: nodes in processes of their own on loopback, and a light
 * client in this one, which reaches them over one encrypted stream with many requests in
 * flight, and takes its callbacks in line. Writes are one-row INSERTs of 256 bytes with
 * parameters, durable and applied when they are acknowledged; reads are SELECTs by key.
 *
 *   client_bench [--nodes N] [--flight F] [--seconds S] [--json]
 *
 * Without --flight: with 1, 64 and 256. Beside each figure stands its limit, measured in
 * the same run: a round trip over loopback, and for a write an fdatasync of 256 bytes.
 * --json prints one line for each figure, for bench/compare. */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "debros.h"
#include "limits.h"

#define ROWS       10000
#define VALUE_SIZE 256
#define MAX_FLIGHT 1024
#define MAX_NODES  5
#define MAX_TIMES  (1 << 22)
#define TEXT_MAX   1024

static char folder[] = "client-bench-XXXXXX";
static double seconds = 2;
static bool as_json;

/* ---- Limits ------------------------------------------------------------------------ */

static void *echo(void *data)
{
    int fd = *(int *)data;
    char bytes[VALUE_SIZE];
    ssize_t n;
    while ((n = read(fd, bytes, sizeof(bytes))) > 0 && write(fd, bytes, (size_t)n) == n) {
    }
    return NULL;
}

static double round_trip_us(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    int on = 1;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    dbr_assert(bind(listener, (struct sockaddr *)&addr, len) == 0);
    dbr_assert(listen(listener, 1) == 0);
    dbr_assert(getsockname(listener, (struct sockaddr *)&addr, &len) == 0);
    int a = socket(AF_INET, SOCK_STREAM, 0);
    dbr_assert(connect(a, (struct sockaddr *)&addr, len) == 0);
    int b = accept(listener, NULL, NULL);
    setsockopt(a, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(b, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    pthread_t thread;
    pthread_create(&thread, NULL, echo, &b);
    char bytes[VALUE_SIZE] = {0};
    double begin = now_s();
    int n = 0;
    for (; now_s() - begin < 0.5; n++) {
        dbr_assert(write(a, bytes, sizeof(bytes)) == sizeof(bytes));
        dbr_assert(read(a, bytes, sizeof(bytes)) > 0);
    }
    double took = now_s() - begin;
    close(a);
    pthread_join(thread, NULL);
    close(b);
    close(listener);
    return took / n * 1e6;
}

/* ---- Nodes, each in its process ------------------------------------------------------
 */

static struct {
    pid_t pid;
    char addr[TEXT_MAX];
} nodes[MAX_NODES];
static int n_nodes = 1;

static void must(int err, debros_node *node, debros_req *req, const char *what)
{
    int status = err == 0 ? debros_wait(node, req) : err;
    if (status != 0) {
        fprintf(stderr, "client_bench: %s: %s (%s)\n", what, debros_strerror(status),
                req->detail == NULL ? "" : req->detail);
        exit(1);
    }
}

/* Never returns. Tells its address, then lives until it is killed. */
static void node_main(int number, const char *invite, int out)
{
    static const char *const listen[] = {"/ip4/127.0.0.1/tcp/0"};
    debros_config config;
    debros_node *node;
    debros_req req = {0};
    char data[64];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    snprintf(data, sizeof(data), "%s/node%d", folder, number);
    debros_config_default(&config);
    config.data_dir = data;
    config.listen = listen;
    config.n_listen = 1;
    config.invite = invite;
    dbr_assert(invite != NULL || debros_init(&config, NULL) == 0);
    dbr_assert(debros_node_create(&node, &config, NULL) == 0);
    must(debros_start(node, &req, NULL), node, &req, "start");
    const char *addr = debros_node_listen_addr(node, 0);
    dbr_assert(write(out, addr, strlen(addr) + 1) > 0);
    for (;;) {
        pause();
    }
}

static void start_node(int number, const char *invite)
{
    int fds[2];
    dbr_assert(pipe(fds) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        node_main(number, invite, fds[1]);
    }
    close(fds[1]);
    nodes[number].pid = pid;
    dbr_assert(read(fds[0], nodes[number].addr, TEXT_MAX) > 0);
    close(fds[0]);
}

static void stop_nodes(void)
{
    for (int i = 0; i < n_nodes; i++) {
        if (nodes[i].pid > 0) {
            kill(nodes[i].pid, SIGKILL);
            waitpid(nodes[i].pid, NULL, 0);
        }
    }
}

/* CPU seconds of all nodes so far. */
static double cpu_s(void)
{
    double ticks = 0;
    for (int i = 0; i < n_nodes; i++) {
        char path[64];
        unsigned long user, system;
        snprintf(path, sizeof(path), "/proc/%d/stat", (int)nodes[i].pid);
        FILE *f = fopen(path, "r");
        dbr_assert(f != NULL);
        int n = fscanf(f, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                       &user, &system);
        fclose(f);
        dbr_assert(n == 2);
        ticks += (double)(user + system);
    }
    return ticks / (double)sysconf(_SC_CLK_TCK);
}

static double rss_mib(void)
{
    double pages = 0;
    for (int i = 0; i < n_nodes; i++) {
        char path[64];
        unsigned long resident;
        snprintf(path, sizeof(path), "/proc/%d/statm", (int)nodes[i].pid);
        FILE *f = fopen(path, "r");
        dbr_assert(f != NULL && fscanf(f, "%*u %lu", &resident) == 1);
        fclose(f);
        pages += (double)resident;
    }
    return pages * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

/* ---- The client ----------------------------------------------------------------------
 */

static debros_node *open_client(void)
{
    debros_config config;
    debros_node *client;
    debros_req req = {0};
    char key[64];
    const char *bootstrap[] = {nodes[0].addr};
    snprintf(key, sizeof(key), "%s/node0/operator.key", folder);
    debros_config_default(&config);
    config.client = true;
    config.identity_path = key;
    config.bootstrap = bootstrap;
    config.n_bootstrap = 1;
    config.inline_callbacks = true;
    dbr_assert(debros_node_create(&client, &config, NULL) == 0);
    must(debros_start(client, &req, NULL), client, &req, "client");
    return client;
}

static void start_cluster(void)
{
    start_node(0, NULL);
    for (int i = 1; i < n_nodes; i++) {
        debros_node *client = open_client();
        debros_net net = {0};
        must(debros_invite(client, &net, NULL), client, &net.base, "invite");
        start_node(i, net.text);
        debros_node_destroy(client);
    }
}

static void exec(debros_node *client, const char *text)
{
    debros_statement statement = {.sql = text};
    debros_sql sql = {.statements = &statement, .n_statements = 1};
    must(debros_sql_exec(client, &sql, NULL), client, &sql.base, text);
    debros_release(client, &sql.base);
}

struct work {
    const char *name;
    const char *sql;
    bool is_write;
    enum debros_level level;
};

struct slot {
    debros_sql sql; /* first: the callback finds its slot */
    debros_statement statement;
    debros_value params[2];
    double begun;
};

static struct slot slots[MAX_FLIGHT];
static float times[MAX_TIMES]; /* us */
static char value[VALUE_SIZE];
static int64_t next_key;

static uint32_t draw(void)
{
    static uint32_t x = 2463534242u; /* xorshift */
    x ^= x << 13;
    x ^= x >> 17;
    return x ^= x << 5;
}

/* What the callbacks of one run share; they run on one thread. */
static struct {
    debros_node *client;
    const struct work *work;
    double until;
    double ended;
    int n;
    int in_flight;
    sem_t done;
} turn;

static void answered(debros_sql *req, int status);

static void submit(struct slot *slot)
{
    const struct work *work = turn.work;
    int64_t key = work->is_write ? ++next_key : (int64_t)(draw() % ROWS) + 1;
    slot->params[0] = (debros_value){.type = DEBROS_INTEGER, .as.integer = key};
    slot->params[1] = (debros_value){.type = DEBROS_TEXT,
                                     .as.bytes = {(const uint8_t *)value, VALUE_SIZE}};
    slot->statement = (debros_statement){
        .sql = work->sql, .params = slot->params, .n_params = work->is_write ? 2 : 1};
    slot->sql = (debros_sql){
        .statements = &slot->statement, .n_statements = 1, .level = work->level};
    slot->begun = now_s();
    int err = work->is_write ? debros_sql_exec(turn.client, &slot->sql, answered)
                             : debros_sql_query(turn.client, &slot->sql, answered);
    dbr_assert(err == 0);
}

static void answered(debros_sql *req, int status)
{
    struct slot *slot = (struct slot *)req;
    if (status != 0) {
        fprintf(stderr, "client_bench: %s: %s (%s)\n", slot->statement.sql,
                debros_strerror(status),
                req->base.detail == NULL ? "" : req->base.detail);
        exit(1);
    }
    double now = now_s();
    if (now < turn.until) {
        times[turn.n++ % MAX_TIMES] = (float)((now - slot->begun) * 1e6);
        turn.ended = now;
        submit(slot);
    } else if (--turn.in_flight == 0) {
        sem_post(&turn.done);
    }
}

struct figures {
    double per_s;
    double p50_us;
    double p99_us;
    double cpu_us; /* of all nodes for one operation */
};

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return x < y ? -1 : x > y;
}

/* The first ones too leave from the callbacks' thread. */
static void begin_turn(debros_net *req, int status)
{
    (void)req;
    dbr_assert(status == 0);
    for (int i = 0; i < turn.in_flight; i++) {
        submit(&slots[i]);
    }
}

static struct figures run(debros_node *client, const struct work *work, int flight,
                          double lasts)
{
    double cpu = cpu_s();
    double begin = now_s();
    turn.client = client;
    turn.work = work;
    turn.until = begin + lasts;
    turn.n = 0;
    turn.in_flight = flight;
    debros_net begun = {0};
    dbr_assert(debros_status_get(client, &begun, begin_turn) == 0);
    while (sem_wait(&turn.done) != 0) {
    }
    cpu = cpu_s() - cpu;
    size_t kept = turn.n < MAX_TIMES ? (size_t)turn.n : MAX_TIMES;
    qsort(times, kept, sizeof(times[0]), compare);
    return (struct figures){.per_s = turn.n / (turn.ended - begin),
                            .p50_us = (double)times[kept / 2],
                            .p99_us = (double)times[kept * 99 / 100],
                            .cpu_us = cpu / turn.n * 1e6};
}

/* ---- Report --------------------------------------------------------------------------
 */

static const struct work works[] = {
    {"write", "INSERT INTO kv(k, v) VALUES(?, ?)", true, DEBROS_LINEARIZABLE},
    {"read-none", "SELECT v FROM kv WHERE k = ?", false, DEBROS_NONE},
    {"read-weak", "SELECT v FROM kv WHERE k = ?", false, DEBROS_WEAK},
    {"read-linearizable", "SELECT v FROM kv WHERE k = ?", false, DEBROS_LINEARIZABLE},
};

static void print(const struct work *work, int flight, const struct figures *f,
                  double limit_us)
{
    if (as_json) {
        printf("{\"bench\":\"%s\",\"peer\":\"debros\",\"nodes\":%d,\"connections\":1,"
               "\"flight\":%d,\"per_s\":%.0f,\"p50_us\":%.0f,\"p99_us\":%.0f,"
               "\"cpu_s_per_1000\":%.5f,\"rss_mib\":%.1f}\n",
               work->name, n_nodes, flight, f->per_s, f->p50_us, f->p99_us,
               f->cpu_us / 1e3, rss_mib());
        return;
    }
    printf("%-18s %d node%s %4d in flight %9.0f /s  p50 %6.0f us  p99 %7.0f us  "
           "CPU of the nodes %6.1f us  RSS %5.1f MiB",
           work->name, n_nodes, n_nodes == 1 ? " " : "s", flight, f->per_s, f->p50_us,
           f->p99_us, f->cpu_us, rss_mib());
    if (flight == 1) {
        printf("  limit %.0f us, %.2f", limit_us, f->p50_us / limit_us);
    }
    printf("\n");
}

static void bench(debros_node *client, int flight, double sync_us, double trip_us)
{
    for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
        (void)run(client, &works[i], flight, 0.2);
        struct figures f = run(client, &works[i], flight, seconds);
        /* A write on three nodes: the leader's flush runs beside the followers'. */
        double limit = trip_us + (works[i].is_write ? sync_us : 0) +
                       (works[i].is_write && n_nodes > 1 ? trip_us : 0);
        print(&works[i], flight, &f, limit);
        fflush(stdout);
    }
}

static int arguments(int argc, char **argv)
{
    int flight = 0;
    for (int i = 1; i < argc; i++) {
        const char *next = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--json") == 0) {
            as_json = true;
        } else if (strcmp(argv[i], "--nodes") == 0 && i++ < argc) {
            n_nodes = atoi(next);
        } else if (strcmp(argv[i], "--flight") == 0 && i++ < argc) {
            flight = atoi(next);
        } else if (strcmp(argv[i], "--seconds") == 0 && i++ < argc) {
            seconds = atof(next);
        } else {
            n_nodes = 0;
        }
    }
    if (n_nodes < 1 || n_nodes > MAX_NODES || flight < 0 || flight > MAX_FLIGHT ||
        seconds <= 0) {
        fprintf(stderr,
                "usage: client_bench [--nodes 1-%d] [--flight 1-%d] "
                "[--seconds S] [--json]\n",
                MAX_NODES, MAX_FLIGHT);
        exit(2);
    }
    return flight;
}

int main(int argc, char **argv)
{
    int flight = arguments(argc, argv);
    memset(value, 'v', sizeof(value));
    sem_init(&turn.done, 0, 0);
    dbr_assert(mkdtemp(folder) != NULL);
    double sync_us = 1e6 / fdatasyncs(folder, 0.5);
    double trip_us = round_trip_us();
    if (!as_json) {
        printf("fdatasync of 256 B %.0f us, loopback round trip of 256 B %.0f us\n",
               sync_us, trip_us);
    }
    fflush(stdout);
    start_cluster();
    debros_node *client = open_client();
    exec(client, "CREATE TABLE kv(k INTEGER PRIMARY KEY, v TEXT)");
    /* Rows to read, and a cluster that has found its places. */
    do {
        (void)run(client, &works[0], 64, 0.5);
    } while (next_key < ROWS);
    static const int flights[] = {1, 64, 256};
    for (size_t i = 0; i < sizeof(flights) / sizeof(flights[0]); i++) {
        if (flight == 0 || i == 0) {
            bench(client, flight == 0 ? flights[i] : flight, sync_us, trip_us);
        }
    }
    debros_node_destroy(client);
    stop_nodes();
    return remove_folder(folder);
}
