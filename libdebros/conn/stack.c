#include "stack.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/check.h"
#include "stack_session.h"

#define SECURITY "/noise"
#define MUXER    "/yamux/1.0.0"

#define OUT_FULL   262144u    /* no data is framed while more waits to be sent */
#define UNDRAINED  (4u << 20) /* input whose events the owner leaves undrained */
#define INPUT_KEPT 16384u     /* an idle connection holds no larger buffer */

void dbr_stack_limits_default(struct dbr_stack_limits *limits)
{
    *limits = (struct dbr_stack_limits){
        .handshake_ms = 10000,
        .negotiate_ms = 10000,
        .linger_ms = 60000,
        .streams_in = 128,
        .streams_out = 128,
        .window = 262144,
        .window_max = 1048576,
        .send_buffer = 262144,
        .pongs = 32,
        .control_backlog = 65536,
    };
}

int dbr_stack_fail(struct dbr_stack *stack, int err, const char *reason)
{
    if (stack->err == 0) {
        stack->err = err;
        snprintf(stack->reason, sizeof(stack->reason), "%s", reason);
    }
    return stack->err;
}

static int check_out(struct dbr_stack *stack)
{
    return stack->out.failed ? dbr_stack_fail(stack, DEBROS_ENOMEM, "out of memory") : 0;
}

/* ---- Phases: each takes what it can from the front of its input ---------------- */

static int enter_noise(struct dbr_stack *stack)
{
    struct dbr_noise_config config = {
        .initiator = stack->config.dialer,
        .offer_muxer = !stack->config.no_early_muxer,
        .identity = stack->config.identity,
        .expected = stack->config.expected,
    };
    stack->phase = DBR_STACK_PHASE_NOISE;
    stack->asked_at = stack->now;
    int err = dbr_noise_init(&stack->noise, &config, stack->rng, &stack->out);
    return err == 0 ? 0 : dbr_stack_fail(stack, err, stack->noise.reason);
}

static void enter_open(struct dbr_stack *stack)
{
    stack->phase = DBR_STACK_PHASE_OPEN;
    stack->handshake_deadline = DBR_TIME_NEVER;
}

/* Writes `plain` as one Noise message. */
static int send_sealed(struct dbr_stack *stack, debros_bytes plain)
{
    uint8_t *text = dbr_noise_text(&stack->out, plain.len);
    if (text == NULL) {
        return check_out(stack);
    }
    memcpy(text, plain.data, plain.len);
    int err = dbr_noise_seal(&stack->noise, &stack->out, plain.len);
    return err == 0 ? 0 : dbr_stack_fail(stack, err, stack->noise.reason);
}

static int dial(struct dbr_stack *stack, const char *protocol, bool sealed)
{
    struct dbr_buf plain = {0};
    dbr_multistream_dial(&stack->ms, dbr_bytes_str(protocol), &plain);
    int err = plain.failed ? dbr_stack_fail(stack, DEBROS_ENOMEM, "out of memory") : 0;
    if (err == 0 && sealed) {
        err = send_sealed(stack, dbr_bytes(plain.data, plain.len));
    } else if (err == 0) {
        dbr_buf_add(&stack->out, plain.data, plain.len);
    }
    dbr_buf_finish(&plain);
    return err == 0 ? check_out(stack) : err;
}

/* Both identities are proven. Streams may be opened; their frames wait for the muxer. */
static int enter_muxer(struct dbr_stack *stack)
{
    struct dbr_stack_event event = {.type = DBR_STACK_SECURED, .peer = stack->noise.peer};
    int err = dbr_yamux_create(&stack->yamux, stack->config.dialer, &stack->config.limits,
                               stack->now);
    if (err != 0 || !dbr_ring_push(&stack->events, &event)) {
        return dbr_stack_fail(stack, DEBROS_ENOMEM, "out of memory");
    }
    uint64_t rtt = stack->now - stack->asked_at;
    dbr_yamux_set_rtt(stack->yamux, rtt == 0 ? 1 : rtt < 10000 ? (uint32_t)rtt : 10000);
    if (stack->noise.muxer_agreed) {
        enter_open(stack);
        return 0;
    }
    stack->phase = DBR_STACK_PHASE_MUXER;
    if (stack->config.dialer) {
        return dial(stack, MUXER, true);
    }
    dbr_multistream_listen(&stack->ms);
    return 0;
}

