#include "inner.h"

#include "base/failpoint.h"

#define MODULE "core"

/* ---- The way back ------------------------------------------------------------------ */

static void load_row(struct dbr_dht *dht, const struct dbr_network_row *item,
                     dbr_time now)
{
    struct dbr_peer_id peer;
    const struct dbr_dht_row *row = &item->row;
    if (item->table == DBR_NETWORK_VALUES) {
        (void)dbr_dht_load_value(dht, row, now);
    } else if (dbr_peer_id_from_bytes(&peer, dbr_bytes(row->peer.bytes, row->peer.len)) ==
               0) {
        (void)dbr_dht_load_provider(dht, row, now);
    } else {
        dbr_dht_tell_rows_again(dht); /* without this one */
    }
}

static void load_book(struct dbr_core *core, const struct dbr_network_batch *found,
                      dbr_time now)
{
    struct dbr_core_network *network = &core->network;
    debros_bytes book = dbr_bytes(found->book.data, found->book.len);
    int err = book.len > 0 ? dbr_swarm_load_book(core->swarm, book, now) : 0;
    if (err != 0) {
        dbr_log(core->config.logger, DEBROS_LOG_WARN, MODULE,
                "the peer book on disk cannot be used, addresses are learned anew: %s",
                debros_strerror(err));
    }
    network->book_changes = dbr_swarm_book_changes(core->swarm);
    network->book_is_lost = err != 0;
    network->book_given = now;
    network->book_at = dbr_time_add(now, DBR_NETWORK_BOOK_FIRST_MS);
}

void dbr_network_start(struct dbr_core *core, const struct dbr_network_batch *found,
                       dbr_time now)
{
    core->network = (struct dbr_core_network){.at = DBR_TIME_NEVER};
    if (found == NULL) {
        return;
    }
    core->network.is_kept = true;
    load_book(core, found, now);
    for (const struct dbr_network_row *item = found->first; item != NULL;
         item = item->next) {
        load_row(core->kad->dht, item, now);
    }
    if (found->is_partial) {
        dbr_dht_tell_rows_again(core->kad->dht);
        core->network.book_is_lost = true;
    }
}

/* ---- The way there ----------------------------------------------------------------- */

/* What the table has to tell, as far as it fits. */
static int gather(struct dbr_dht *dht, struct dbr_network_batch *batch)
{
    struct dbr_dht_event event;
    while (batch->n < DBR_NETWORK_BATCH_ROWS && batch->bytes < DBR_NETWORK_BATCH_BYTES &&
           dbr_dht_poll_row(dht, &event)) {
        int err = dbr_network_batch_add(batch,
                                        event.type == DBR_DHT_EVENT_VALUE_ROW
                                            ? DBR_NETWORK_VALUES
                                            : DBR_NETWORK_PROVIDERS,
                                        &event.row);
        if (err != 0) {
            dbr_dht_tell_rows_again(dht); /* the row that was told is lost */
            return err;
        }
    }
    return 0;
}

/* The ends of what connected peers told move on though nothing changes. */
static bool is_book_due(const struct dbr_core *core, dbr_time now)
{
    const struct dbr_core_network *network = &core->network;
    uint64_t changes = dbr_swarm_book_changes(core->swarm);
    return network->book_is_lost || changes != network->book_changes ||
           (changes > 0 &&
            now >= dbr_time_add(network->book_given, DBR_NETWORK_BOOK_OLD_MS));
}

/* Into the job, when it is time to look. */
static void gather_book(struct dbr_core *core, struct dbr_network_batch *batch,
                        dbr_time now)
{
    struct dbr_core_network *network = &core->network;
    if (network->book_at > now) {
        return;
    }
    network->book_at =
        core->is_stopping ? DBR_TIME_NEVER : dbr_time_add(now, DBR_NETWORK_BOOK_MS);
    if (!is_book_due(core, now)) {
        return;
    }
    if (dbr_swarm_save_book(core->swarm, &batch->book, now) != 0) {
        dbr_buf_finish(&batch->book); /* memory is short: it is the next look's */
        return;
    }
    network->book_is_lost = false;
    network->book_changes = dbr_swarm_book_changes(core->swarm);
    network->book_given = now;
}

