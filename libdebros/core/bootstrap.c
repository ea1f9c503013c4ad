/* A cluster's first log operations. */
#include "base/alloc.h"
#include "inner.h"

static struct dbr_log_op *op_create(struct dbr_arena *arena, enum dbr_log_op_type type,
                                    uint64_t seq)
{
    struct dbr_log_op *op = dbr_arena_calloc(arena, 1, sizeof(*op));
    if (op != NULL) {
        op->type = type;
        op->seq = seq;
    }
    return op;
}

static int first_entries(struct dbr_log_entry entries[2], struct dbr_arena *arena,
                         struct dbr_buf *configuration, struct dbr_buf *command)
{
    if (configuration->failed || command->failed) {
        return DEBROS_ENOMEM;
    }
    void *one = dbr_arena_memdup(arena, configuration->data, configuration->len);
    void *two = dbr_arena_memdup(arena, command->data, command->len);
    entries[0] =
        (struct dbr_log_entry){1, DBR_ENTRY_CHANGE, dbr_bytes(one, configuration->len)};
    entries[1] =
        (struct dbr_log_entry){1, DBR_ENTRY_COMMAND, dbr_bytes(two, command->len)};
    return one == NULL || two == NULL ? DEBROS_ENOMEM : 0;
}

static int build_command(struct dbr_buf *out, struct dbr_arena *arena,
                         const uint8_t cluster_id[DBR_CLUSTER_ID_SIZE],
                         const struct dbr_peer_id *node,
                         const struct dbr_peer_id *operator_id, struct dbr_rng *rng,
                         int64_t wall_ms)
{
    struct dbr_commands commands;
    struct dbr_sql_transaction transaction = {.ns = DBR_SQL_SYSTEM_NAMESPACE};
    dbr_commands_init(&commands, arena);
    dbr_commands_bootstrap(&commands, cluster_id, node, operator_id);
    dbr_rng_fill(rng, transaction.key.client, sizeof(transaction.key.client));
    transaction.key.seq = 1;
    transaction.statements = commands.statements;
    transaction.n_statements = commands.n;
    transaction.expect = commands.expect;
    dbr_sql_entry_head(out, wall_ms, dbr_rng_u64(rng));
    dbr_sql_entry_add(out, &transaction);
    return commands.failed ? DEBROS_ENOMEM : 0;
}

int dbr_core_bootstrap(struct dbr_log_op **ops, struct dbr_arena *arena,
                       const uint8_t cluster_id[DBR_CLUSTER_ID_SIZE],
                       const uint8_t node_key[DBR_PUBLIC_KEY_SIZE],
                       const uint8_t operator_key[DBR_PUBLIC_KEY_SIZE],
                       struct dbr_rng *rng, int64_t wall_ms)
{
    struct dbr_peer_id node;
    struct dbr_peer_id operator_id;
    char address[DBR_PEER_ID_TEXT_SIZE];
    struct dbr_buf configuration = {0};
    struct dbr_buf command = {0};
    struct dbr_log_op *term = op_create(arena, DBR_LOG_TERM, 1);
    struct dbr_log_op *append = op_create(arena, DBR_LOG_APPEND, 2);
    struct dbr_log_entry *entries = dbr_arena_calloc(arena, 2, sizeof(*entries));
    if (term == NULL || append == NULL || entries == NULL) {
        return DEBROS_ENOMEM;
    }
    dbr_peer_id_from_key(&node, node_key);
    dbr_peer_id_from_key(&operator_id, operator_key);
    int err = dbr_consensus_bootstrap_entry(&configuration, dbr_server_id(&node),
                                            dbr_peer_id_text(&node, address));
    if (err == 0) {
        err =
            build_command(&command, arena, cluster_id, &node, &operator_id, rng, wall_ms);
    }
    if (err == 0) {
        err = first_entries(entries, arena, &configuration, &command);
    }
    term->value = 1;
    term->next = append;
    append->index = 1;
    append->entries = entries;
    append->n_entries = 2;
    *ops = term;
    dbr_buf_finish(&configuration);
    dbr_buf_finish(&command);
    return err;
}
