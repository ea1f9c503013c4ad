#include "observed.h"

#include <string.h>

bool dbr_observed_is_confirmed(const struct dbr_observed_addr *addr)
{
    return addr->n_observers == DBR_OBSERVED_ENOUGH;
}

static void remove_addr(struct dbr_observed *observed, size_t i)
{
    observed->n--;
    memmove(&observed->addrs[i], &observed->addrs[i + 1],
            (observed->n - i) * sizeof(observed->addrs[0]));
}

bool dbr_observed_expire(struct dbr_observed *observed, dbr_time now)
{
    bool changed = false;
    size_t i = 0;
    while (i < observed->n) {
        if (now - observed->addrs[i].at < DBR_OBSERVED_MS) {
            i++;
            continue;
        }
        changed = changed || dbr_observed_is_confirmed(&observed->addrs[i]);
        remove_addr(observed, i);
    }
    return changed;
}

/* Those whose word is old count no more, until the address is confirmed. */
static void drop_old_observers(struct dbr_observed_addr *addr, dbr_time now)
{
    size_t i = 0;
    while (i < addr->n_observers) {
        if (now - addr->observers[i].at < DBR_OBSERVED_MS) {
            i++;
        } else {
            addr->observers[i] = addr->observers[--addr->n_observers];
        }
    }
}

static size_t find(const struct dbr_observed *observed, const struct dbr_multiaddr *addr)
{
    size_t i = 0;
    while (i < observed->n && !dbr_multiaddr_equal(&observed->addrs[i].addr, addr)) {
        i++;
    }
    return i;
}

/* Finds or makes; *lost: a confirmed address had to go. */
static struct dbr_observed_addr *get(struct dbr_observed *observed,
                                     const struct dbr_multiaddr *addr, bool *lost)
{
    size_t i = find(observed, addr);
    if (i < observed->n) {
        return &observed->addrs[i];
    }
    if (observed->n == DBR_OBSERVED_ADDRS) {
        size_t oldest = 0;
        for (size_t k = 1; k < observed->n; k++) {
            oldest = observed->addrs[k].at < observed->addrs[oldest].at ? k : oldest;
        }
        *lost = dbr_observed_is_confirmed(&observed->addrs[oldest]);
        remove_addr(observed, oldest);
    }
    struct dbr_observed_addr *added = &observed->addrs[observed->n++];
    *added = (struct dbr_observed_addr){.addr = *addr};
    return added;
}

bool dbr_observed_add(struct dbr_observed *observed, const struct dbr_multiaddr *addr,
                      const struct dbr_multiaddr *observer, dbr_time now)
{
    struct dbr_endpoint seen;
    struct dbr_endpoint from;
    bool changed = dbr_observed_expire(observed, now);
    if (!dbr_multiaddr_endpoint(addr, &seen) || dbr_endpoint_is_wildcard(&seen) ||
        dbr_endpoint_is_loopback(&seen) || seen.port == 0 ||
        !dbr_multiaddr_endpoint(observer, &from)) {
        return changed;
    }
    struct dbr_gate_key host = dbr_gate_key_of(&from, 56);
    struct dbr_observed_addr *found = get(observed, addr, &changed);
    bool was_confirmed = dbr_observed_is_confirmed(found);
    found->at = now;
    drop_old_observers(found, now);
    size_t i = 0;
    while (i < found->n_observers &&
           memcmp(&found->observers[i].host, &host, sizeof(host)) != 0) {
        i++;
    }
    if (i == DBR_OBSERVED_ENOUGH) {
        return changed; /* enough have said so */
    }
    found->observers[i] = (struct dbr_observer){.host = host, .at = now};
    found->n_observers = i == found->n_observers ? i + 1 : found->n_observers;
    return changed || dbr_observed_is_confirmed(found) != was_confirmed;
}
