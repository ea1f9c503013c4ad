/* The test vectors of test/vectors: JSON objects, arrays and hex strings. Everything
 * here fails the test when the file or a member is missing. */
#ifndef DBR_TEST_VECTORS_H
#define DBR_TEST_VECTORS_H

#include <jansson.h>

#include "test.h"

/* Free with json_decref(). `name` is a file of test/vectors. */
json_t *vectors_load(const char *name);
json_t *vectors_get(const json_t *object, const char *key);
const char *vectors_text(const json_t *object, const char *key);
struct test_bytes vectors_hex(const json_t *object, const char *key);

#endif
