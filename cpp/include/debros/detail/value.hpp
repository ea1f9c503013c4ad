// SQL values, statements and the rows that come back. Everything here owns its memory.
#pragma once
#include "error.hpp"

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace debros
{

struct Blob {
    std::vector<std::uint8_t> bytes;

    bool operator==(const Blob &other) const
    {
        return bytes == other.bytes;
    }
};

// NULL, a 64-bit integer, a double, UTF-8 text or a blob.
class Value
{
  public:
    using Variant = std::variant<std::nullptr_t, std::int64_t, double, std::string, Blob>;

    Value() noexcept : variant_(nullptr)
    {
    }
    Value(std::nullptr_t) noexcept : variant_(nullptr)
    {
    }
    template <typename N, std::enable_if_t<std::is_arithmetic_v<N>, int> = 0>
    Value(N number) noexcept : variant_(widen(number))
    {
        static_assert(std::is_floating_point_v<N> || sizeof(N) < 8 || std::is_signed_v<N>,
                      "SQL integers are signed: cast to std::int64_t");
    }
    Value(std::string text) : variant_(std::move(text))
    {
    }
    Value(std::string_view text) : variant_(std::string(text))
    {
    }
    Value(const char *text) : variant_(std::string(text))
    {
    }
    Value(Blob blob) : variant_(std::move(blob))
    {
    }

    const Variant &variant() const noexcept
    {
        return variant_;
    }
    bool is_null() const noexcept
    {
        return is<std::nullptr_t>();
    }
    // T is one of the variant's types.
    template <typename T> bool is() const noexcept
    {
        return std::holds_alternative<T>(variant_);
    }
    // Throws std::bad_variant_access when the value has another type.
    template <typename T> const T &as() const
    {
        return std::get<T>(variant_);
    }
    bool operator==(const Value &other) const
    {
        return variant_ == other.variant_;
    }

  private:
    template <typename N> static auto widen(N number) noexcept
    {
        using Wide =
            std::conditional_t<std::is_floating_point_v<N>, double, std::int64_t>;
        return static_cast<Wide>(number);
    }
    Variant variant_;
};

// One SQL statement with its parameters.
struct Statement {
    std::string sql;
    std::vector<Value> params;

    Statement(std::string text, std::vector<Value> values = {})
        : sql(std::move(text)), params(std::move(values))
    {
    }
    Statement(const char *text) : sql(text)
    {
    }
};

// What one statement gave. Cells are stored row after row.
struct Rows {
    std::vector<std::string> columns; // names
    std::vector<std::string> types;   // declared types, "" where there is none
    std::vector<Value> cells;
    std::size_t n_rows = 0;
    std::int64_t rows_affected = 0;
    std::int64_t last_insert_id = 0;
    std::uint64_t index = 0; // log index of the write, or that the read saw

    // One row; valid while its Rows live.
    class Row
    {
      public:
        Row(const Rows &rows, std::size_t row) : rows_(&rows), row_(row)
        {
        }
        std::size_t size() const noexcept
        {
            return rows_->columns.size();
        }
        const Value &operator[](std::size_t column) const
        {
            return rows_->cells.at(row_ * size() + column);
        }
        // Throws std::out_of_range for an unknown name.
        const Value &operator[](std::string_view name) const
        {
            return (*this)[rows_->column(name)];
        }

      private:
        const Rows *rows_;
        std::size_t row_;
    };

    class Iterator
    {
      public:
        Iterator(const Rows &rows, std::size_t row) : rows_(&rows), row_(row)
        {
        }
        Row operator*() const
        {
            return Row(*rows_, row_);
        }
        Iterator &operator++()
        {
            ++row_;
            return *this;
        }
        bool operator!=(const Iterator &other) const
        {
            return row_ != other.row_;
        }

      private:
        const Rows *rows_;
        std::size_t row_;
    };

    std::size_t size() const noexcept
    {
        return n_rows;
    }
    bool empty() const noexcept
    {
        return n_rows == 0;
    }
    Row operator[](std::size_t row) const
    {
        return Row(*this, row);
    }
    Iterator begin() const
    {
        return Iterator(*this, 0);
    }
    Iterator end() const
    {
        return Iterator(*this, n_rows);
    }
    std::size_t column(std::string_view name) const
    {
        for (std::size_t i = 0; i < columns.size(); i++) {
            if (columns[i] == name) {
                return i;
            }
        }
        throw std::out_of_range("no column " + std::string(name));
    }
};

namespace detail
{

inline std::string text(const char *borrowed)
{
    return borrowed ? borrowed : "";
}

inline debros_bytes view(const void *data, std::size_t len)
{
    return {static_cast<const std::uint8_t *>(data), len};
}

// A view: it lives as long as `value`.
inline debros_value to_c(const Value &value)
{
    debros_value out{};
    if (value.is<std::int64_t>()) {
        out.type = DEBROS_INTEGER;
        out.as.integer = value.as<std::int64_t>();
    } else if (value.is<double>()) {
        out.type = DEBROS_REAL;
        out.as.real = value.as<double>();
    } else if (value.is<std::string>()) {
        const auto &string = value.as<std::string>();
        out.type = DEBROS_TEXT;
        out.as.bytes = view(string.data(), string.size());
    } else if (value.is<Blob>()) {
        const auto &bytes = value.as<Blob>().bytes;
        out.type = DEBROS_BLOB;
        out.as.bytes = view(bytes.data(), bytes.size());
    }
    return out;
}

inline Value from_c(const debros_value &value)
{
    const debros_bytes &bytes = value.as.bytes;
    switch (value.type) {
    case DEBROS_INTEGER:
        return value.as.integer;
    case DEBROS_REAL:
        return value.as.real;
    case DEBROS_TEXT:
        return std::string(bytes.data, bytes.data + bytes.len);
    case DEBROS_BLOB:
        return Blob{{bytes.data, bytes.data + bytes.len}};
    case DEBROS_NULL:
        break;
    }
    return nullptr;
}

inline Rows from_c(const debros_result &result, std::uint64_t index)
{
    Rows rows;
    for (std::size_t c = 0; c < result.n_columns; c++) {
        rows.columns.push_back(text(result.columns[c]));
        rows.types.push_back(result.types ? text(result.types[c]) : "");
    }
    rows.cells.reserve(result.n_rows * result.n_columns);
    for (std::size_t i = 0; i < result.n_rows * result.n_columns; i++) {
        rows.cells.push_back(from_c(result.cells[i]));
    }
    rows.n_rows = result.n_rows;
    rows.rows_affected = result.rows_affected;
    rows.last_insert_id = result.last_insert_id;
    rows.index = index;
    return rows;
}

} // namespace detail
} // namespace debros
