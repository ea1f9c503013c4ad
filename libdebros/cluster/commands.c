#include "commands.h"

#include "base/buf.h"

#define EXPECT_ANY (-1)
#define PARAMS_MAX 3

const char dbr_commands_ns_list[] = "SELECT name FROM namespaces ORDER BY name";

void dbr_commands_init(struct dbr_commands *commands, struct dbr_arena *arena)
{
    *commands = (struct dbr_commands){.arena = arena};
}

static void add(struct dbr_commands *c, int32_t expect, const char *sql,
                const debros_value *params, size_t n_params)
{
    debros_statement statement = {.sql = sql, .params = params, .n_params = n_params};
    if (c->n == DBR_COMMANDS_MAX ||
        !dbr_sql_statement_copy(c->arena, &c->statements[c->n], &statement)) {
        c->failed = true;
        return;
    }
    c->expect[c->n++] = expect;
}

static debros_value text(const char *value)
{
    return (debros_value){.type = DEBROS_TEXT, .as.bytes = dbr_bytes_str(value)};
}

static debros_value blob(const void *data, size_t len)
{
    return (debros_value){.type = DEBROS_BLOB, .as.bytes = dbr_bytes(data, len)};
}

static debros_value integer(uint64_t value)
{
    return (debros_value){.type = DEBROS_INTEGER, .as.integer = (int64_t)value};
}

static void add_peer(struct dbr_commands *c, const char *sql,
                     const struct dbr_peer_id *peer)
{
    char id[DBR_PEER_ID_TEXT_SIZE];
    debros_value params[] = {text(dbr_peer_id_text(peer, id))};
    add(c, EXPECT_ANY, sql, params, 1);
}

static const char add_member[] =
    "INSERT INTO members(peer, added) VALUES(?, unixepoch('now')) ON CONFLICT DO NOTHING";
static const char add_client[] =
    "INSERT INTO clients(peer, added) VALUES(?, unixepoch('now')) ON CONFLICT DO NOTHING";

void dbr_commands_bootstrap(struct dbr_commands *c, const uint8_t cluster_id[16],
                            const struct dbr_peer_id *node,
                            const struct dbr_peer_id *operator_id)
{
    static const char *const tables[] = {
        "CREATE TABLE cluster(key TEXT PRIMARY KEY, value)",
        "CREATE TABLE members(peer TEXT PRIMARY KEY, addrs TEXT NOT NULL DEFAULT '', "
        "added INTEGER NOT NULL)",
        "CREATE TABLE clients(peer TEXT PRIMARY KEY, added INTEGER NOT NULL)",
        "CREATE TABLE invites(key BLOB PRIMARY KEY, expires INTEGER NOT NULL, used_by "
        "TEXT)",
        "CREATE TABLE namespaces(name TEXT PRIMARY KEY, created INTEGER NOT NULL)",
    };
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        add(c, EXPECT_ANY, tables[i], NULL, 0);
    }
    debros_value id[] = {blob(cluster_id, 16)};
    add(c, EXPECT_ANY, "INSERT INTO cluster(key, value) VALUES('id', ?)", id, 1);
    add_peer(c, add_member, node);
    add_peer(c, add_client, operator_id);
    dbr_commands_ns_create(c, "default");
}

void dbr_commands_invite(struct dbr_commands *c, const uint8_t key[32], uint64_t expires)
{
    debros_value params[] = {blob(key, 32), integer(expires)};
    add(c, EXPECT_ANY, "DELETE FROM invites WHERE expires < unixepoch('now') - 604800",
        NULL, 0);
    add(c, 1, "INSERT INTO invites(key, expires) VALUES(?, ?)", params, 2);
}

void dbr_commands_join(struct dbr_commands *c, const uint8_t key[32],
                       const struct dbr_peer_id *node,
                       const struct dbr_peer_id *operator_id)
{
    char id[DBR_PEER_ID_TEXT_SIZE];
    debros_value params[] = {text(dbr_peer_id_text(node, id)), blob(key, 32)};
    add(c, 1,
        "UPDATE invites SET used_by = ?1 WHERE key = ?2 AND expires > unixepoch('now') "
        "AND (used_by IS NULL OR used_by = ?1)",
        params, 2);
    add_peer(c, add_member, node);
    if (!dbr_peer_id_is_none(operator_id)) {
        add_peer(c, add_client, operator_id);
    }
}

void dbr_commands_announce(struct dbr_commands *c, const struct dbr_peer_id *node,
                           const struct dbr_multiaddr *addrs, size_t n_addrs)
{
    char id[DBR_PEER_ID_TEXT_SIZE];
    struct dbr_buf lines = {0};
    for (size_t i = 0; i < n_addrs; i++) {
        char line[DBR_MULTIADDR_TEXT_SIZE];
        dbr_buf_str(&lines, dbr_multiaddr_text(&addrs[i], line));
        dbr_buf_u8(&lines, '\n');
    }
    debros_value params[] = {
        {.type = DEBROS_TEXT, .as.bytes = dbr_bytes(lines.data, lines.len)},
        text(dbr_peer_id_text(node, id))};
    add(c, 1, "UPDATE members SET addrs = ? WHERE peer = ?", params, 2);
    c->failed = c->failed || lines.failed;
    dbr_buf_finish(&lines);
}

void dbr_commands_ns_create(struct dbr_commands *c, const char *name)
{
    debros_value params[] = {text(name)};
    add(c, 1,
        "INSERT INTO namespaces(name, created) VALUES(?, debros_index()) "
        "ON CONFLICT DO NOTHING",
        params, 1);
}

static bool is_name_byte(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (!first && (c == '_' || c == '-'));
}

bool dbr_namespace_is_valid(const char *name)
{
    size_t len = strnlen(name, 64);
    if (len == 0 || len == 64) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!is_name_byte(name[i], i == 0)) {
            return false;
        }
    }
    return true;
}
