// The SQL facet of a namespace, and transactions.
#pragma once
#include "operation.hpp"
#include "value.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace debros
{

// What a query sees of writes that were acknowledged before it began; see debros_level.
enum class Level {
    linearizable = DEBROS_LINEARIZABLE, // all of them
    none = DEBROS_NONE,                 // what this node holds, maybe stale
    weak = DEBROS_WEAK,                 // what the leader holds, by its own belief
    strong = DEBROS_STRONG,             // all of them, by an entry in the log
    automatic = DEBROS_AUTO             // weak where the node votes, else none
};

namespace detail
{

// Owns everything that a debros_sql points at.
struct SqlInputs {
    std::string ns;
    std::vector<Statement> statements;
    Level level;
    debros_msec freshness = 0;
    std::vector<std::vector<debros_value>> values{};
    std::vector<debros_statement> views{};

    void fill(debros_sql &req)
    {
        values.resize(statements.size());
        for (std::size_t i = 0; i < statements.size(); i++) {
            for (const Value &param : statements[i].params) {
                values[i].push_back(to_c(param));
            }
            views.push_back(
                {statements[i].sql.c_str(), values[i].data(), values[i].size()});
        }
        req.ns = ns.c_str();
        req.statements = views.data();
        req.n_statements = views.size();
        req.level = static_cast<debros_level>(level);
        req.freshness = freshness;
    }
};

inline std::vector<Rows> read_results(const debros_sql &req)
{
    std::vector<Rows> results;
    results.reserve(req.n_results);
    for (std::size_t i = 0; i < req.n_results; i++) {
        results.push_back(from_c(req.results[i], req.index));
    }
    return results;
}

inline Rows read_rows(const debros_sql &req)
{
    return req.n_results ? from_c(req.results[0], req.index) : Rows{};
}

} // namespace detail

class Transaction;

// Cheap to copy; must not outlive its node.
class Sql
{
  public:
    Sql(debros_node *node, std::string ns) : node_(node), ns_(std::move(ns))
    {
    }

    // One statement, in a transaction of its own.
    template <typename... Params>
    Operation<Rows> exec(std::string sql, Params &&...params) const
    {
        return run<Rows>(debros_sql_exec, detail::read_rows,
                         {Statement(std::move(sql), {Value(params)...})});
    }
    // All statements as one transaction, or none of them; a result for each.
    Operation<std::vector<Rows>> exec(std::vector<Statement> statements) const
    {
        return run<std::vector<Rows>>(debros_sql_exec, detail::read_results,
                                      std::move(statements));
    }
    Operation<Rows> exec(Statement statement) const
    {
        return run<Rows>(debros_sql_exec, detail::read_rows, {std::move(statement)});
    }

    template <typename... Params>
    Operation<Rows> query(std::string sql, Params &&...params) const
    {
        return query(Statement(std::move(sql), {Value(params)...}));
    }
    // A statement that does not write. `freshness`, for Level::none and automatic: an
    // error (ESTATE) when the answering node's state is older; 0: any age.
    Operation<Rows> query(Statement statement, Level level = Level::linearizable,
                          std::chrono::milliseconds freshness = {}) const
    {
        return run<Rows>(debros_sql_query, detail::read_rows, {std::move(statement)},
                         level, freshness);
    }

    Transaction transaction() const;

  private:
    template <typename T>
    Operation<T> run(int (*submit)(debros_node *, debros_sql *, debros_sql_cb),
                     T (*read)(const debros_sql &), std::vector<Statement> statements,
                     Level level = Level::linearizable,
                     std::chrono::milliseconds freshness = {}) const
    {
        using Op = detail::CallOp<T, debros_sql, detail::SqlInputs>;
        return Operation<T>(std::make_shared<Op>(
            node_, submit, read,
            detail::SqlInputs{ns_, std::move(statements), level,
                              static_cast<debros_msec>(freshness.count())}));
    }

    debros_node *node_;
    std::string ns_;
};

// Gathers statements and sends them as one. Holds no lock and needs no rollback.
class Transaction
{
  public:
    explicit Transaction(Sql sql) : sql_(std::move(sql))
    {
    }
    template <typename... Params> Transaction &add(std::string sql, Params &&...params)
    {
        statements_.emplace_back(std::move(sql), std::vector<Value>{Value(params)...});
        return *this;
    }
    std::size_t size() const noexcept
    {
        return statements_.size();
    }
    // A result for each statement. The builder is empty afterwards.
    Operation<std::vector<Rows>> commit()
    {
        return sql_.exec(std::exchange(statements_, {}));
    }

  private:
    Sql sql_;
    std::vector<Statement> statements_;
};

inline Transaction Sql::transaction() const
{
    return Transaction(*this);
}

} // namespace debros