/* Negotiates `wanted` over `in`; *done once it is agreed. Never lazy: what follows must
 * not be sent on a guess. */
static int negotiate(struct dbr_stack *stack, const char *wanted, debros_bytes in,
                     size_t *used, struct dbr_buf *out, bool *done)
{
    *used = 0;
    while (!*done && *used < in.len) {
        debros_bytes protocol = {NULL, 0};
        size_t n = 0;
        int step = dbr_multistream_recv(
            &stack->ms, dbr_bytes(in.data + *used, in.len - *used), &n, &protocol, out);
        *used += n;
        if (step < 0) {
            return dbr_stack_fail(stack, step,
                                  "the peer does not speak multistream-select");
        }
        if (step == DBR_MULTISTREAM_REFUSED) {
            snprintf(stack->reason, sizeof(stack->reason), "the peer does not speak %s",
                     wanted);
            return stack->err = DEBROS_EPROTO;
        }
        *done = step == DBR_MULTISTREAM_AGREED;
        if (step == DBR_MULTISTREAM_PROPOSED) {
            *done = dbr_bytes_equal(protocol, dbr_bytes_str(wanted));
            if (*done) {
                dbr_multistream_accept(&stack->ms, out);
            } else { /* go proposes /tls/1.0.0 first */
                dbr_multistream_refuse(&stack->ms, out);
            }
        }
    }
    return 0;
}

static int recv_security(struct dbr_stack *stack)
{
    bool done = false;
    size_t used;
    int err = negotiate(stack, SECURITY, dbr_bytes(stack->in.data, stack->in.len), &used,
                        &stack->out, &done);
    dbr_buf_consume(&stack->in, used);
    if (err == 0) {
        err = check_out(stack);
    }
    return err == 0 && done ? enter_noise(stack) : err;
}

static int recv_muxer(struct dbr_stack *stack, debros_bytes *text)
{
    struct dbr_buf plain = {0};
    bool done = false;
    size_t used;
    int err = negotiate(stack, MUXER, *text, &used, &plain, &done);
    *text = dbr_bytes(text->data + used, text->len - used);
    if (err == 0 && plain.failed) {
        err = dbr_stack_fail(stack, DEBROS_ENOMEM, "out of memory");
    }
    if (err == 0 && plain.len > 0) {
        err = send_sealed(stack, dbr_bytes(plain.data, plain.len));
    }
    dbr_buf_finish(&plain);
    if (err == 0 && done) {
        enter_open(stack);
    }
    return err;
}

static int noise_failed(struct dbr_stack *stack, int err)
{
    const struct dbr_peer_id *expected = &stack->config.expected;
    char want[DBR_PEER_ID_TEXT_SIZE];
    char got[DBR_PEER_ID_TEXT_SIZE];

    dbr_stack_fail(stack, err, stack->noise.reason);
    if (err == DEBROS_EAUTH && !dbr_peer_id_is_none(expected) &&
        !dbr_peer_id_is_none(&stack->noise.peer)) {
        snprintf(stack->reason, sizeof(stack->reason), "peer %s answered, expected %s",
                 dbr_peer_id_text(&stack->noise.peer, got),
                 dbr_peer_id_text(expected, want));
    }
    return err;
}

static int take_text(struct dbr_stack *stack, debros_bytes text)
{
    int err = 0;
    if (stack->phase == DBR_STACK_PHASE_MUXER) {
        err = recv_muxer(stack, &text);
    }
    if (err == 0 && stack->phase == DBR_STACK_PHASE_OPEN) {
        err = dbr_yamux_recv(stack->yamux, text, stack->now);
        if (err != 0) {
            dbr_stack_fail(stack, err, dbr_yamux_reason(stack->yamux));
        }
    }
    return err;
}

