#include "log_fixture.h"

#include <stdio.h>

static struct dbr_log_op *add(struct log_script *s, enum dbr_log_op_type type)
{
    struct dbr_log_op *op = &s->ops[s->n_ops++];
    *op = (struct dbr_log_op){.type = type, .seq = s->n_ops};
    return op;
}

static struct dbr_log_op *append(struct log_script *s, uint64_t index, uint64_t term,
                                 size_t n)
{
    struct dbr_log_op *op = add(s, DBR_LOG_APPEND);
    op->index = index;
    op->entries = &s->entries[s->n_entries];
    op->n_entries = n;
    for (size_t i = 0; i < n; i++) {
        char *text = s->payloads[s->n_entries];
        size_t len = 1 + (s->n_entries * 37) % 190;
        memset(text, 'a' + (int)(s->n_entries % 26), len);
        s->entries[s->n_entries++] = (struct dbr_log_entry){
            .term = term, .type = DBR_ENTRY_COMMAND, .data = dbr_bytes(text, len)};
    }
    return op;
}

static struct dbr_log_op *value(struct log_script *s, enum dbr_log_op_type type,
                                uint64_t v)
{
    struct dbr_log_op *op = add(s, type);
    op->value = v;
    op->index = v;
    return op;
}

static struct dbr_log_op *snapshot(struct log_script *s, enum dbr_log_op_type type,
                                   uint64_t index, uint64_t term, uint64_t keep_from)
{
    struct dbr_log_op *op = add(s, type);
    op->index = index;
    op->term = term;
    op->keep_from = keep_from;
    op->configuration_index = index / 2;
    op->configuration = dbr_bytes_str(index % 2 == 0 ? "even configuration" : "odd");
    return op;
}

static void call(struct log_script *s, struct dbr_log_op *ops)
{
    s->calls[s->n_calls++] = ops;
}

void log_script_fill(struct log_script *s)
{
    memset(s, 0, sizeof(*s));
    struct dbr_log_op *op = value(s, DBR_LOG_TERM, 1);
    op->next = value(s, DBR_LOG_VOTE, 77);
    op->next->next = append(s, 1, 1, 3);
    call(s, op);
    call(s, append(s, 4, 1, 12));
    op = value(s, DBR_LOG_TERM, 2);
    op->next = value(s, DBR_LOG_TRUNCATE, 9);
    op->next->next = append(s, 9, 2, 6);
    call(s, op);
    call(s, append(s, 15, 2, 20)); /* rolls */
    call(s, value(s, DBR_LOG_VOTE, 78));
    call(s, append(s, 35, 2, 25));
    op = snapshot(s, DBR_LOG_SNAPSHOT, 50, 2, 45);
    op->next = append(s, 60, 2, 30);
    call(s, op);
    call(s, append(s, 90, 2, 20));
    call(s, snapshot(s, DBR_LOG_SNAPSHOT, 101, 2, 95)); /* old segments go */
    op = value(s, DBR_LOG_TERM, 5);
    op->next = snapshot(s, DBR_LOG_INSTALL, 150, 4, 0);
    op->next->next = append(s, 151, 5, 4);
    call(s, op);
    call(s, append(s, 155, 5, 40));
}

void log_model_init(struct log_model *model)
{
    *model = (struct log_model){.head = {.keep_from = 1, .next = 1}, .first = 1};
}

static void entries_apply(struct log_model *model, const struct dbr_log_op *op,
                          size_t count)
{
    for (size_t i = 0; i < count; i++) {
        model->terms[op->index + i] = op->entries[i].term;
    }
    struct dbr_log_op part = *op;
    part.n_entries = count;
    dbr_log_head_apply(&model->head, &part);
}

void log_model_apply(struct log_model *model, const struct dbr_log_op *ops, size_t steps)
{
    for (const struct dbr_log_op *op = ops; op != NULL && steps > 0; op = op->next) {
        size_t cost = op->type == DBR_LOG_APPEND ? op->n_entries : 1;
        cost = cost < steps ? cost : steps;
        if (op->type == DBR_LOG_APPEND) {
            entries_apply(model, op, cost);
        } else {
            dbr_log_head_apply(&model->head, op);
        }
        steps -= cost;
    }
}

size_t log_call_steps(const struct dbr_log_op *ops)
{
    size_t steps = 0;
    for (const struct dbr_log_op *op = ops; op != NULL; op = op->next) {
        steps += op->type == DBR_LOG_APPEND ? op->n_entries : 1;
    }
    return steps;
}

bool log_model_matches(const struct log_model *model, const struct dbr_log_state *state)
{
    const struct dbr_log_head *head = &model->head;
    if (state->term != head->term || state->vote != head->vote ||
        state->snapshot_index != head->snapshot_index ||
        state->snapshot_term != head->snapshot_term ||
        state->configuration_index != head->configuration_index ||
        !dbr_bytes_equal(state->configuration, head->configuration) ||
        state->first_index + state->n_entries != head->next ||
        (state->n_entries > 0 && state->first_index > head->keep_from)) {
        return false;
    }
    for (size_t i = 0; i < state->n_entries; i++) {
        if (state->entries[i].term != model->terms[state->first_index + i]) {
            return false;
        }
    }
    return true;
}
