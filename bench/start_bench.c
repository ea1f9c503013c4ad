/* A node as an operator meets it: how long from the start of its process to the first
 * answer of a linearizable query, with a data folder that is there; memory at rest; size
 * on disk of library and program, stripped.
 *
 *   start_bench [--json] [FILE]...      FILEs: whose stripped size is summed
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "debros.h"
#include "limits.h"

#define STARTS    7
#define IDLE_SECS 2

static char folder[] = "start-bench-XXXXXX";

/* ---- The process that is measured ---------------------------------------------------
 */

static void ask(debros_node *node, const char *text)
{
    debros_statement statement = {.sql = text};
    debros_sql sql = {.statements = &statement, .n_statements = 1};
    dbr_assert(debros_sql_query(node, &sql, NULL) == 0);
    dbr_assert(debros_wait(node, &sql.base) == 0);
    debros_release(node, &sql.base);
}

static int child(const char *data)
{
    static const char *const listen[] = {"/ip4/127.0.0.1/tcp/0"};
    debros_config config;
    debros_node *node;
    debros_req req = {0};
    debros_config_default(&config);
    config.data_dir = data;
    config.listen = listen;
    config.n_listen = 1;
    dbr_assert(debros_node_create(&node, &config, NULL) == 0);
    dbr_assert(debros_start(node, &req, NULL) == 0 && debros_wait(node, &req) == 0);
    ask(node, "SELECT 1");
    dbr_assert(write(STDOUT_FILENO, "!", 1) == 1);
    char byte;
    (void)!read(STDIN_FILENO, &byte, 1); /* until the parent goes */
    debros_node_destroy(node);
    return 0;
}

/* ---- The one that measures ------------------------------------------------------------
 */

struct process {
    pid_t pid;
    int in;
    double took_ms;
};

static struct process start(const char *self, const char *data)
{
    int in[2];
    int out[2];
    char byte;
    dbr_assert(pipe(in) == 0 && pipe(out) == 0);
    double begin = now_s();
    pid_t pid = fork();
    if (pid == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        close(in[1]);
        close(out[0]);
        execl(self, self, "--child", data, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    dbr_assert(read(out[0], &byte, 1) == 1);
    struct process p = {.pid = pid, .in = in[1], .took_ms = (now_s() - begin) * 1e3};
    close(out[0]);
    return p;
}

static void stop(const struct process *p)
{
    close(p->in);
    waitpid(p->pid, NULL, 0);
}

static double rss_mib(pid_t pid)
{
    char path[64];
    unsigned long pages = 0;
    snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    FILE *f = fopen(path, "r");
    dbr_assert(f != NULL && fscanf(f, "%*u %lu", &pages) == 1);
    fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

static double stripped_mib(int n, char **files)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        char command[1024];
        char path[64];
        struct stat st;
        snprintf(path, sizeof(path), "%s/stripped", folder);
        snprintf(command, sizeof(command), "strip -o %s '%s'", path, files[i]);
        if (system(command) == 0 && stat(path, &st) == 0) {
            sum += (double)st.st_size;
        }
    }
    return sum / (1 << 20);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    double times[STARTS];
    char data[64];
    if (argc == 3 && strcmp(argv[1], "--child") == 0) {
        return child(argv[2]);
    }
    bool as_json = argc > 1 && strcmp(argv[1], "--json") == 0;
    int first = as_json ? 2 : 1;
    dbr_assert(mkdtemp(folder) != NULL);
    snprintf(data, sizeof(data), "%s/node", folder);
    debros_config config;
    debros_config_default(&config);
    config.data_dir = data;
    dbr_assert(debros_init(&config, NULL) == 0);
    double idle = 0;
    for (int i = 0; i < STARTS; i++) {
        struct process p = start("/proc/self/exe", data);
        times[i] = p.took_ms;
        if (i == STARTS - 1) {
            sleep(IDLE_SECS);
            idle = rss_mib(p.pid);
        }
        stop(&p);
    }
    qsort(times, STARTS, sizeof(times[0]), compare);
    double size = stripped_mib(argc - first, argv + first);
    printf(as_json ? "{\"bench\":\"start\",\"peer\":\"debros\",\"start_ms\":%.1f,"
                     "\"start_min_ms\":%.1f,\"start_max_ms\":%.1f,\"idle_mib\":%.1f,"
                     "\"disk_mib\":%.2f}\n"
                   : "start to first answer %.1f ms (%.1f-%.1f)   at rest %.1f MiB   "
                     "stripped %.2f MiB\n",
           times[STARTS / 2], times[0], times[STARTS - 1], idle, size);
    return remove_folder(folder);
}
