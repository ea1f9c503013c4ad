/* Each byte of a small store's files changed once. Either the damage is found, and the
 * words name the file (for logs and databases the offset too), or nothing differs. */
#include <stdio.h>
#include <stdlib.h>

#include "workload.h"

#define STEPS 22u

/* Files of the simulated disk. */
struct files {
    char paths[32][64];
    size_t n;
    const char *folder;
};

static void add_file(void *data, const char *name)
{
    struct files *files = data;
    assert_true(files->n < DBR_COUNT(files->paths));
    (void)snprintf(files->paths[files->n++], sizeof(files->paths[0]), "%s/%s",
                   files->folder, name);
}

static void list_files(struct sim_disk *disk, struct files *files)
{
    static const char *const folders[] = {"log", "db", "image"};
    struct dbr_fs *fs = sim_disk_fs(disk);
    files->n = 0;
    for (size_t i = 0; i < DBR_COUNT(folders); i++) {
        files->folder = folders[i];
        assert_int_equal(fs->ops->list(fs, folders[i], add_file, files), 0);
    }
}

/* The disk that a workload leaves: after a clean end, or as a killed process does. */
static struct sim_disk *make_disk(bool clean, struct workload *w)
{
    struct fixture f;
    *w = (struct workload){0};
    workload_init(&f);
    fixture_open(&f);
    assert_int_equal(workload_run(&f, w, STEPS), 0);
    struct sim_disk *left = sim_disk_clone(f.disk, 1);
    fixture_close(&f);
    if (clean) {
        sim_disk_destroy(left);
        left = sim_disk_clone(f.disk, 1);
    }
    fixture_finish(&f);
    return left;
}

struct verdicts {
    size_t at_open, at_use, harmless;
};

static bool names(const char *words, const char *path)
{
    /* A WAL that is damaged where SQLite finds its end leaves the file's name. */
    char database[64];
    size_t len = strlen(path);
    (void)snprintf(database, sizeof(database), "%s", path);
    if (len > 4 && strcmp(path + len - 4, "-wal") == 0) {
        database[len - 4] = '\0';
    }
    return strstr(words, database) != NULL;
}

/* NULL, or what is wrong with what the store made of this disk. */
static const char *judge(struct sim_disk *disk, const struct workload *w,
                         const char *path, struct verdicts *v)
{
    static char words[600];
    struct fixture f = {0};
    workload_init(&f);
    sim_disk_destroy(f.disk);
    f.disk = disk;
    f.config.fs = sim_disk_fs(disk);
    const char *wrong = NULL;
    if (fixture_try_open(&f) != 0) {
        v->at_open++;
        if (!names(f.detail.text, path)) {
            (void)snprintf(words, sizeof(words), "not named: %s", f.detail.text);
            wrong = words;
        }
    } else {
        uint64_t last = workload_replay(&f);
        wrong = last == 0 ? f.detail.text : workload_check(&f, w, last);
        v->harmless += wrong == NULL;
        if (wrong != NULL) {
            (void)snprintf(words, sizeof(words), "last %d: %s", (int)last, wrong);
            bool found = names(words, path) && strstr(words, "damaged at offset");
            v->at_use += found;
            wrong = found ? NULL : words;
        }
    }
    fixture_finish(&f);
    return wrong;
}

/* From one byte that a run flips to the next: the soak passes over none. What was never
 * written and pages of databases are much alike. */
static size_t step_of(const char *path, const uint8_t *data, size_t len, size_t at)
{
    static const uint8_t zeroes[64];
    bool is_log = strncmp(path, "log/", 4) == 0;
    bool blank =
        len - at >= sizeof(zeroes) && memcmp(data + at, zeroes, sizeof(zeroes)) == 0;
    if (getenv("DEBROS_LONG") != NULL) {
        return 1;
    }
    if (getenv("DEBROS_BRIEF") != NULL) { /* sanitizers are slow */
        return is_log && !blank ? 5 : 145;
    }
    return is_log && !blank ? 1 : 29;
}

static void flip_all(bool clean)
{
    struct workload w;
    struct files files;
    struct verdicts v = {0};
    struct sim_disk *disk = make_disk(clean, &w);
    size_t n_wrong = 0;
    size_t n = 0;
    list_files(disk, &files);
    for (size_t p = 0; p < files.n; p++) {
        size_t len = 0;
        const uint8_t *data = sim_disk_data(disk, files.paths[p], &len);
        for (size_t i = 0; i < len; i += step_of(files.paths[p], data, len, i), n++) {
            struct sim_disk *copy = sim_disk_clone(disk, 1);
            sim_disk_data(copy, files.paths[p], &len)[i] ^= (uint8_t)(1 << (i % 8));
            const char *wrong = judge(copy, &w, files.paths[p], &v);
            if (wrong != NULL && n_wrong++ < 20) {
                printf("%s, byte %d: %s\n", files.paths[p], (int)i, wrong);
            }
        }
    }
    sim_disk_destroy(disk);
    printf("%d bytes: %d found at the start, %d when used, %d harmless\n", (int)n,
           (int)v.at_open, (int)v.at_use, (int)v.harmless);
    assert_int_equal(n_wrong, 0);
    assert_true(v.at_open > (getenv("DEBROS_BRIEF") != NULL ? 200 : 1000));
}

static void no_byte_passes_after_a_clean_end(void **state)
{
    (void)state;
    flip_all(true);
}

static void no_byte_passes_after_a_killed_process(void **state)
{
    (void)state;
    flip_all(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_byte_passes_after_a_clean_end),
        cmocka_unit_test(no_byte_passes_after_a_killed_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
