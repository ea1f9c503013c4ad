#include "dht/shares.h"

#include "base/alloc.h"
#include "base/check.h"

static struct dbr_dht_share *find(const struct dbr_dht_shares *shares,
                                  const struct dbr_peer_id *peer)
{
    struct dbr_dht_share *share;
    HASH_FIND(hh, shares->table, peer, sizeof(*peer), share);
    return share;
}

static void drop(struct dbr_dht_shares *shares, struct dbr_dht_share *share)
{
    HASH_DEL(shares->table, share);
    dbr_free(share);
}

void dbr_dht_shares_finish(struct dbr_dht_shares *shares)
{
    struct dbr_dht_share *share;
    struct dbr_dht_share *tmp;
    HASH_ITER(hh, shares->table, share, tmp)
    {
        drop(shares, share);
    }
}

uint32_t dbr_dht_shares_of(const struct dbr_dht_shares *shares,
                           const struct dbr_peer_id *peer)
{
    const struct dbr_dht_share *share = find(shares, peer);
    return share == NULL ? 0 : share->n;
}

bool dbr_dht_shares_add(struct dbr_dht_shares *shares, const struct dbr_peer_id *peer)
{
    struct dbr_dht_share *share = find(shares, peer);
    if (share != NULL) {
        share->n++;
        return true;
    }
    share = dbr_calloc(1, sizeof(*share));
    if (share == NULL) {
        return false;
    }
    share->peer = *peer;
    share->n = 1;
    HASH_ADD(hh, shares->table, peer, sizeof(share->peer), share);
    if (!dbr_hash_added(share)) {
        dbr_free(share);
        return false;
    }
    return true;
}

void dbr_dht_shares_take(struct dbr_dht_shares *shares, const struct dbr_peer_id *peer)
{
    struct dbr_dht_share *share = find(shares, peer);
    dbr_assert(share != NULL && share->n > 0);
    if (--share->n == 0) {
        drop(shares, share);
    }
}
