#include "dht/rates.h"

#include "base/alloc.h"
#include "base/check.h"

void dbr_dht_rates_init(struct dbr_dht_rates *rates, uint32_t per_s, uint32_t peers)
{
    dbr_assert(peers > 0);
    *rates = (struct dbr_dht_rates){.per_s = per_s, .peers = peers};
    dbr_list_init(&rates->order);
}

static void drop_first(struct dbr_dht_rates *rates)
{
    struct dbr_list *item = dbr_list_pop_front(&rates->order);
    struct dbr_dht_rate *rate = DBR_LIST_ENTRY(item, struct dbr_dht_rate, in_order);
    HASH_DEL(rates->table, rate);
    dbr_free(rate);
    rates->n--;
}

void dbr_dht_rates_finish(struct dbr_dht_rates *rates)
{
    while (rates->n > 0) {
        drop_first(rates);
    }
}

static struct dbr_dht_rate *add(struct dbr_dht_rates *rates,
                                const struct dbr_peer_id *peer)
{
    if (rates->n == rates->peers) {
        drop_first(rates);
    }
    struct dbr_dht_rate *rate = dbr_calloc(1, sizeof(*rate));
    if (rate == NULL) {
        return NULL;
    }
    rate->peer = *peer;
    dbr_list_init(&rate->in_order);
    HASH_ADD(hh, rates->table, peer, sizeof(rate->peer), rate);
    if (!dbr_hash_added(rate)) {
        dbr_free(rate);
        return NULL;
    }
    rates->n++;
    return rate;
}

bool dbr_dht_rates_take(struct dbr_dht_rates *rates, const struct dbr_peer_id *peer,
                        dbr_time now)
{
    struct dbr_dht_rate *rate;
    if (rates->per_s == 0) {
        return true;
    }
    HASH_FIND(hh, rates->table, peer, sizeof(*peer), rate);
    if (rate == NULL) {
        rate = add(rates, peer);
    }
    if (rate == NULL) {
        return false;
    }
    dbr_list_remove(&rate->in_order);
    dbr_list_push_back(&rates->order, &rate->in_order);
    return dbr_bucket_take(&rate->bucket, rates->per_s, 1000000 / rates->per_s, now);
}
