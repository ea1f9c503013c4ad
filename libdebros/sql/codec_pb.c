#include "codec_pb.h"

#include <string.h>

#include "base/proto.h"
#include "codec.h"

/* ---- Ours to protobuf's ---------------------------------------------------------- */

static void build_value(DbrPb__Value *out, const debros_value *value)
{
    dbr_pb__value__init(out);
    switch (value->type) {
    case DEBROS_NULL:
        break;
    case DEBROS_INTEGER:
        out->kind_case = DBR_PB__VALUE__KIND_INTEGER;
        out->integer = value->as.integer;
        break;
    case DEBROS_REAL:
        out->kind_case = DBR_PB__VALUE__KIND_REAL;
        out->real = value->as.real;
        break;
    case DEBROS_TEXT:
        out->kind_case = DBR_PB__VALUE__KIND_TEXT;
        out->text = dbr_proto_bytes(value->as.bytes);
        break;
    case DEBROS_BLOB:
        out->kind_case = DBR_PB__VALUE__KIND_BLOB;
        out->blob = dbr_proto_bytes(value->as.bytes);
        break;
    }
}

/* An array of pointers to values, as protobuf-c wants them. */
static DbrPb__Value **build_values(struct dbr_arena *arena, const debros_value *values,
                                   size_t count)
{
    DbrPb__Value **pointers = dbr_arena_calloc(arena, count, sizeof(*pointers));
    DbrPb__Value *built = dbr_arena_calloc(arena, count, sizeof(*built));
    if (pointers == NULL || built == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        build_value(&built[i], &values[i]);
        pointers[i] = &built[i];
    }
    return pointers;
}

DbrPb__Statement *dbr_sql_pb_statement(struct dbr_arena *arena,
                                       const debros_statement *statement)
{
    DbrPb__Statement *out = dbr_arena_alloc(arena, sizeof(*out));
    if (out == NULL) {
        return NULL;
    }
    dbr_pb__statement__init(out);
    out->sql = dbr_proto_text(statement->sql);
    out->n_params = statement->n_params;
    out->params = build_values(arena, statement->params, statement->n_params);
    return out->params == NULL ? NULL : out;
}

DbrPb__Transaction *dbr_sql_pb_transaction(struct dbr_arena *arena,
                                           const struct dbr_sql_transaction *transaction)
{
    size_t count = transaction->n_statements;
    DbrPb__Transaction *out = dbr_arena_alloc(arena, sizeof(*out));
    DbrPb__Statement **statements = dbr_arena_calloc(arena, count, sizeof(*statements));
    if (out == NULL || statements == NULL) {
        return NULL;
    }
    dbr_pb__transaction__init(out);
    out->client =
        dbr_proto_bytes(dbr_bytes(transaction->key.client, DBR_SQL_CLIENT_SIZE));
    out->seq = transaction->key.seq;
    out->ns = dbr_proto_text(transaction->ns);
    for (size_t i = 0; i < count; i++) {
        statements[i] = dbr_sql_pb_statement(arena, &transaction->statements[i]);
        if (statements[i] == NULL) {
            return NULL;
        }
    }
    out->n_statements = count;
    out->statements = statements;
    if (transaction->expect != NULL) {
        out->n_expect = count;
        out->expect =
            dbr_arena_memdup(arena, transaction->expect, count * sizeof(int32_t));
        return out->expect == NULL ? NULL : out;
    }
    return out;
}

static DbrPb__Result *build_result(struct dbr_arena *arena, const debros_result *result)
{
    DbrPb__Result *out = dbr_arena_alloc(arena, sizeof(*out));
    if (out == NULL) {
        return NULL;
    }
    dbr_pb__result__init(out);
    out->n_columns = result->n_columns;
    out->n_types = result->n_columns;
    out->columns = dbr_proto_texts(arena, result->columns, result->n_columns);
    out->types = dbr_proto_texts(arena, result->types, result->n_columns);
    out->n_cells = result->n_columns * result->n_rows;
    out->cells = build_values(arena, result->cells, out->n_cells);
    out->n_rows = result->n_rows;
    out->rows_affected = result->rows_affected;
    out->last_insert_id = result->last_insert_id;
    return out->columns == NULL || out->types == NULL || out->cells == NULL ? NULL : out;
}

