/* Intrusive doubly linked list with a head node. No allocation. */
#ifndef DBR_BASE_LIST_H
#define DBR_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "check.h"

struct dbr_list {
    struct dbr_list *next;
    struct dbr_list *prev;
};

static inline void dbr_list_init(struct dbr_list *l)
{
    l->next = l;
    l->prev = l;
}

static inline bool dbr_list_is_empty(const struct dbr_list *l)
{
    return l->next == l;
}

static inline void dbr_list_push_back(struct dbr_list *l, struct dbr_list *item)
{
    item->prev = l->prev;
    item->next = l;
    l->prev->next = item;
    l->prev = item;
}

/* Removing twice is harmless. */
static inline void dbr_list_remove(struct dbr_list *item)
{
    item->prev->next = item->next;
    item->next->prev = item->prev;
    dbr_list_init(item);
}

static inline struct dbr_list *dbr_list_pop_front(struct dbr_list *l)
{
    struct dbr_list *item = l->next;
    if (item == l) {
        return NULL;
    }
    dbr_list_remove(item);
    return item;
}

#define DBR_LIST_ENTRY(item, type, member) DBR_CONTAINER_OF(item, type, member)

/* Safe against removal of the current item. */
#define DBR_LIST_FOREACH(item, tmp, list)                                         \
    for ((item) = (list)->next, (tmp) = (item)->next; (item) != (list);           \
         (item) = (tmp), (tmp) = (item)->next)

#endif
