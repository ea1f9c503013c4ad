#include "pending.h"

#include "base/alloc.h"

static bool copy_transaction(struct dbr_pending *p,
                             const struct dbr_sql_transaction *from)
{
    struct dbr_sql_transaction *to = &p->transaction;
    debros_statement *statements =
        dbr_arena_calloc(&p->arena, from->n_statements, sizeof(*statements));
    to->key = from->key;
    to->ns = dbr_arena_strdup(&p->arena, from->ns);
    to->statements = statements;
    to->n_statements = from->n_statements;
    if (to->ns == NULL || statements == NULL) {
        return false;
    }
    for (size_t i = 0; i < from->n_statements; i++) {
        if (!dbr_sql_statement_copy(&p->arena, &statements[i], &from->statements[i])) {
            return false;
        }
    }
    if (from->expect != NULL) {
        to->expect = dbr_arena_memdup(&p->arena, from->expect,
                                      from->n_statements * sizeof(*from->expect));
        return to->expect != NULL;
    }
    return true;
}

struct dbr_pending *dbr_pending_create(uint64_t id,
                                       const struct dbr_sql_transaction *transaction)
{
    struct dbr_pending *p = dbr_calloc(1, sizeof(*p));
    if (p == NULL) {
        return NULL;
    }
    p->id = id;
    dbr_list_init(&p->link);
    dbr_list_init(&p->batch);
    dbr_arena_init(&p->arena, 0);
    if (!copy_transaction(p, transaction)) {
        dbr_pending_destroy(p);
        return NULL;
    }
    return p;
}

void dbr_pending_destroy(struct dbr_pending *p)
{
    if (p != NULL) {
        dbr_list_remove(&p->link);
        dbr_list_remove(&p->batch);
        dbr_arena_finish(&p->arena);
        dbr_free(p);
    }
}