static void try_later(struct dbr_core *core, const char *why, dbr_time now)
{
    struct dbr_core_network *network = &core->network;
    network->at = dbr_time_add(now, DBR_NETWORK_RETRY_MS);
    network->has_given_up = core->is_stopping;
    if (!network->has_failed) {
        network->has_failed = true;
        dbr_log(core->config.logger, DEBROS_LOG_WARN, MODULE,
                "what this node knows of the network is not on disk, "
                "this is tried again: %s",
                why);
    }
}

/* NULL: nothing is to be written, or memory is short. */
static struct dbr_network_job *next_job(struct dbr_core *core, dbr_time now)
{
    struct dbr_core_network *network = &core->network;
    struct dbr_network_job *job = network->job;
    if (job != NULL) {
        network->job = NULL;
        return job;
    }
    job = dbr_network_job_create();
    if (job == NULL || gather(core->kad->dht, &job->changes) != 0) {
        dbr_network_job_destroy(job);
        try_later(core, "out of memory", now);
        return NULL;
    }
    gather_book(core, &job->changes, now);
    if (job->changes.n == 0 && job->changes.book.len == 0) {
        dbr_network_job_destroy(job);
        network->at = DBR_TIME_NEVER;
        return NULL;
    }
    return job;
}

static dbr_time due_at(const struct dbr_core_network *network)
{
    return network->job != NULL ? network->at
                                : dbr_time_min(network->at, network->book_at);
}

bool dbr_network_pump(struct dbr_core *core, dbr_time now)
{
    DBR_FAILPOINT("core.network.pump");
    struct dbr_core_network *network = &core->network;
    if (!network->is_kept || network->is_writing || network->has_given_up) {
        return false;
    }
    if (network->at == DBR_TIME_NEVER && dbr_dht_has_rows(core->kad->dht)) {
        network->at =
            core->is_stopping ? now : dbr_time_add(now, DBR_NETWORK_GATHER_MS);
    }
    if (due_at(network) > now) {
        return false;
    }
    struct dbr_effect effect = {.type = DBR_CORE_NETWORK, .network = next_job(core, now)};
    if (effect.network != NULL) {
        network->is_writing = true;
        dbr_core_effect(core, &effect);
    }
    return effect.network != NULL;
}

void dbr_network_done(struct dbr_core *core, struct dbr_network_job *job, dbr_time now)
{
    DBR_FAILPOINT("core.network.done");
    struct dbr_core_network *network = &core->network;
    network->is_writing = false;
    if (job->is_lost) {
        dbr_dht_tell_rows_again(core->kad->dht);
        network->book_is_lost = true;
        network->book_at = now;
    }
    if (job->status != 0) {
        network->job = job;
        try_later(core, job->detail.text, now);
        return;
    }
    if (network->has_failed) {
        network->has_failed = false;
        dbr_log(core->config.logger, DEBROS_LOG_INFO, MODULE,
                "what this node knows of the network is on disk again");
    }
    dbr_network_job_destroy(job);
    network->at = DBR_TIME_NEVER; /* until the pump looks for rows */
}

dbr_time dbr_network_deadline(const struct dbr_core *core)
{
    const struct dbr_core_network *network = &core->network;
    bool is_idle = !network->is_kept || network->is_writing || network->has_given_up;
    return is_idle ? DBR_TIME_NEVER : due_at(network);
}

/* ---- The end ----------------------------------------------------------------------- */

void dbr_network_stop(struct dbr_core *core, dbr_time now)
{
    core->network.at = core->network.book_at = now; /* a job that failed: once more */
}

bool dbr_network_is_saved(const struct dbr_core *core)
{
    const struct dbr_core_network *network = &core->network;
    return !network->is_kept || network->has_given_up ||
           (!network->is_writing && network->job == NULL &&
            network->book_at == DBR_TIME_NEVER && !dbr_dht_has_rows(core->kad->dht));
}

void dbr_network_finish(struct dbr_core *core)
{
    dbr_network_job_destroy(core->network.job);
    core->network.job = NULL;
}
