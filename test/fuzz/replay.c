/* Runs a fuzz target over its corpus without a fuzzer: every file of the folder, each of
 * its beginnings, and each of its single-bit changes. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_INPUT     (1u << 20)
#define MAX_VARIATION 512u /* larger files run as they are only */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy of its own for each run, so that a sanitizer sees a read past the end. */
static void run_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size == 0 ? 1 : size);
    if (copy == NULL) {
        exit(1);
    }
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void run_variations(uint8_t *data, size_t size)
{
    for (size_t len = 0; len < size; len++) {
        run_copy(data, len);
    }
    for (size_t bit = 0; bit < size * 8; bit++) {
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        run_copy(data, size);
        data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static int run_file(const char *folder, const char *name)
{
    static uint8_t data[MAX_INPUT];
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    size_t size = fread(data, 1, sizeof(data), file);
    fclose(file);
    run_copy(data, size);
    if (size <= MAX_VARIATION) {
        run_variations(data, size);
    }
    return 0;
}

int main(int argc, char **argv)
{
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (folder == NULL) {
        fprintf(stderr, "usage: replay FOLDER (that exists)\n");
        return 2;
    }
    int failed = 0;
    size_t count = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] != '.') {
            failed |= run_file(argv[1], entry->d_name);
            count++;
        }
    }
    closedir(folder);
    printf("%zu inputs\n", count);
    return failed != 0 || count == 0;
}
