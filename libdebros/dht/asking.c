/* Requests of ours on their way: who was asked what, and what came of it. */
#include "base/alloc.h"
#include "base/check.h"
#include "base/failpoint.h"
#include "dht/inner.h"

/* A failure counts against a peer unless nobody else has spoken for so long before. */
#define DEAF_MS 5000

static void remove_asked(struct dbr_dht *dht, struct dbr_dht_asked *asked)
{
    HASH_DEL(dht->asked, asked);
    dbr_list_remove(&asked->in_time);
    dbr_list_remove(&asked->in_op);
    dht->n_asked--;
    dht->n_probes -= asked->why == DBR_DHT_WHY_PROBE;
}

static struct dbr_dht_asked *add_asked(struct dbr_dht *dht)
{
    struct dbr_dht_asked *asked = NULL;
    if (dht->n_asked < dht->config.limits.requests) {
        asked = dbr_calloc(1, sizeof(*asked));
    } else {
        dht->is_starved = true;
    }
    if (asked == NULL) {
        return NULL;
    }
    asked->number = dht->next_number++;
    asked->sent = dht->now;
    HASH_ADD(hh, dht->asked, number, sizeof(asked->number), asked);
    if (!dbr_hash_added(asked)) {
        dbr_free(asked);
        return NULL;
    }
    dbr_list_push_back(&dht->waiting, &asked->in_time);
    dbr_list_init(&asked->in_op);
    dht->n_asked++;
    return asked;
}

bool dbr_dht_ask(struct dbr_dht *dht, const struct dbr_dht_question *question)
{
    struct dbr_dht_asked *asked = add_asked(dht);
    struct dbr_dht_event event = {.peer = question->peer, .one_way = question->one_way};
    struct dbr_buf copy = {0};
    if (asked == NULL) {
        return false;
    }
    asked->why = question->why;
    asked->type = question->type;
    asked->one_way = question->one_way;
    asked->peer = question->peer;
    asked->op = question->op;
    event.type = question->why == DBR_DHT_WHY_CHECK ? DBR_DHT_EVENT_PING
                                                    : DBR_DHT_EVENT_SEND;
    event.request = asked->number;
    dht->n_probes += question->why == DBR_DHT_WHY_PROBE;
    dbr_buf_add(&copy, question->data.data, question->data.len);
    if (!dbr_dht_push(dht, &event, &copy, question->hints)) {
        remove_asked(dht, asked);
        dbr_free(asked);
        return false;
    }
    if (asked->op != NULL) {
        dbr_list_push_back(&asked->op->asked, &asked->in_op);
    }
    dht->counts.sent++;
    return true;
}

void dbr_dht_forget_op(struct dbr_dht_op *op)
{
    struct dbr_list *item;
    struct dbr_list *tmp;
    DBR_LIST_FOREACH(item, tmp, &op->asked)
    {
        DBR_LIST_ENTRY(item, struct dbr_dht_asked, in_op)->op = NULL;
        dbr_list_remove(item);
    }
}

/* There is room for requests again. */
static void feed_starved(struct dbr_dht *dht)
{
    struct dbr_list *item;
    struct dbr_list *tmp;
    if (!dht->is_starved) {
        return;
    }
    dht->is_starved = false;
    DBR_LIST_FOREACH(item, tmp, &dht->ops)
    {
        dbr_dht_op_step(dht, DBR_LIST_ENTRY(item, struct dbr_dht_op, in_dht));
    }
}

static void probe_is_over(struct dbr_dht *dht, const struct dbr_dht_asked *asked)
{
    struct dbr_dht_contact *contact =
        asked->why == DBR_DHT_WHY_PROBE ? dbr_dht_contact(dht, &asked->peer) : NULL;
    if (contact != NULL) {
        contact->probing = false;
    }
}

/* Unless it has spoken since it was asked: then this one was lost. */
static void blame(struct dbr_dht *dht, const struct dbr_dht_asked *asked)
{
    const struct dbr_dht_entry *entry = dbr_dht_table_find(&dht->table, &asked->peer);
    dbr_time deaf = dbr_time_add(dht->heard, DEAF_MS);
    if (entry != NULL && entry->seen <= asked->sent) {
        dbr_dht_table_failed(&dht->table, &asked->peer, deaf < asked->sent);
    }
}