DbrPb__Reply *dbr_sql_pb_reply(struct dbr_arena *arena, const struct dbr_sql_reply *reply)
{
    DbrPb__Reply *out = dbr_arena_alloc(arena, sizeof(*out));
    DbrPb__Result **results = dbr_arena_calloc(arena, reply->n_results, sizeof(*results));
    if (out == NULL || results == NULL) {
        return NULL;
    }
    dbr_pb__reply__init(out);
    out->status = reply->status;
    out->detail = dbr_proto_text(reply->detail);
    out->failed = reply->failed;
    out->index = reply->index;
    out->n_results = reply->n_results;
    out->results = results;
    out->leader = dbr_proto_bytes(dbr_bytes(reply->leader.bytes, reply->leader.len));
    out->n_leader_addrs = reply->n_leader_addrs;
    out->leader_addrs =
        dbr_arena_calloc(arena, reply->n_leader_addrs + 1, sizeof(*out->leader_addrs));
    if (out->leader_addrs == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < reply->n_leader_addrs; i++) {
        const struct dbr_multiaddr *addr = &reply->leader_addrs[i];
        out->leader_addrs[i] = dbr_proto_bytes(dbr_bytes(addr->bytes, addr->len));
    }
    for (size_t i = 0; i < reply->n_results; i++) {
        results[i] = build_result(arena, &reply->results[i]);
        if (results[i] == NULL) {
            return NULL;
        }
    }
    return out;
}

/* ---- Protobuf's to ours ---------------------------------------------------------- */

struct unpack_memory {
    struct dbr_arena *arena;
    bool failed;
};

static void *unpack_alloc(void *data, size_t size)
{
    struct unpack_memory *memory = data;
    void *taken = dbr_arena_alloc(memory->arena, size);
    memory->failed = memory->failed || taken == NULL;
    return taken;
}

static void unpack_free(void *data, void *ptr)
{
    (void)data;
    (void)ptr;
}

int dbr_sql_pb_unpack(void **out, const ProtobufCMessageDescriptor *type,
                      struct dbr_arena *arena, debros_bytes bytes)
{
    struct unpack_memory memory = {.arena = arena};
    ProtobufCAllocator allocator = {
        .alloc = unpack_alloc, .free = unpack_free, .allocator_data = &memory};
    *out = protobuf_c_message_unpack(type, &allocator, bytes.len, bytes.data);
    if (*out != NULL) {
        return 0;
    }
    return memory.failed ? DEBROS_ENOMEM : DEBROS_EPROTO;
}

int dbr_sql_pb_read_text(const char **out, struct dbr_arena *arena,
                         ProtobufCBinaryData bytes, size_t max)
{
    if (bytes.len > max ||
        (bytes.len > 0 && memchr(bytes.data, '\0', bytes.len) != NULL)) {
        return DEBROS_EPROTO;
    }
    *out = dbr_arena_strndup(arena, (const char *)bytes.data, bytes.len);
    return *out == NULL ? DEBROS_ENOMEM : 0;
}

static debros_value read_value(const DbrPb__Value *message)
{
    switch (message->kind_case) {
    case DBR_PB__VALUE__KIND_INTEGER:
        return (debros_value){.type = DEBROS_INTEGER, .as.integer = message->integer};
    case DBR_PB__VALUE__KIND_REAL:
        return (debros_value){.type = DEBROS_REAL, .as.real = message->real};
    case DBR_PB__VALUE__KIND_TEXT:
        return (debros_value){.type = DEBROS_TEXT,
                              .as.bytes = dbr_proto_view(message->text)};
    case DBR_PB__VALUE__KIND_BLOB:
        return (debros_value){.type = DEBROS_BLOB,
                              .as.bytes = dbr_proto_view(message->blob)};
    default:
        return (debros_value){.type = DEBROS_NULL};
    }
}

int dbr_sql_pb_read_statement(debros_statement *out, struct dbr_arena *arena,
                              const DbrPb__Statement *message)
{
    if (message->n_params > DBR_SQL_MAX_PARAMS) {
        return DEBROS_EPROTO;
    }
    int err = dbr_sql_pb_read_text(&out->sql, arena, message->sql, DBR_SQL_MAX_TEXT);
    if (err != 0) {
        return err;
    }
    debros_value *params = dbr_arena_calloc(arena, message->n_params, sizeof(*params));
    if (params == NULL) {
        return DEBROS_ENOMEM;
    }
    for (size_t i = 0; i < message->n_params; i++) {
        params[i] = read_value(message->params[i]);
    }
    out->params = params;
    out->n_params = message->n_params;
    return 0;
}

