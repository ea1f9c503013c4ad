/* Events on their way out, in the order in which they came about: a queue, then the news
 * of the role, then messages that no disk holds back, then the end of it all. */
#include "base/check.h"
#include "consensus/machine.h"

static void push_item(struct dbr_consensus *c, const struct dbr_event_item *item)
{
    if (!dbr_ring_push(&c->events, item)) {
        dbr_consensus_fail(c, DEBROS_ENOMEM);
    }
}

/* Commands that are applied in a row stay one item, which ends at any other event. */
static void close_run(struct dbr_consensus *c)
{
    if (c->run.last != 0) {
        struct dbr_event_item run = c->run;
        c->run.last = 0;
        push_item(c, &run);
    }
}

void dbr_consensus_push(struct dbr_consensus *c, const struct dbr_event_item *item)
{
    close_run(c);
    push_item(c, item);
}

/* libraft raises last_applied after this. The data stays in its log until it is polled.
 */
int dbr_events_apply(struct raft_fsm *fsm, const struct raft_buffer *buf, void **result)
{
    struct dbr_consensus *c = fsm->data;
    uint64_t index = c->raft.last_applied + 1;
    dbr_log_bytes_applied(c, buf->len);
    *result = NULL;
    if (c->run.last == 0) {
        c->run = (struct dbr_event_item){.type = DBR_CONSENSUS_APPLY, .index = index};
    }
    c->run.last = index;
    c->last_command = index;
    return 0;
}

static bool show_command(struct dbr_consensus *c, struct dbr_event_item *run,
                         struct dbr_consensus_event *event)
{
    const struct raft_entry *entry = dbr_consensus_entry(c, run->index);
    /* It can only be gone when events were left over for many turns. */
    dbr_assert(entry != NULL);
    while (entry->type != RAFT_COMMAND) {
        entry = dbr_consensus_entry(c, ++run->index);
        dbr_assert(entry != NULL && run->index <= run->last);
    }
    event->type = DBR_CONSENSUS_APPLY;
    event->index = run->index;
    event->term = entry->term;
    event->data = dbr_bytes(entry->buf.base, entry->buf.len);
    return run->index++ == run->last;
}

static bool poll_item(struct dbr_consensus *c, struct dbr_consensus_event *event)
{
    struct dbr_event_item item;
    struct dbr_event_item *front = dbr_ring_peek(&c->events);
    if (front == NULL) {
        close_run(c);
        front = dbr_ring_peek(&c->events);
    }
    if (front == NULL) {
        return false;
    }
    if (front->type == DBR_CONSENSUS_APPLY) {
        if (show_command(c, front, event)) {
            dbr_ring_pop(&c->events, &item);
        }
        return true;
    }
    dbr_ring_pop(&c->events, &item);
    event->type = item.type;
    event->op = item.op;
    event->index = item.index;
    event->token = item.token;
    event->status = item.status;
    if (item.type == DBR_CONSENSUS_FETCH) {
        dbr_inbox_show(c, event);
    }
    return true;
}

static bool poll_message(struct dbr_consensus *c, struct dbr_consensus_event *event)
{
    const struct dbr_outbox_message *m = dbr_outbox_next(&c->outbox, c->log.durable_seq);
    if (m == NULL) {
        return false;
    }
    event->type = DBR_CONSENSUS_SEND;
    event->to = m->to;
    event->address = m->address;
    event->data = dbr_bytes(m->data.data, m->data.len);
    return true;
}

static bool poll_failure(struct dbr_consensus *c, struct dbr_consensus_event *event)
{
    if (c->failed == 0 || c->failed_told) {
        return false;
    }
    c->failed_told = true;
    event->type = DBR_CONSENSUS_FAILED;
    event->status = c->failed;
    event->detail = c->failed == DEBROS_ENOMEM ? "out of memory" : raft_errmsg(&c->raft);
    if (event->detail[0] == '\0') {
        event->detail = "libraft does not say why; out of memory, most likely";
    }
    return true;
}

bool dbr_events_poll(struct dbr_consensus *c, struct dbr_consensus_event *event)
{
    if (poll_item(c, event)) {
        return true;
    }
    if (c->role_changed) {
        c->role_changed = false;
        event->type = DBR_CONSENSUS_ROLE;
        return true;
    }
    return poll_message(c, event) || poll_failure(c, event);
}
