/* Names and texts of the error codes, from the one table in debros.h. */
#include "debros.h"

const char *debros_err_name(int err)
{
    switch (err) {
    case DEBROS_OK:
        return "OK";
#define DEBROS_X(code, name, text)                                                       \
    case DEBROS_##name:                                                                  \
        return #name;
        DEBROS_ERROR_MAP(DEBROS_X)
#undef DEBROS_X
    default:
        return "UNKNOWN";
    }
}

const char *debros_strerror(int err)
{
    switch (err) {
    case DEBROS_OK:
        return "success";
#define DEBROS_X(code, name, text)                                                       \
    case DEBROS_##name:                                                                  \
        return text;
        DEBROS_ERROR_MAP(DEBROS_X)
#undef DEBROS_X
    default:
        return "unknown error";
    }
}
