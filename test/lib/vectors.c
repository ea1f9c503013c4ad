#include "vectors.h"

#include <stdio.h>

json_t *vectors_load(const char *name)
{
    char path[4096];
    json_error_t error;
    snprintf(path, sizeof(path), "%s/%s", VECTORS_DIR, name);
    json_t *root = json_load_file(path, 0, &error);
    if (root == NULL) {
        fail_msg("%s:%d: %s", path, error.line, error.text);
    }
    return root;
}

json_t *vectors_get(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    if (value == NULL) {
        fail_msg("the vectors have no \"%s\"", key);
    }
    return value;
}

const char *vectors_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(vectors_get(object, key));
    assert_non_null(text);
    return text;
}

struct test_bytes vectors_hex(const json_t *object, const char *key)
{
    return test_hex(vectors_text(object, key));
}
