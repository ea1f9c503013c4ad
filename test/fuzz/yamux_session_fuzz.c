/* Two yamux machines back to back under owners that the input drives, held against a
 * model: every byte arrives once, in order, on its stream, and never more than the
 * receive window is on its way. Two bytes make one action. */
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/check.h"
#include "conn/yamux.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STREAMS   16
#define INPUT_MAX 160 /* longer ones only run slower */

/* What one direction of a stream should be. */
struct lane {
    uint64_t sent;
    uint64_t received;
    uint64_t consumed;
    bool finished; /* by the sender */
    bool reset;    /* by either side */
};

struct model {
    struct dbr_yamux *y[2];
    struct lane lane[2][STREAMS]; /* [sender][number] */
    uint32_t id[STREAMS];
    size_t n;
    struct dbr_buf wire[2]; /* [receiver]; stays in place until the events are drained */
    dbr_time now;
};

static size_t number_of(const struct model *m, uint32_t id)
{
    for (size_t i = 0; i < m->n; i++) {
        if (m->id[i] == id) {
            return i;
        }
    }
    dbr_unreachable();
}

static uint8_t byte_at(uint32_t id, uint64_t offset)
{
    return (uint8_t)(offset * 7 + offset / 256 + id);
}

static void check_data(struct model *m, int side, size_t i, debros_bytes data)
{
    struct lane *lane = &m->lane[1 - side][i];
    for (size_t k = 0; k < data.len; k++) {
        dbr_assert(data.data[k] == byte_at(m->id[i], lane->received + k));
    }
    lane->received += data.len;
    dbr_assert(lane->received <= lane->sent);
}

static void drain(struct model *m, int side)
{
    struct dbr_yamux_event event;
    while (dbr_yamux_poll(m->y[side], &event)) {
        dbr_assert(event.type != DBR_YAMUX_GOAWAY);
        struct dbr_yamux_stream *s = dbr_yamux_event_stream(m->y[side], &event);
        size_t i = number_of(m, event.id);
        struct lane *lane = &m->lane[1 - side][i];
        switch (event.type) {
        case DBR_YAMUX_DATA:
            check_data(m, side, i, event.data);
            break;
        case DBR_YAMUX_FINISHED:
            dbr_assert(lane->finished && lane->received == lane->sent);
            break;
        case DBR_YAMUX_RESET:
            dbr_assert(lane->reset);
            dbr_yamux_forget(m->y[side], s);
            break;
        case DBR_YAMUX_CLOSED:
            dbr_assert(m->lane[0][i].finished && m->lane[1][i].finished);
            dbr_yamux_forget(m->y[side], s);
            break;
        default:
            break;
        }
    }
}

static size_t carry(struct model *m, int from, size_t room)
{
    static uint8_t frames[70000];
    int to = 1 - from;
    dbr_yamux_sent(m->y[from], 0, 0);
    size_t len = dbr_yamux_fill(m->y[from], frames, room, true);
    dbr_assert(len <= room);
    drain(m, from);
    dbr_buf_clear(&m->wire[to]);
    dbr_buf_add(&m->wire[to], frames, len);
    dbr_assert(dbr_yamux_recv(m->y[to], dbr_bytes(m->wire[to].data, len), m->now) == 0);
    drain(m, to);
    return len;
}

static void open_stream(struct model *m, int side)
{
    struct dbr_yamux_stream *s;
    if (m->n < STREAMS && dbr_yamux_open(m->y[side], &s, m->now) == 0) {
        m->id[m->n++] = dbr_yamux_id(s);
    }
}

static void send_bytes(struct model *m, int side, size_t i, struct dbr_yamux_stream *s,
                       size_t len)
{
    static uint8_t bytes[255 * 300];
    struct lane *lane = &m->lane[side][i];
    for (size_t k = 0; k < len; k++) {
        bytes[k] = byte_at(m->id[i], lane->sent + k);
    }
    if (dbr_yamux_send(m->y[side], s, dbr_bytes(bytes, len)) == 0) {
        dbr_assert(len == 0 || !lane->finished);
        lane->sent += len;
    }
}

static void act_on_stream(struct model *m, int side, uint8_t action, uint8_t value)
{
    size_t i = (action >> 4) % m->n;
    struct dbr_yamux_stream *s = dbr_yamux_find(m->y[side], m->id[i]);
    struct lane *in = &m->lane[1 - side][i];
    if (s == NULL) {
        return;
    }
    switch (action >> 1 & 7) {
    case 1:
    case 2:
        send_bytes(m, side, i, s, (size_t)value * 300);
        break;
    case 3:
        dbr_yamux_consume(m->y[side], s, (size_t)(in->received - in->consumed));
        in->consumed = in->received;
        break;
    case 4:
        dbr_yamux_finish(m->y[side], s);
        m->lane[side][i].finished = true;
        break;
    case 5:
        if (value > 200) {
            m->lane[0][i].reset = true;
            m->lane[1][i].reset = true;
            dbr_yamux_reset(m->y[side], s);
        }
        break;
    default:
        break;
    }
}

/* With all consumed and carried, all that was sent has arrived. */
static void settle(struct model *m)
{
    size_t moved = 1;
    while (moved > 0) {
        moved = carry(m, 0, 65519) + carry(m, 1, 65519);
        for (size_t i = 0; i < m->n; i++) {
            act_on_stream(m, 0, (uint8_t)(i << 4 | 3 << 1), 0);
            act_on_stream(m, 1, (uint8_t)(i << 4 | 3 << 1), 0);
        }
        moved += dbr_yamux_wanted(m->y[0], 1, true) + dbr_yamux_wanted(m->y[1], 1, true);
    }
    for (size_t i = 0; i < m->n; i++) {
        for (int side = 0; side < 2; side++) {
            const struct lane *lane = &m->lane[side][i];
            dbr_assert(lane->reset || lane->received == lane->sent);
        }
        bool closed =
            m->lane[0][i].reset || (m->lane[0][i].finished && m->lane[1][i].finished);
        dbr_assert((dbr_yamux_find(m->y[0], m->id[i]) == NULL) == closed);
        dbr_assert((dbr_yamux_find(m->y[1], m->id[i]) == NULL) == closed);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dbr_stack_limits limits;
    if (size > INPUT_MAX) {
        return 0;
    }
    struct model *m = dbr_calloc(1, sizeof(*m));
    dbr_assert(m != NULL);
    dbr_stack_limits_default(&limits);
    m->now = 1;
    for (int i = 0; i < 2; i++) {
        dbr_assert(dbr_yamux_create(&m->y[i], i == 0, &limits, m->now) == 0);
    }
    for (size_t at = 0; at + 2 <= size; at += 2) {
        int side = data[at] & 1;
        switch (data[at] >> 1 & 7) {
        case 0:
            open_stream(m, side);
            break;
        case 6:
            carry(m, side, (size_t)data[at + 1] * 256);
            break;
        case 7:
            m->now += data[at + 1];
            break;
        default:
            if (m->n > 0) {
                act_on_stream(m, side, data[at], data[at + 1]);
            }
        }
    }
    settle(m);
    for (int i = 0; i < 2; i++) {
        dbr_yamux_destroy(m->y[i]);
        dbr_buf_finish(&m->wire[i]);
    }
    dbr_free(m);
    return 0;
}
