#include "book_addrs.h"

#include <string.h>

#include "base/alloc.h"
#include "base/check.h"

void dbr_book_addrs_finish(struct dbr_book_addrs *addrs)
{
    for (size_t i = 0; i < addrs->n; i++) {
        dbr_free(addrs->items[i]);
    }
    addrs->n = 0;
}

static void remove_at(struct dbr_book_addrs *addrs, size_t i)
{
    dbr_free(addrs->items[i]);
    addrs->n--;
    memmove(&addrs->items[i], &addrs->items[i + 1],
            (addrs->n - i) * sizeof(addrs->items[0]));
}

static bool is_same(const struct dbr_book_addr *item, const struct dbr_multiaddr *addr)
{
    return item->len == addr->len && memcmp(item->bytes, addr->bytes, addr->len) == 0;
}

struct dbr_book_addr *dbr_book_addrs_find(const struct dbr_book_addrs *addrs,
                                          const struct dbr_multiaddr *addr)
{
    for (size_t i = 0; i < addrs->n; i++) {
        if (is_same(addrs->items[i], addr)) {
            return addrs->items[i];
        }
    }
    return NULL;
}

void dbr_book_addrs_remove(struct dbr_book_addrs *addrs, struct dbr_book_addr *addr)
{
    size_t i = 0;
    while (i < addrs->n && addrs->items[i] != addr) {
        i++;
    }
    dbr_assert(i < addrs->n);
    remove_at(addrs, i);
}

/* A place for one of `source`. */
static bool make_room(struct dbr_book_addrs *addrs, size_t max,
                      enum dbr_book_source source)
{
    size_t worst = 0;
    if (addrs->n < max) {
        return true;
    }
    for (size_t i = 1; i < addrs->n; i++) {
        if (addrs->items[i]->source < addrs->items[worst]->source) {
            worst = i;
        }
    }
    if (addrs->items[worst]->source > source) {
        return false;
    }
    remove_at(addrs, worst);
    return true;
}

static void make_newest(struct dbr_book_addrs *addrs, struct dbr_book_addr *item)
{
    size_t i = 0;
    while (addrs->items[i] != item) {
        i++;
    }
    memmove(&addrs->items[i], &addrs->items[i + 1],
            (addrs->n - i - 1) * sizeof(addrs->items[0]));
    addrs->items[addrs->n - 1] = item;
}

enum dbr_book_added dbr_book_addrs_add(struct dbr_book_addrs *addrs, size_t max,
                                       const struct dbr_multiaddr *addr,
                                       enum dbr_book_source source, dbr_time until)
{
    dbr_assert(max > 0 && max <= DBR_BOOK_ADDRS_MAX);
    struct dbr_book_addr *item = dbr_book_addrs_find(addrs, addr);
    if (item != NULL) {
        if (source >= item->source) {
            item->source = (uint8_t)source;
            item->until = until > item->until ? until : item->until;
            make_newest(addrs, item);
        }
        return DBR_BOOK_ADDED;
    }
    item = dbr_malloc(sizeof(*item) + addr->len);
    if (item == NULL) {
        return DBR_BOOK_NO_MEMORY;
    }
    if (!make_room(addrs, max, source)) {
        dbr_free(item);
        return DBR_BOOK_FULL;
    }
    *item = (struct dbr_book_addr){
        .until = until, .source = (uint8_t)source, .len = addr->len};
    memcpy(item->bytes, addr->bytes, addr->len);
    addrs->items[addrs->n++] = item;
    return DBR_BOOK_ADDED;
}

void dbr_book_addrs_replace(struct dbr_book_addrs *addrs, enum dbr_book_source source,
                            const struct dbr_multiaddr *kept, size_t n)
{
    for (size_t i = addrs->n; i > 0; i--) {
        struct dbr_book_addr *item = addrs->items[i - 1];
        size_t k = 0;
        while (k < n && !is_same(item, &kept[k])) {
            k++;
        }
        if (k < n || item->source != source) {
            continue;
        }
        if (item->worked) {
            item->source = DBR_BOOK_IDENTIFIED;
        } else {
            remove_at(addrs, i - 1);
        }
    }
}

void dbr_book_addrs_expire(struct dbr_book_addrs *addrs, dbr_time now)
{
    for (size_t i = addrs->n; i > 0; i--) {
        if (addrs->items[i - 1]->until <= now) {
            remove_at(addrs, i - 1);
        }
    }
}

/* `b` was added later. */
static bool is_better(const struct dbr_book_addr *a, const struct dbr_book_addr *b)
{
    if (a->fails != b->fails) {
        return a->fails < b->fails;
    }
    if (a->worked != b->worked) {
        return a->worked;
    }
    return a->source > b->source;
}

size_t dbr_book_addrs_best(const struct dbr_book_addrs *addrs, struct dbr_multiaddr *out,
                           size_t n, enum dbr_book_source least, dbr_time now)
{
    const struct dbr_book_addr *order[DBR_BOOK_ADDRS_MAX];
    size_t found = 0;
    for (size_t i = 0; i < addrs->n; i++) {
        const struct dbr_book_addr *item = addrs->items[i];
        if (item->source < least || item->until <= now) {
            continue;
        }
        size_t at = 0;
        while (at < found && is_better(order[at], item)) {
            at++;
        }
        memmove(&order[at + 1], &order[at], (found - at) * sizeof(order[0]));
        order[at] = item;
        found++;
    }
    found = found < n ? found : n;
    for (size_t i = 0; i < found; i++) {
        out[i] = (struct dbr_multiaddr){.len = order[i]->len};
        memcpy(out[i].bytes, order[i]->bytes, order[i]->len);
    }
    return found;
}

enum dbr_book_source dbr_book_addrs_source(const struct dbr_book_addrs *addrs)
{
    enum dbr_book_source best = DBR_BOOK_HINT;
    for (size_t i = 0; i < addrs->n; i++) {
        enum dbr_book_source source = (enum dbr_book_source)addrs->items[i]->source;
        best = source > best ? source : best;
    }
    return best;
}
