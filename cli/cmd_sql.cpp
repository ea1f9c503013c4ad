// query, tx: SQL from the command line.
#include "commands.hpp"
#include "errors.hpp"
#include "files.hpp"
#include "output.hpp"
#include "params.hpp"
#include "session.hpp"
#include "splitter.hpp"

#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>

namespace cli
{
namespace
{

struct Args : Options {
    std::string sql;
    std::vector<std::string> params;
    std::string file;
};

bool may_only_read(const std::string &sql)
{
    std::string word = first_keyword(sql);
    return word == "SELECT" || word == "VALUES" || word == "WITH" || word == "EXPLAIN" ||
           word == "PRAGMA";
}

// The server knows whether a statement writes: WITH ... INSERT is sent again as a write.
bool is_write_refusal(const debros::Error &error)
{
    return error.err() == DEBROS_EINVAL &&
           error.detail().find("write") != std::string::npos;
}

std::chrono::milliseconds freshness_of(const Args &args)
{
    return args.freshness.empty() ? std::chrono::milliseconds(0)
                                  : parse_duration(args.freshness, "--freshness");
}

debros::Rows run_statement(Session &session, const Args &args,
                           const debros::Statement &statement)
{
    auto sql = session.sql(args.ns);
    if (may_only_read(statement.sql)) {
        auto result =
            sql.query(statement, parse_level(args.level), freshness_of(args)).wait();
        if (result || !is_write_refusal(result.error())) {
            return std::move(result).value();
        }
    }
    return sql.exec(statement).get();
}

Sheet write_record(const debros::Rows &rows)
{
    return {{"rows_affected", "last_insert_id", "index"},
            {debros::Value(rows.rows_affected), debros::Value(rows.last_insert_id),
             debros::Value(static_cast<std::int64_t>(rows.index))}};
}

// Rows go to stdout. What a write did is a result object for a program, and a word on
// stderr for people.
void print_result(Format format, const debros::Rows &rows)
{
    if (!rows.columns.empty()) {
        write_stdout(render(format, sheet_of(rows)));
    } else if (format == Format::json || format == Format::jsonl) {
        write_stdout(render_record(format, write_record(rows)));
    } else {
        std::cerr << plural(rows.rows_affected, "row") << " affected, last insert id "
                  << rows.last_insert_id << "\n";
    }
}

int query(const Args &args)
{
    Format format = parse_format(args.format);
    parse_level(args.level);
    freshness_of(args);
    auto statements = split_statements(args.sql);
    if (statements.empty()) {
        throw UsageError("the statement is empty");
    }
    if (statements.size() != 1) {
        throw UsageError("takes one statement, not " + std::to_string(statements.size()) +
                         "; `debros tx` runs several as one transaction");
    }
    std::vector<debros::Value> params;
    for (const auto &param : args.params) {
        params.push_back(parse_param(param));
    }
    Session session(args);
    print_result(format,
                 run_statement(session, args, debros::Statement(statements[0], params)));
    return exit_done;
}

std::string json_result(const debros::Rows &rows)
{
    std::string out = "{\"rows_affected\": " + std::to_string(rows.rows_affected) +
                      ", \"last_insert_id\": " + std::to_string(rows.last_insert_id);
    if (!rows.columns.empty()) {
        std::string array = render(Format::json, sheet_of(rows));
        array.pop_back();
        out += ", \"rows\": " + array;
    }
    return out + "}";
}

void print_transaction(Format format, const std::vector<debros::Rows> &results)
{
    std::string out;
    std::int64_t affected = 0;
    std::uint64_t index = results.empty() ? 0 : results[0].index;
    for (const auto &rows : results) {
        affected += rows.rows_affected;
        if (format == Format::json) {
            out += (out.empty() ? "" : ",\n ") + json_result(rows);
        } else if (format == Format::jsonl) {
            out += json_result(rows) + "\n";
        } else if (!rows.columns.empty()) {
            out += render(format, sheet_of(rows));
        }
    }
    if (format == Format::json) {
        out = "{\"index\": " + std::to_string(index) + ", \"results\": [" + out + "]}\n";
    } else if (format != Format::jsonl) {
        std::cerr << plural(results.size(), "statement")
                  << ", " << plural(affected, "row") << " affected, log index " << index
                  << "\n";
    }
    write_stdout(out);
}

int tx(const Args &args)
{
    Format format = parse_format(args.format);
    std::vector<debros::Statement> statements;
    for (auto &sql : split_statements(read_all(args.file))) {
        statements.emplace_back(std::move(sql));
    }
    if (statements.empty()) {
        throw UsageError(args.file + " holds no statement");
    }
    Session session(args);
    print_transaction(format, session.sql(args.ns).exec(std::move(statements)).get());
    return exit_done;
}

} // namespace

void add_sql_commands(CLI::App &app, Run &run)
{
    auto args = std::make_shared<Args>();

    auto *command = app.add_subcommand("query", "run one SQL statement");
    command->add_option("SQL", args->sql, "the statement")->required();
    command->add_option("PARAM", args->params, "values for its ?");
    command->footer(param_rule);
    command
        ->add_option("--level", args->level,
                     "of a read: linearizable (default), weak, strong, none or auto")
        ->type_name("LEVEL");
    command
        ->add_option("--freshness", args->freshness,
                     "with --level none or auto: fail when the node's state is older, "
                     "such as 2s")
        ->type_name("TIME");
    add_namespace_option(*command, *args);
    add_client_options(*command, *args);
    command->callback([&run, args] { run = [args] { return query(*args); }; });

    command = app.add_subcommand("tx", "run the statements of a file as one transaction");
    command->add_option("FILE", args->file, "statements ended by ';'; - reads stdin")
        ->required();
    add_namespace_option(*command, *args);
    add_client_options(*command, *args);
    command->callback([&run, args] { run = [args] { return tx(*args); }; });
}

} // namespace cli
