/* What the hash table holds, and whom it names, for people and programs. */
#include "inner.h"

static debros_table_peer *copy_entries(const struct dbr_dht_table *table,
                                       struct dbr_arena *arena, dbr_time now)
{
    debros_table_peer *peers = dbr_arena_calloc(arena, table->n + 1, sizeof(*peers));
    for (size_t i = 0; peers != NULL && i < table->n; i++) {
        char text[DBR_PEER_ID_TEXT_SIZE];
        const struct dbr_dht_entry *entry = &table->entries[i];
        peers[i] = (debros_table_peer){
            .id = dbr_arena_strdup(arena, dbr_peer_id_text(&entry->id, text)),
            .connected = entry->connected,
            .outbound = entry->outbound,
            .failures = entry->failures,
            .idle_ms = now > entry->seen ? now - entry->seen : 0};
        if (peers[i].id == NULL) {
            return NULL;
        }
    }
    return peers;
}

/* The entries stand in the order of their keys, where a bucket is one run. */
static debros_bucket *split(const struct dbr_dht_table *table,
                            const debros_table_peer *peers, struct dbr_arena *arena)
{
    size_t n = (size_t)table->last + 1;
    debros_bucket *buckets = dbr_arena_calloc(arena, n, sizeof(*buckets));
    for (size_t b = 0; buckets != NULL && b < n; b++) {
        buckets[b] = (debros_bucket){.prefix = (uint32_t)b, .peers = peers};
    }
    for (size_t i = 0; buckets != NULL && i < table->n; i++) {
        debros_bucket *bucket =
            &buckets[dbr_dht_table_bucket(table, &table->entries[i].key)];
        if (bucket->n_peers++ == 0) {
            bucket->peers = &peers[i];
        }
    }
    return buckets;
}

int dbr_view_table(const struct dbr_core *core, struct dbr_request *request, dbr_time now)
{
    const struct dbr_dht_table *table = dbr_dht_table(core->kad->dht);
    const struct dbr_dht_records *records = dbr_dht_records(core->kad->dht);
    debros_table *out = dbr_arena_calloc(&request->arena, 1, sizeof(*out));
    debros_table_peer *peers = copy_entries(table, &request->arena, now);
    debros_bucket *buckets =
        peers != NULL ? split(table, peers, &request->arena) : NULL;
    if (out == NULL || buckets == NULL) {
        return DEBROS_ENOMEM;
    }
    *out = (debros_table){.buckets = buckets,
                          .n_buckets = (size_t)table->last + 1,
                          .values = (uint32_t)records->values.n,
                          .keys = (uint32_t)records->providers.n,
                          .providers = (uint32_t)records->providers.n_in};
    request->table = out;
    return 0;
}

int dbr_view_kad_status(const struct dbr_core *core, struct dbr_arena *arena,
                        debros_status *status)
{
    const struct dbr_dht_table *table = dbr_dht_table(core->kad->dht);
    const struct dbr_dht_records *records = dbr_dht_records(core->kad->dht);
    size_t n = (size_t)table->last + 1;
    uint32_t *sizes = dbr_arena_calloc(arena, n, sizeof(*sizes));
    if (sizes == NULL) {
        return DEBROS_ENOMEM;
    }
    for (size_t b = 0; b < n; b++) {
        sizes[b] = (uint32_t)dbr_dht_table_bucket_len(table, (unsigned)b);
    }
    status->buckets = sizes;
    status->n_buckets = n;
    status->values = (uint32_t)records->values.n;
    status->providers = (uint32_t)records->providers.n_in;
    return 0;
}

int dbr_view_addrs(struct dbr_request *request, debros_peer *peer,
                   const struct dbr_multiaddr *addrs, size_t n)
{
    const char **texts = dbr_arena_calloc(&request->arena, n + 1, sizeof(*texts));
    for (size_t i = 0; texts != NULL && i < n; i++) {
        char text[DBR_MULTIADDR_TEXT_SIZE];
        struct dbr_multiaddr plain = addrs[i];
        dbr_multiaddr_cut_peer(&plain);
        texts[i] = dbr_arena_strdup(&request->arena, dbr_multiaddr_text(&plain, text));
        if (texts[i] == NULL) {
            return DEBROS_ENOMEM;
        }
    }
    peer->addrs = texts;
    peer->n_addrs = n;
    return texts != NULL ? 0 : DEBROS_ENOMEM;
}

/* What the swarm would say of us to others. */
static int fill_self(const struct dbr_core *core, struct dbr_request *request,
                     debros_peer *out)
{
    struct dbr_multiaddr addrs[DBR_MEMBER_ADDRS];
    const char *protocols[DBR_PROTOCOLS];
    struct dbr_peer_info info = {.id = core->self,
                                 .cls = DBR_PEER_MEMBER,
                                 .agent = "debros/" DEBROS_VERSION,
                                 .protocols = protocols,
                                 .n_protocols = dbr_core_offered(core, protocols)};
    int err = dbr_view_fill(core, &request->arena, &info, out);
    size_t n = dbr_membership_addrs(core, addrs, DBR_COUNT(addrs));
    return err != 0 ? err : dbr_view_addrs(request, out, addrs, n);
}

int dbr_view_found(const struct dbr_core *core, struct dbr_request *request,
                   const struct dbr_peer_id *ids, size_t n)
{
    debros_peer *peers = dbr_arena_calloc(&request->arena, n + 1, sizeof(*peers));
    for (size_t i = 0; peers != NULL && i < n; i++) {
        struct dbr_peer_info info = {.id = ids[i]};
        bool is_self = dbr_peer_id_equal(&ids[i], &core->self);
        (void)dbr_swarm_peer_info(core->swarm, &ids[i], &info);
        int err = is_self ? fill_self(core, request, &peers[i])
                          : dbr_view_fill(core, &request->arena, &info, &peers[i]);
        if (err != 0) {
            return err;
        }
    }
    request->peers = peers;
    request->n_peers = n;
    return peers != NULL ? 0 : DEBROS_ENOMEM;
}
