#include "consensus/log_queue.h"

#include "base/alloc.h"
#include "base/check.h"

static bool is_change(const struct dbr_log_item *item)
{
    return item->op.type == DBR_LOG_APPEND || item->op.type == DBR_LOG_TRUNCATE ||
           item->op.type == DBR_LOG_INSTALL;
}

static struct dbr_log_item *new_item(struct dbr_log_queue *queue)
{
    struct dbr_log_item *item = dbr_calloc(1, sizeof(*item));
    if (item == NULL && queue->n_reserve > 0) {
        item = queue->reserve[--queue->n_reserve];
    }
    return item;
}

bool dbr_log_queue_prepare(struct dbr_log_queue *queue)
{
    while (queue->n_reserve < DBR_LOG_QUEUE_RESERVE) {
        struct dbr_log_item *item = dbr_calloc(1, sizeof(*item));
        if (item == NULL) {
            return false;
        }
        queue->reserve[queue->n_reserve++] = item;
    }
    return true;
}

struct dbr_log_item *dbr_log_queue_add(struct dbr_log_queue *queue,
                                       enum dbr_log_op_type type)
{
    struct dbr_log_item *item = new_item(queue);
    if (item == NULL) {
        return NULL;
    }
    item->op.type = type;
    item->op.seq = ++queue->last_seq;
    if (queue->last == NULL) {
        queue->first = item;
    } else {
        queue->last->after = item;
    }
    queue->last = item;
    queue->changes += is_change(item);
    if (type == DBR_LOG_TERM || type == DBR_LOG_VOTE) {
        queue->last_meta_seq = item->op.seq;
    }
    return item;
}

struct dbr_log_item *dbr_log_queue_take(struct dbr_log_queue *queue, uint64_t seq)
{
    struct dbr_log_item *item = queue->first;
    if (item == NULL || item->op.seq > seq) {
        return NULL;
    }
    queue->first = item->after;
    if (queue->first == NULL) {
        queue->last = NULL;
    }
    item->after = NULL;
    queue->durable_seq = item->op.seq;
    dbr_assert(!is_change(item) || queue->changes > 0);
    queue->changes -= is_change(item);
    return item;
}

void dbr_log_queue_finish(struct dbr_log_queue *queue)
{
    while (queue->n_reserve > 0) {
        dbr_log_item_free(queue->reserve[--queue->n_reserve]);
    }
}

void dbr_log_item_free(struct dbr_log_item *item)
{
    if (item == NULL) {
        return;
    }
    dbr_buf_finish(&item->configuration);
    dbr_free(item->op.entries);
    dbr_free(item);
}

bool dbr_log_queue_holds_meta(const struct dbr_log_queue *queue)
{
    return queue->last_meta_seq > queue->durable_seq;
}
