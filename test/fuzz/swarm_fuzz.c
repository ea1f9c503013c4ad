/* A swarm and a secured peer that says anything on its streams. Byte 0: bit 0 who dials,
 * bit 1 whether the peer is a member. Then commands, each a byte: its low three bits say
 * what, the rest names a stream or a protocol, 31 being identify push; SAY takes a length
 * and bytes. */
#include "fuzz.h"

#include "base/reader.h"
#include "crypto/system.h"
#include "swarm/swarm.h"

enum command { OPEN, SAY, FINISH, RESET, WAIT, SWARM_OPEN, SWARM_SEND, SWARM_END };

#define STREAMS 16

struct fuzz {
    struct dbr_swarm *swarm;
    struct dbr_stack *peer;
    struct dbr_keypair keys[2];
    struct dbr_peer_id peer_id;
    struct dbr_rng rng;
    dbr_time now;
    uint64_t conn;
    bool alive;
    uint32_t theirs[STREAMS]; /* by order: what the peer opened or took */
    size_t n_theirs;
    uint64_t ours[STREAMS];
    size_t n_ours;
    size_t n_open;  /* streams whose CLOSED is to come */
    size_t n_pings; /* asked and not yet told */
};

static const char *const protocols[] = {"/ipfs/id/1.0.0", "/ipfs/ping/1.0.0", "/fuzz/a",
                                        "/fuzz/member"};

static void drain_peer(struct fuzz *f)
{
    struct dbr_stack_event event;
    while (f->alive && dbr_stack_poll(f->peer, &event)) {
        if (event.type == DBR_STACK_INCOMING) {
            dbr_stack_accept(f->peer, event.stream);
            f->theirs[f->n_theirs++ % STREAMS] = event.stream;
        } else if (event.type == DBR_STACK_DATA) {
            dbr_stack_consume(f->peer, event.stream, event.data.len);
        }
    }
}

static void take_event(struct fuzz *f, const struct dbr_swarm_event *event)
{
    switch (event->type) {
    case DBR_SWARM_WRITE: {
        struct dbr_buf out = dbr_swarm_take_output(f->swarm, event->conn);
        dbr_swarm_written(f->swarm, event->conn, out.len, f->now);
        if (f->alive) {
            f->alive = dbr_stack_recv(f->peer, dbr_bytes(out.data, out.len), f->now) == 0;
        }
        dbr_buf_finish(&out);
        break;
    }
    case DBR_SWARM_CLOSE:
        f->alive = false;
        break;
    case DBR_SWARM_STREAM_OPENED:
        f->n_open++;
        f->ours[f->n_ours++ % STREAMS] = event->stream;
        break;
    case DBR_SWARM_STREAM_MESSAGE:
        dbr_assert(event->message.len <= 100);
        (void)dbr_swarm_send(f->swarm, event->stream, event->message, f->now);
        break;
    case DBR_SWARM_STREAM_CLOSED:
        dbr_assert(f->n_open > 0);
        f->n_open--;
        dbr_assert(dbr_swarm_send(f->swarm, event->stream, dbr_bytes_str("x"), f->now) ==
                   DEBROS_ENOTFOUND);
        break;
    case DBR_SWARM_PING_DONE:
        dbr_assert(f->n_pings > 0);
        f->n_pings--;
        break;
    default:
        break;
    }
}

static void run(struct fuzz *f)
{
    struct dbr_swarm_event event;
    bool moved = true;
    while (moved) {
        moved = false;
        drain_peer(f);
        struct dbr_buf *out = f->alive ? dbr_stack_out(f->peer) : NULL;
        if (out != NULL && out->len > 0) {
            dbr_swarm_recv(f->swarm, f->conn, dbr_bytes(out->data, out->len), f->now);
            dbr_buf_clear(out);
            moved = true;
        }
        while (dbr_swarm_poll(f->swarm, &event)) {
            take_event(f, &event);
            moved = true;
        }
    }
}

static void wait(struct fuzz *f, unsigned n)
{
    f->now += n * n * 10;
    if (f->alive && dbr_stack_deadline(f->peer) <= f->now) {
        f->alive = dbr_stack_expire(f->peer, f->now) == 0;
    }
    if (dbr_swarm_deadline(f->swarm) <= f->now) {
        dbr_swarm_expire(f->swarm, f->now);
    }
}