int dbr_sql_pb_read_transaction(struct dbr_sql_transaction *out, struct dbr_arena *arena,
                                const DbrPb__Transaction *message)
{
    size_t count = message->n_statements;
    if (message->client.len != DBR_SQL_CLIENT_SIZE || count == 0 ||
        count > DBR_SQL_MAX_STATEMENTS ||
        (message->n_expect != 0 && message->n_expect != count)) {
        return DEBROS_EPROTO;
    }
    *out = (struct dbr_sql_transaction){.key.seq = message->seq, .n_statements = count};
    memcpy(out->key.client, message->client.data, DBR_SQL_CLIENT_SIZE);
    int err = dbr_sql_pb_read_text(&out->ns, arena, message->ns, DBR_SQL_MAX_NAME);
    debros_statement *statements = dbr_arena_calloc(arena, count, sizeof(*statements));
    if (statements == NULL) {
        return DEBROS_ENOMEM;
    }
    for (size_t i = 0; err == 0 && i < count; i++) {
        err = dbr_sql_pb_read_statement(&statements[i], arena, message->statements[i]);
    }
    out->statements = statements;
    out->expect = message->n_expect == 0 ? NULL : message->expect;
    return err;
}

static int read_texts(const char *const **out, struct dbr_arena *arena,
                      const ProtobufCBinaryData *texts, size_t count)
{
    const char **copies = dbr_arena_calloc(arena, count, sizeof(*copies));
    if (copies == NULL) {
        return DEBROS_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        int err = dbr_sql_pb_read_text(&copies[i], arena, texts[i], DBR_SQL_MAX_REPLY);
        if (err != 0) {
            return err;
        }
    }
    *out = copies;
    return 0;
}

static int read_cells(debros_result *out, struct dbr_arena *arena,
                      const DbrPb__Result *message)
{
    debros_value *cells = dbr_arena_calloc(arena, message->n_cells, sizeof(*cells));
    if (cells == NULL) {
        return DEBROS_ENOMEM;
    }
    for (size_t i = 0; i < message->n_cells; i++) {
        cells[i] = read_value(message->cells[i]);
        if (!dbr_sql_value_keep(arena, &cells[i])) {
            return DEBROS_ENOMEM;
        }
    }
    out->cells = cells;
    return 0;
}

static int read_result(debros_result *out, struct dbr_arena *arena,
                       const DbrPb__Result *message)
{
    size_t columns = message->n_columns;
    if (message->n_types != columns || columns > DBR_SQL_MAX_COLUMNS ||
        (columns == 0 ? message->n_cells != 0 || message->n_rows != 0
                      : message->n_cells % columns != 0 ||
                            message->n_cells / columns != message->n_rows)) {
        return DEBROS_EPROTO;
    }
    out->n_columns = columns;
    out->n_rows = message->n_rows;
    out->rows_affected = message->rows_affected;
    out->last_insert_id = message->last_insert_id;
    int err = read_texts(&out->columns, arena, message->columns, columns);
    if (err == 0) {
        err = read_texts(&out->types, arena, message->types, columns);
    }
    return err != 0 ? err : read_cells(out, arena, message);
}

/* Whom to ask instead. Addresses of a kind that we do not know are left out. */
static int read_leader(struct dbr_sql_reply *out, const DbrPb__Reply *message)
{
    struct dbr_multiaddr *addrs;
    if (message->leader.len == 0) {
        return 0;
    }
    if (message->n_leader_addrs > DBR_SQL_MAX_LEADER_ADDRS ||
        dbr_peer_id_from_bytes(&out->leader, dbr_proto_view(message->leader)) != 0) {
        return DEBROS_EPROTO;
    }
    addrs = dbr_arena_calloc(&out->arena, message->n_leader_addrs + 1, sizeof(*addrs));
    if (addrs == NULL) {
        return DEBROS_ENOMEM;
    }
    for (size_t i = 0; i < message->n_leader_addrs; i++) {
        debros_bytes bytes = dbr_proto_view(message->leader_addrs[i]);
        out->n_leader_addrs +=
            dbr_multiaddr_from_bytes(&addrs[out->n_leader_addrs], bytes) == 0;
    }
    out->leader_addrs = addrs;
    return 0;
}

int dbr_sql_pb_read_reply(struct dbr_sql_reply *out, const DbrPb__Reply *message)
{
    if (message->status > 0 || message->n_results > DBR_SQL_MAX_STATEMENTS ||
        message->failed > DBR_SQL_MAX_STATEMENTS) {
        return DEBROS_EPROTO;
    }
    int err = dbr_sql_pb_read_text(&out->detail, &out->arena, message->detail,
                                   DBR_SQL_MAX_TEXT);
    out->status = message->status;
    out->failed = message->failed;
    out->index = message->index;
    out->results =
        dbr_arena_calloc(&out->arena, message->n_results, sizeof(*out->results));
    if (out->results == NULL) {
        return DEBROS_ENOMEM;
    }
    for (size_t i = 0; err == 0 && i < message->n_results; i++) {
        err = read_result(&out->results[i], &out->arena, message->results[i]);
    }
    out->n_results = message->n_results;
    return err != 0 ? err : read_leader(out, message);
}
