#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = c == '\0' ? NULL : strchr(digits, c);
    return found == NULL ? -1 : (int)(found - digits);
}

struct test_bytes test_hex(const char *digits)
{
    struct test_bytes bytes = {0};
    int high = -1;
    for (const char *c = digits; *c != '\0'; c++) {
        if (*c == ' ') {
            continue;
        }
        int value = digit(*c);
        assert_true(value >= 0 && bytes.len < TEST_BYTES_MAX);
        if (high < 0) {
            high = value;
        } else {
            bytes.data[bytes.len++] = (uint8_t)(high << 4 | value);
            high = -1;
        }
    }
    assert_int_equal(high, -1);
    return bytes;
}

static void print_hex(const char *name, const uint8_t *data, size_t len)
{
    fprintf(stderr, "%s:", name);
    for (size_t i = 0; i < len; i++) {
        fprintf(stderr, "%s%02x", i % 4 == 0 ? " " : "", data[i]);
    }
    fprintf(stderr, "\n");
}

void test_assert_hex(const void *data, size_t len, const char *digits, const char *file,
                     int line)
{
    struct test_bytes want = test_hex(digits);
    if (len != want.len || (len > 0 && memcmp(data, want.data, len) != 0)) {
        print_hex("have", data, len);
        print_hex("want", want.data, want.len);
        _fail(file, line);
    }
}

bool test_aborts(void (*function)(void))
{
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        /* Neither cmocka's handlers nor a message: this end is wanted. */
        signal(SIGABRT, SIG_DFL);
        if (freopen("/dev/null", "w", stderr) != NULL) {
            function();
        }
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}