static void do_peer(struct fuzz *f, enum command command, unsigned n,
                    struct dbr_reader *in)
{
    uint32_t stream = f->theirs[n % STREAMS];
    if (!f->alive) {
        return;
    }
    if (command == OPEN) {
        const char *name =
            n == 31 ? "/ipfs/id/push/1.0.0" : protocols[n % DBR_COUNT(protocols)];
        if (dbr_stack_open(f->peer, &stream, dbr_bytes_str(name), f->now) == 0) {
            f->theirs[f->n_theirs++ % STREAMS] = stream;
        }
    } else if (command == SAY) {
        size_t len = dbr_reader_u8(in);
        size_t left = dbr_reader_left(in);
        (void)dbr_stack_send(f->peer, stream,
                             dbr_reader_bytes(in, len < left ? len : left));
    } else if (command == FINISH) {
        dbr_stack_finish(f->peer, stream);
    } else {
        dbr_stack_reset(f->peer, stream);
    }
}

static void do_swarm(struct fuzz *f, enum command command, unsigned n)
{
    static const uint8_t body[100];
    uint64_t stream = f->ours[n % STREAMS];
    if (command == SWARM_OPEN && n % 4 == 3) {
        f->n_pings++;
        dbr_swarm_ping(f->swarm, &f->peer_id, n, f->now);
    } else if (command == SWARM_OPEN) {
        if (dbr_swarm_open(f->swarm, &stream, &f->peer_id, n % 2, f->now) == 0) {
            f->ours[f->n_ours++ % STREAMS] = stream;
            f->n_open++;
        }
    } else if (command == SWARM_SEND) {
        (void)dbr_swarm_send(f->swarm, stream, dbr_bytes(body, n * 3), f->now);
    } else if (n % 2 == 0) {
        dbr_swarm_finish(f->swarm, stream, f->now);
    } else {
        dbr_swarm_reset(f->swarm, stream, f->now);
    }
}

static void create(struct fuzz *f, bool dials, bool member)
{
    static const struct dbr_swarm_protocol registered[] = {
        {"/fuzz/a", DBR_PEER_STRANGER, 100, 200},
        {"/fuzz/member", DBR_PEER_MEMBER, 100, 200}};
    struct dbr_swarm_config config = {.identity = &f->keys[0],
                                      .agent = "fuzz",
                                      .protocols = registered,
                                      .n_protocols = DBR_COUNT(registered)};
    struct dbr_stack_config stack = {.dialer = !dials, .identity = &f->keys[1]};
    struct dbr_swarm_event event;
    struct dbr_multiaddr addr;
    dbr_assert(dbr_crypto_init() == 0);
    dbr_rng_seed(&f->rng, 1);
    dbr_keypair_generate(&f->keys[0], &f->rng);
    dbr_keypair_generate(&f->keys[1], &f->rng);
    dbr_peer_id_from_key(&f->peer_id, f->keys[1].public_key);
    dbr_swarm_limits_default(&config.limits);
    dbr_stack_limits_default(&stack.limits);
    dbr_assert(dbr_multiaddr_parse(&addr, "/ip4/10.0.0.1/tcp/1", NULL) == 0);
    dbr_assert(dbr_swarm_create(&f->swarm, &config, &f->rng, f->now) == 0);
    dbr_assert(dbr_stack_create(&f->peer, &stack, &f->rng, f->now) == 0);
    f->alive = true;
    if (member) {
        dbr_swarm_set_class(f->swarm, &f->peer_id, DBR_PEER_MEMBER, f->now);
    }
    if (dials) {
        dbr_swarm_connect(f->swarm, &addr, 1, f->now);
        dbr_assert(dbr_swarm_poll(f->swarm, &event) && event.type == DBR_SWARM_DIAL);
        f->conn = event.conn;
        dbr_swarm_dialed(f->swarm, f->conn, f->now);
    } else {
        f->conn = 1;
        dbr_swarm_accepted(f->swarm, f->conn, &addr, f->now);
    }
    run(f);
    dbr_assert(dbr_swarm_is_connected(f->swarm, &f->peer_id));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = {.now = 1000};
    struct dbr_reader in;
    if (size == 0) {
        return 0;
    }
    create(&f, (data[0] & 1) != 0, (data[0] & 2) != 0);
    dbr_reader_init(&in, dbr_bytes(data + 1, size - 1));
    while (dbr_reader_left(&in) > 0) {
        uint8_t byte = dbr_reader_u8(&in);
        enum command command = (enum command)(byte & 7);
        if (command <= RESET) {
            do_peer(&f, command, byte >> 3, &in);
        } else if (command == WAIT) {
            wait(&f, byte >> 3);
        } else {
            do_swarm(&f, command, byte >> 3);
        }
        run(&f);
    }
    /* Whatever was said: every stream and every ping ends once. */
    dbr_swarm_closed(f.swarm, f.conn, f.now);
    f.alive = false;
    run(&f);
    dbr_assert(f.n_open == 0 && f.n_pings == 0);
    dbr_assert(dbr_swarm_connected_count(f.swarm) == 0);
    dbr_swarm_destroy(f.swarm);
    dbr_stack_destroy(f.peer);
    return 0;
}
