// What ends a command early, and the exit codes.
#pragma once
#include <debros/debros.hpp>

#include <stdexcept>
#include <string>

namespace cli
{

enum Exit {
    exit_done = 0,
    exit_failed = 1,
    exit_usage = 2,
    exit_refused = 3,
    exit_not_found = 4,
    exit_unavailable = 5,
    exit_conflict = 6,
    exit_limit = 7,
    exit_interrupted = 130
};

// The exit code of a DEBROS_E* value.
int exit_code(int err);

// The words after "debros: what failed: ".
std::string describe(const debros::Error &error);

// A failure with words and a code of its own.
class Failure : public std::runtime_error
{
  public:
    Failure(int code, const std::string &text) : std::runtime_error(text), code_(code)
    {
    }
    int code() const noexcept
    {
        return code_;
    }

  private:
    int code_;
};

class UsageError : public Failure
{
  public:
    explicit UsageError(const std::string &text) : Failure(exit_usage, text)
    {
    }
};

} // namespace cli
