#include "driver/links.h"

#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "driver/address.h"

static bool take(struct dbr_link *link, const uv_interface_address_t *from)
{
    struct dbr_endpoint mask;
    *link = (struct dbr_link){.is_loopback = from->is_internal != 0};
    snprintf(link->name, sizeof(link->name), "%s", from->name);
    link->index = if_nametoindex(from->name);
    if (link->index == 0 || /* it has gone meanwhile */
        !dbr_address_to_endpoint(&link->address,
                                 (const struct sockaddr *)&from->address) ||
        !dbr_address_to_endpoint(&mask, (const struct sockaddr *)&from->netmask)) {
        return false;
    }
    link->address.port = 0;
    memcpy(link->mask, mask.ip, sizeof(link->mask));
    return true;
}

void dbr_links_look(struct dbr_links *links)
{
    uv_interface_address_t *all = NULL;
    int n_all = 0;
    memset(links, 0, sizeof(*links));
    if (uv_interface_addresses(&all, &n_all) != 0) {
        return;
    }
    for (int i = 0; i < n_all && links->n < DBR_LINKS_MAX; i++) {
        links->n += take(&links->items[links->n], &all[i]) ? 1 : 0;
    }
    uv_free_interface_addresses(all, n_all);
}

static bool is_same(const struct dbr_endpoint *a, const struct dbr_endpoint *b)
{
    return a->is_ip6 == b->is_ip6 && memcmp(a->ip, b->ip, a->is_ip6 ? 16 : 4) == 0;
}

bool dbr_links_equal(const struct dbr_links *a, const struct dbr_links *b)
{
    if (a->n != b->n) {
        return false;
    }
    for (size_t i = 0; i < a->n; i++) {
        const struct dbr_link *x = &a->items[i];
        const struct dbr_link *y = &b->items[i];
        if (strcmp(x->name, y->name) != 0 || x->index != y->index ||
            !is_same(&x->address, &y->address) ||
            memcmp(x->mask, y->mask, sizeof(x->mask)) != 0) {
            return false;
        }
    }
    return true;
}

static bool holds(const struct dbr_link *link, const struct dbr_endpoint *address)
{
    if (link->address.is_ip6 != address->is_ip6) {
        return false;
    }
    for (size_t i = 0; i < (address->is_ip6 ? 16u : 4u); i++) {
        if (((link->address.ip[i] ^ address->ip[i]) & link->mask[i]) != 0) {
            return false;
        }
    }
    return true;
}

bool dbr_links_reach(const struct dbr_links *links, const struct dbr_endpoint *address)
{
    for (size_t i = 0; i < links->n; i++) {
        if (holds(&links->items[i], address)) {
            return true;
        }
    }
    return false;
}

bool dbr_links_own(const struct dbr_links *links, const struct dbr_endpoint *address)
{
    for (size_t i = 0; i < links->n; i++) {
        if (is_same(&links->items[i].address, address)) {
            return true;
        }
    }
    return dbr_endpoint_is_loopback(address);
}