static int after_handshake_message(struct dbr_stack *stack)
{
    if (stack->noise.done) {
        return enter_muxer(stack);
    }
    stack->asked_at = stack->now;
    return 0;
}

/* Noise messages as long as there are whole ones. */
static int recv_noise(struct dbr_stack *stack)
{
    debros_bytes text = {NULL, 0};
    size_t used = 0;
    int more;

    while ((more = dbr_noise_next(&stack->noise, stack->in.data, stack->in.len, &used,
                                  &text, &stack->out)) > 0) {
        dbr_buf_consume(&stack->in, used); /* the bytes stay for the events' views */
        int err = check_out(stack);
        if (err == 0 && stack->phase == DBR_STACK_PHASE_NOISE) {
            err = after_handshake_message(stack);
        } else if (err == 0) {
            err = take_text(stack, text);
        }
        if (err != 0) {
            return err;
        }
    }
    return more == 0 ? 0 : noise_failed(stack, more);
}

/* ---- Input --------------------------------------------------------------------- */

static bool is_drained(const struct dbr_stack *stack)
{
    return stack->current.data.len == 0 &&
           (stack->yamux == NULL || dbr_yamux_is_drained(stack->yamux));
}

/* Events point into the input: it is put aside, and a new one begins with what is left
 * of the last message. */
static int retire_input(struct dbr_stack *stack)
{
    struct dbr_stack_retired *retired = dbr_calloc(1, sizeof(*retired));
    if (retired == NULL) {
        return dbr_stack_fail(stack, DEBROS_ENOMEM, "out of memory");
    }
    stack->retired_len += stack->in.cap;
    retired->buf = dbr_buf_take(&stack->in);
    dbr_list_push_back(&stack->retired, &retired->item);
    dbr_buf_add(&stack->in, retired->buf.data, retired->buf.len);
    if (stack->retired_len > UNDRAINED) {
        return dbr_stack_fail(stack, DEBROS_ELIMIT, "the stack's events are not drained");
    }
    return 0;
}

void dbr_stack_release_input(struct dbr_stack *stack)
{
    struct dbr_list *item;
    while ((item = dbr_list_pop_front(&stack->retired)) != NULL) {
        struct dbr_stack_retired *retired =
            DBR_LIST_ENTRY(item, struct dbr_stack_retired, item);
        dbr_buf_finish(&retired->buf);
        dbr_free(retired);
    }
    stack->retired_len = 0;
    if (stack->in.len == 0 && stack->in.cap > INPUT_KEPT) {
        dbr_buf_finish(&stack->in);
    }
}

static int add_input(struct dbr_stack *stack, debros_bytes bytes)
{
    if (!is_drained(stack)) {
        int err = retire_input(stack);
        if (err != 0) {
            return err;
        }
    }
    dbr_buf_add(&stack->in, bytes.data, bytes.len);
    return stack->in.failed ? dbr_stack_fail(stack, DEBROS_ENOMEM, "out of memory") : 0;
}

/* What is no longer in `out` has been taken, and counts as read. */
static void tell_sent(struct dbr_stack *stack)
{
    size_t waiting = stack->out.len;
    stack->framed = stack->framed > waiting ? stack->framed : waiting;
    dbr_yamux_sent(stack->yamux, stack->framed, stack->framed - waiting);
}

int dbr_stack_recv(struct dbr_stack *stack, debros_bytes bytes, dbr_time now)
{
    stack->now = now;
    if (stack->err != 0) {
        return stack->err;
    }
    if (stack->yamux != NULL) {
        tell_sent(stack);
    }
    int err = add_input(stack, bytes);
    if (err == 0 && stack->phase == DBR_STACK_PHASE_SECURITY) {
        err = recv_security(stack);
    }
    if (err == 0 && stack->phase != DBR_STACK_PHASE_SECURITY) {
        err = recv_noise(stack);
    }
    return err;
}

