#include "consensus/outbox.h"

#include <string.h>

#include "base/alloc.h"
#include "consensus/configuration.h"

static void free_message(struct dbr_outbox_message *m)
{
    if (m != NULL) {
        dbr_buf_finish(&m->data);
        dbr_free(m);
    }
}

static struct dbr_outbox_message *first_message(const struct dbr_outbox *outbox)
{
    return dbr_list_is_empty(&outbox->messages)
               ? NULL
               : DBR_LIST_ENTRY(outbox->messages.next, struct dbr_outbox_message, link);
}

void dbr_outbox_init(struct dbr_outbox *outbox, size_t max_bytes)
{
    *outbox = (struct dbr_outbox){.max_bytes = max_bytes};
    dbr_list_init(&outbox->messages);
}

static struct dbr_outbox_message *take_first(struct dbr_outbox *outbox)
{
    struct dbr_outbox_message *m = first_message(outbox);
    if (m != NULL) {
        dbr_list_remove(&m->link);
        outbox->n--;
        outbox->bytes -= m->data.len;
    }
    return m;
}

void dbr_outbox_finish(struct dbr_outbox *outbox)
{
    struct dbr_outbox_message *m;
    while ((m = take_first(outbox)) != NULL) {
        free_message(m);
    }
    free_message(outbox->shown);
    outbox->shown = NULL;
}

void dbr_outbox_add(struct dbr_outbox *outbox, uint64_t to, const char *address,
                    uint64_t after_seq, struct dbr_buf *data)
{
    struct dbr_outbox_message *m = NULL;
    bool full = outbox->n >= DBR_OUTBOX_MESSAGES_MAX ||
                (outbox->n > 0 && outbox->bytes + data->len > outbox->max_bytes);
    if (!full && !data->failed && strlen(address) < sizeof(m->address)) {
        m = dbr_calloc(1, sizeof(*m));
    }
    if (m == NULL) {
        dbr_buf_finish(data);
        return;
    }
    m->to = to;
    dbr_configuration_address_copy(m->address, address);
    m->after_seq = after_seq;
    m->data = dbr_buf_take(data);
    outbox->n++;
    outbox->bytes += m->data.len;
    dbr_list_push_back(&outbox->messages, &m->link);
}

const struct dbr_outbox_message *dbr_outbox_next(struct dbr_outbox *outbox,
                                                 uint64_t durable_seq)
{
    free_message(outbox->shown);
    outbox->shown = NULL;
    struct dbr_outbox_message *m = first_message(outbox);
    if (m != NULL && m->after_seq <= durable_seq) {
        outbox->shown = take_first(outbox);
    }
    return outbox->shown;
}