static void fail(struct dbr_dht *dht, struct dbr_dht_asked *asked)
{
    DBR_FAILPOINT("dht.asking.fail");
    remove_asked(dht, asked);
    dht->counts.failed++;
    probe_is_over(dht, asked);
    blame(dht, asked);
    if (dht->table.n == 0) {
        dbr_dht_refresh_lonely(dht);
    }
    if (asked->op != NULL) {
        dbr_dht_op_failed(dht, asked->op, asked);
    }
    dbr_free(asked);
    feed_starved(dht);
}

static struct dbr_dht_asked *find(const struct dbr_dht *dht, uint64_t number)
{
    struct dbr_dht_asked *asked;
    HASH_FIND(hh, dht->asked, &number, sizeof(number), asked);
    return asked;
}

void dbr_dht_failed(struct dbr_dht *dht, uint64_t request, dbr_time now)
{
    struct dbr_dht_asked *asked = find(dht, request);
    dht->now = now;
    if (asked != NULL) {
        fail(dht, asked);
    }
}

/* A good answer; `message` is NULL where none is due. */
static void succeed(struct dbr_dht *dht, struct dbr_dht_asked *asked,
                    const struct dbr_dht_message *message)
{
    DBR_FAILPOINT("dht.asking.succeed");
    remove_asked(dht, asked);
    dht->counts.answered++;
    dht->heard = dht->now;
    probe_is_over(dht, asked);
    if (message != NULL) {
        dbr_dht_meet(dht, &asked->peer);
    } else {
        dbr_dht_table_seen(&dht->table, &asked->peer, dht->now);
    }
    if (asked->op != NULL) {
        dbr_dht_op_answered(dht, asked->op, asked, message);
    }
    dbr_free(asked);
    feed_starved(dht);
}

void dbr_dht_answered(struct dbr_dht *dht, uint64_t request, debros_bytes bytes,
                      dbr_time now)
{
    struct dbr_dht_asked *asked = find(dht, request);
    struct dbr_dht_message message;
    struct dbr_arena arena;
    dht->now = now;
    if (asked == NULL) {
        return;
    }
    if (asked->one_way || asked->why == DBR_DHT_WHY_CHECK) {
        succeed(dht, asked, NULL);
        return;
    }
    dbr_arena_init(&arena, DBR_DHT_UNPACKED_MAX);
    if (dbr_dht_message_decode(&message, &arena, bytes) == 0 &&
        message.type == asked->type) {
        succeed(dht, asked, &message);
    } else {
        dht->counts.bad++;
        fail(dht, asked);
    }
    dbr_arena_finish(&arena);
}

dbr_time dbr_dht_asking_deadline(const struct dbr_dht *dht)
{
    if (dbr_list_is_empty(&dht->waiting)) {
        return DBR_TIME_NEVER;
    }
    const struct dbr_dht_asked *oldest =
        DBR_LIST_ENTRY(dht->waiting.next, struct dbr_dht_asked, in_time);
    return dbr_time_add(oldest->sent, dht->config.limits.query.request_ms);
}

void dbr_dht_asking_expire(struct dbr_dht *dht)
{
    while (dbr_dht_asking_deadline(dht) <= dht->now) {
        struct dbr_dht_asked *asked =
            DBR_LIST_ENTRY(dht->waiting.next, struct dbr_dht_asked, in_time);
        struct dbr_dht_event event = {.type = DBR_DHT_EVENT_CANCEL,
                                      .request = asked->number,
                                      .peer = asked->peer};
        (void)dbr_dht_push(dht, &event, NULL, dbr_bytes(NULL, 0));
        fail(dht, asked);
    }
}

void dbr_dht_asking_finish(struct dbr_dht *dht)
{
    while (!dbr_list_is_empty(&dht->waiting)) {
        struct dbr_dht_asked *asked =
            DBR_LIST_ENTRY(dht->waiting.next, struct dbr_dht_asked, in_time);
        remove_asked(dht, asked);
        dbr_free(asked);
    }
}