const char *dbr_stack_reason(const struct dbr_stack *stack)
{
    return stack->reason;
}

/* ---- Output -------------------------------------------------------------------- */

static void frame_output(struct dbr_stack *stack)
{
    tell_sent(stack);
    size_t before = stack->out.len;
    for (;;) {
        /* After an error only the GoAway that tells the peer. */
        bool data = stack->err == 0 && stack->out.len <= OUT_FULL;
        size_t room = dbr_yamux_wanted(stack->yamux, DBR_NOISE_TEXT_MAX, data);
        uint8_t *text = room == 0 ? NULL : dbr_noise_text(&stack->out, room);
        if (text == NULL) {
            break;
        }
        size_t len = dbr_yamux_fill(stack->yamux, text, room, data);
        if (len == 0) {
            break;
        }
        int err = dbr_noise_seal(&stack->noise, &stack->out, len);
        if (err != 0) {
            dbr_stack_fail(stack, err, stack->noise.reason);
            break;
        }
    }
    stack->framed += stack->out.len - before;
    (void)check_out(stack);
}

struct dbr_buf *dbr_stack_out(struct dbr_stack *stack)
{
    if (stack->phase == DBR_STACK_PHASE_OPEN) {
        frame_output(stack);
    }
    return &stack->out;
}

/* ---- Time and life ------------------------------------------------------------- */

dbr_time dbr_stack_deadline(const struct dbr_stack *stack)
{
    dbr_time deadline =
        dbr_time_min(stack->handshake_deadline, dbr_stack_streams_deadline(stack));
    if (stack->yamux != NULL) {
        deadline = dbr_time_min(deadline, dbr_yamux_deadline(stack->yamux));
    }
    return deadline;
}

int dbr_stack_expire(struct dbr_stack *stack, dbr_time now)
{
    stack->now = now;
    if (stack->err != 0) {
        return stack->err;
    }
    if (stack->handshake_deadline <= now) {
        return dbr_stack_fail(stack, DEBROS_ETIMEDOUT, "the handshake took too long");
    }
    dbr_stack_streams_expire(stack);
    int err = stack->yamux == NULL ? 0 : dbr_yamux_expire(stack->yamux, now);
    if (err != 0) {
        dbr_stack_fail(stack, err, dbr_yamux_reason(stack->yamux));
    }
    return stack->err;
}

int dbr_stack_create(struct dbr_stack **out, const struct dbr_stack_config *config,
                     struct dbr_rng *rng, dbr_time now)
{
    struct dbr_stack *stack = dbr_calloc(1, sizeof(*stack));
    if (stack == NULL) {
        return DEBROS_ENOMEM;
    }
    stack->config = *config;
    stack->rng = rng;
    stack->now = now;
    stack->handshake_deadline = dbr_time_add(now, config->limits.handshake_ms);
    dbr_list_init(&stack->retired);
    dbr_list_init(&stack->negotiating);
    /* SECURED once, and at most one end for each stream of ours. */
    dbr_ring_init(&stack->events, sizeof(struct dbr_stack_event),
                  1 + (size_t)config->limits.streams_out);
    dbr_multistream_listen(&stack->ms);
    if (config->dialer && dial(stack, SECURITY, false) != 0) {
        dbr_stack_destroy(stack);
        return DEBROS_ENOMEM;
    }
    *out = stack;
    return 0;
}

void dbr_stack_destroy(struct dbr_stack *stack)
{
    if (stack == NULL) {
        return;
    }
    dbr_stack_streams_finish(stack);
    dbr_yamux_destroy(stack->yamux);
    dbr_noise_finish(&stack->noise);
    dbr_ring_finish(&stack->events);
    dbr_stack_release_input(stack);
    dbr_buf_finish(&stack->in);
    dbr_buf_finish(&stack->out);
    dbr_free(stack);
}
