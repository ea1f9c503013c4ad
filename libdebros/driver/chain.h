/* Singly linked queues of anything that has a pointer to its next one, at `offset`: the
 * jobs of several modules pass through without an envelope. */
#ifndef DBR_DRIVER_CHAIN_H
#define DBR_DRIVER_CHAIN_H

#include <stddef.h>
#include <string.h>

struct dbr_chain {
    void *head;
    void *tail;
    size_t offset; /* of the pointer to the next item */
};

static inline void dbr_chain_init(struct dbr_chain *chain, size_t offset)
{
    *chain = (struct dbr_chain){.offset = offset};
}

/* memcpy: the member is a pointer to the item's own type. */
static inline void *dbr_chain_next(const struct dbr_chain *chain, const void *item)
{
    void *next;
    memcpy(&next, (const char *)item + chain->offset, sizeof(next));
    return next;
}

static inline void dbr_chain_link(const struct dbr_chain *chain, void *item, void *next)
{
    memcpy((char *)item + chain->offset, &next, sizeof(next));
}

static inline void dbr_chain_push(struct dbr_chain *chain, void *item)
{
    dbr_chain_link(chain, item, NULL);
    if (chain->tail == NULL) {
        chain->head = item;
    } else {
        dbr_chain_link(chain, chain->tail, item);
    }
    chain->tail = item;
}

static inline void *dbr_chain_pop(struct dbr_chain *chain)
{
    void *item = chain->head;
    if (item != NULL) {
        chain->head = dbr_chain_next(chain, item);
        if (chain->head == NULL) {
            chain->tail = NULL;
        }
        dbr_chain_link(chain, item, NULL);
    }
    return item;
}

/* Moves all of `from` to the end of `to`; both link alike. */
static inline void dbr_chain_append(struct dbr_chain *to, struct dbr_chain *from)
{
    if (from->head == NULL) {
        return;
    }
    if (to->tail == NULL) {
        to->head = from->head;
    } else {
        dbr_chain_link(to, to->tail, from->head);
    }
    to->tail = from->tail;
    from->head = NULL;
    from->tail = NULL;
}

#endif
