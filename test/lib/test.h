/* What every test program includes: cmocka, and assertions about bytes. */
#ifndef DBR_TEST_TEST_H
#define DBR_TEST_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/check.h"

#define TEST_BYTES_MAX 4096

/* Bytes by value, so that a test needs no memory. */
struct test_bytes {
    size_t len;
    uint8_t data[TEST_BYTES_MAX];
};

/* From hex digits; blanks between them are skipped. Fails the test on anything else. */
struct test_bytes test_hex(const char *digits);
/* A view of it; only for variables. */
#define test_view(bytes) dbr_bytes((bytes).data, (bytes).len)

void test_assert_hex(const void *data, size_t len, const char *digits, const char *file,
                     int line);
/* `len` bytes at `data` are the ones that the hex text names. */
#define assert_hex(data, len, digits)                                                    \
    test_assert_hex(data, len, digits, __FILE__, __LINE__)
/* Of anything with `data` and `len`; only for variables. */
#define assert_bytes_hex(bytes, digits) assert_hex((bytes).data, (bytes).len, digits)

/* Runs `function` in a child process. True when it aborted: a failed check. */
bool test_aborts(void (*function)(void));

#endif
