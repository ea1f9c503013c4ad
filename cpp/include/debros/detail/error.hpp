// Errors: one category, one exception, and Result<T> for completions.
#pragma once
#include <debros.h>

#include <string>
#include <system_error>
#include <utility>
#include <variant>

namespace debros
{

// The codes are those of debros.h: negative DEBROS_E* values.
inline const std::error_category &category() noexcept
{
    struct Category final : std::error_category {
        const char *name() const noexcept override
        {
            return "debros";
        }
        std::string message(int err) const override
        {
            return debros_strerror(err);
        }
    };
    static const Category instance;
    return instance;
}

// Thrown by constructors, Operation::get() and Result::value().
class Error : public std::system_error
{
  public:
    Error(int err, std::string detail, std::size_t statement = 0)
        : std::system_error(err, category(), detail), detail_(std::move(detail)),
          statement_(statement)
    {
    }

    // A DEBROS_E* value.
    int err() const noexcept
    {
        return code().value();
    }
    // What failed, for people; may be empty.
    const std::string &detail() const noexcept
    {
        return detail_;
    }
    // With ESQL the number of the statement that failed, from 1; else 0.
    std::size_t statement() const noexcept
    {
        return statement_;
    }

  private:
    std::string detail_;
    std::size_t statement_;
};

// What a completion is given: a T, or the Error that get() would have thrown.
template <typename T> class Result
{
  public:
    Result(T value) : outcome_(std::in_place_index<0>, std::move(value))
    {
    }
    Result(Error error) : outcome_(std::in_place_index<1>, std::move(error))
    {
    }

    explicit operator bool() const noexcept
    {
        return outcome_.index() == 0;
    }
    bool has_value() const noexcept
    {
        return outcome_.index() == 0;
    }
    // Only when there is no value.
    const Error &error() const
    {
        return std::get<1>(outcome_);
    }
    const T &value() const &
    {
        check();
        return std::get<0>(outcome_);
    }
    T value() &&
    {
        check();
        return std::get<0>(std::move(outcome_));
    }
    const T &operator*() const &
    {
        return std::get<0>(outcome_);
    }
    const T *operator->() const
    {
        return &std::get<0>(outcome_);
    }

  private:
    void check() const
    {
        if (!has_value()) {
            throw error();
        }
    }
    std::variant<T, Error> outcome_;
};

// The T of an operation that gives nothing but its success.
struct Done {
};

} // namespace debros
