/* A node inside a program: a cluster of one in ./hello-data, which counts its visits. */
#include <debros.h>
#include <stdio.h>

int main(void)
{
    const debros_statement visit[] = {
        {.sql = "CREATE TABLE IF NOT EXISTS visit(at TEXT DEFAULT CURRENT_TIMESTAMP)"},
        {.sql = "INSERT INTO visit DEFAULT VALUES"},
        {.sql = "SELECT count(*), max(at) FROM visit"},
    };
    debros_config config;
    debros_config_default(&config);
    config.data_dir = "hello-data";
    debros_init(&config, NULL); /* DEBROS_EEXISTS from the second time on */

    debros_node *node;
    debros_req start = {0};
    debros_sql sql = {.statements = visit, .n_statements = 3}; /* one transaction */
    if (debros_node_create(&node, &config, NULL) != 0 ||
        debros_start(node, &start, NULL) != 0 || debros_wait(node, &start) != 0 ||
        debros_sql_exec(node, &sql, NULL) != 0 || debros_wait(node, &sql.base) != 0) {
        return 1;
    }
    const debros_value *row = sql.results[2].cells;
    printf("visit %d at %.*s\n", (int)row[0].as.integer, (int)row[1].as.bytes.len,
           (const char *)row[1].as.bytes.data);
    debros_release(node, &sql.base);
    debros_node_destroy(node);
    return 0;
}
