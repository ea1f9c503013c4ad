/* Snapshots on their way between members: the log says who needs one, the databases are
 * frozen and copied beside, the bytes travel on streams of their own. */
#include "base/failpoint.h"
#include "inner.h"

int dbr_snapshots_create(struct dbr_core *core, dbr_time now)
{
    struct dbr_transfer_config config = {.logger = core->config.logger};
    dbr_transfer_limits_default(&config.limits);
    if (core->config.snapshot_rate != 0) {
        config.limits.rate = core->config.snapshot_rate;
    }
    if (core->config.snapshot_chunk != 0) {
        config.limits.chunk = core->config.snapshot_chunk;
    }
    return dbr_transfer_create(&core->transfer, &config, now);
}

void dbr_snapshots_recv(struct dbr_core *core, const struct dbr_swarm_event *event,
                        dbr_time now)
{
    char peer[DBR_PEER_ID_TEXT_SIZE];
    if (core->transfer != NULL &&
        dbr_transfer_recv(core->transfer, event->stream, &event->peer, event->message,
                          now) == 0) {
        return;
    }
    dbr_log(core->config.logger, DEBROS_LOG_WARN, "snapshot",
            "unexpected message of %s: its stream is reset",
            dbr_peer_id_text(&event->peer, peer));
    dbr_swarm_reset(core->swarm, event->stream, now);
}

void dbr_snapshots_fetch(struct dbr_core *core, const struct dbr_consensus_event *event,
                         dbr_time now)
{
    DBR_FAILPOINT("core.snapshots.fetch");
    struct dbr_peer_id peer;
    if (event->index == 0) {
        dbr_transfer_abandon(core->transfer, now);
        return;
    }
    int err = dbr_peer_id_parse(&peer, event->address, strlen(event->address));
    if (err == 0 && dbr_server_id(&peer) != event->to) {
        err = DEBROS_EPROTO;
    }
    if (err == 0) {
        err = dbr_transfer_fetch(core->transfer, &peer, event->index, event->data, now);
    }
    if (err != 0) {
        dbr_log(core->config.logger, DEBROS_LOG_ERROR, "snapshot",
                "what %s says of its snapshot of entry %llu makes no sense",
                event->address, (unsigned long long)event->index);
        dbr_consensus_fetched(core->consensus, err, event->data, now);
    }
}

static void open_stream(struct dbr_core *core, const struct dbr_peer_id *peer,
                        dbr_time now)
{
    uint64_t stream = 0;
    int err = dbr_swarm_open(core->swarm, &stream, peer, DBR_PROTOCOL_SNAPSHOT, now);
    dbr_transfer_opened(core->transfer, stream, err, now);
}

static void send(struct dbr_core *core, const struct dbr_transfer_event *event,
                 dbr_time now)
{
    int err = dbr_swarm_send(core->swarm, event->stream, event->data, now);
    if (err != 0 && err != DEBROS_ENOTFOUND) {
        /* It asks for much and reads nothing, or memory is short. */
        dbr_swarm_reset(core->swarm, event->stream, now);
    }
}

static void offer(struct dbr_core *core, const struct dbr_transfer_event *event,
                  dbr_time now)
{
    DBR_FAILPOINT("core.snapshots.offer");
    struct dbr_buf descriptor = {0};
    dbr_buf_add(&descriptor, event->data.data, event->data.len);
    dbr_consensus_offer(core->consensus,
                        descriptor.failed ? DEBROS_ENOMEM : event->status, event->index,
                        &descriptor, now);
}

static void transfer_event(struct dbr_core *core, const struct dbr_transfer_event *event,
                           dbr_time now)
{
    struct dbr_effect effect = {.type = DBR_CORE_BULK, .bulk = event->job};
    switch (event->type) {
    case DBR_TRANSFER_FREEZE:
        dbr_core_apply_job(core, DBR_APPLY_FREEZE, event->index, event->freeze);
        break;
    case DBR_TRANSFER_JOB:
        dbr_core_effect(core, &effect);
        break;
    case DBR_TRANSFER_OFFER:
        offer(core, event, now);
        break;
    case DBR_TRANSFER_OPEN:
        open_stream(core, &event->peer, now);
        break;
    case DBR_TRANSFER_SEND:
        send(core, event, now);
        break;
    case DBR_TRANSFER_RESET:
        dbr_swarm_reset(core->swarm, event->stream, now);
        break;
    case DBR_TRANSFER_FINISH:
        dbr_swarm_finish(core->swarm, event->stream, now);
        break;
    case DBR_TRANSFER_SERVED:
        dbr_consensus_fetching(core->consensus, dbr_server_id(&event->peer), now);
        break;
    case DBR_TRANSFER_LOST:
        dbr_consensus_lost(core->consensus, dbr_server_id(&event->peer), now);
        break;
    case DBR_TRANSFER_FETCHED:
        dbr_consensus_fetched(core->consensus, event->status, event->data, now);
        break;
    case DBR_TRANSFER_BROKEN:
        dbr_core_fatal(core, event->status, "a snapshot cannot be received: %.*s",
                       (int)event->data.len, (const char *)event->data.data);
        break;
    }
}

bool dbr_snapshots_pump(struct dbr_core *core, dbr_time now)
{
    bool busy = false;
    struct dbr_transfer_event event;
    while (core->transfer != NULL && dbr_transfer_poll(core->transfer, &event)) {
        transfer_event(core, &event, now);
        busy = true;
    }
    return busy;
}
