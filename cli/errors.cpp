#include "errors.hpp"

namespace cli
{

int exit_code(int err)
{
    switch (err) {
    case DEBROS_OK:
        return exit_done;
    case DEBROS_EINVAL:
        return exit_usage;
    case DEBROS_EACCES:
    case DEBROS_EAUTH:
        return exit_refused;
    case DEBROS_ENOTFOUND:
        return exit_not_found;
    case DEBROS_EUNREACHABLE:
    case DEBROS_ETIMEDOUT:
    case DEBROS_ENOTLEADER:
    case DEBROS_EQUORUM:
    case DEBROS_EBUSY:
    case DEBROS_ENOSPC:
    case DEBROS_ESTATE:
        return exit_unavailable;
    case DEBROS_ECONFLICT:
    case DEBROS_EEXISTS:
        return exit_conflict;
    case DEBROS_ELIMIT:
        return exit_limit;
    default:
        return exit_failed;
    }
}

std::string describe(const debros::Error &error)
{
    std::string text = error.detail().empty() ? error.code().message() : error.detail();
    if (error.statement() != 0 && text.find("statement ") != 0) {
        text = "statement " + std::to_string(error.statement()) + ": " + text;
    }
    return text;
}

} // namespace cli
