#include <string.h>

#include "base/check.h"
#include "yamux_session.h"

/* Rather the next message than a data frame smaller than this. */
#define SMALLEST_CUT 512u

/* ---- Queueing ------------------------------------------------------------------ */

size_t dbr_yamux_backlog(const struct dbr_yamux *y)
{
    return y->control.len + y->older.bytes + y->newer.bytes;
}

int dbr_yamux_control(struct dbr_yamux *y, enum dbr_yamux_type type, uint16_t flags,
                      uint32_t stream, uint32_t length)
{
    struct dbr_yamux_header header = {(uint8_t)type, flags, stream, length};

    if (dbr_yamux_backlog(y) + DBR_YAMUX_HEADER_SIZE > y->limits.control_backlog) {
        return dbr_yamux_fail(y, DEBROS_ELIMIT, DBR_YAMUX_UNREAD);
    }
    uint8_t *to = dbr_buf_extend(&y->control, DBR_YAMUX_HEADER_SIZE);
    if (to == NULL) {
        return dbr_yamux_fail(y, DEBROS_ENOMEM, "out of memory");
    }
    dbr_yamux_header_encode(to, &header);
    return 0;
}

void dbr_yamux_become_ready(struct dbr_yamux *y, struct dbr_yamux_stream *s)
{
    if (!dbr_list_is_empty(&s->ready)) {
        return;
    }
    /* Behind the head of the list is its front. */
    dbr_list_push_back(s->urgent ? y->ready.next : &y->ready, &s->ready);
}

void dbr_yamux_urge(struct dbr_yamux *y, struct dbr_yamux_stream *s)
{
    s->urgent = true;
    if (!dbr_list_is_empty(&s->ready)) {
        dbr_list_remove(&s->ready);
        dbr_yamux_become_ready(y, s);
    }
}

int dbr_yamux_pong(struct dbr_yamux *y, uint32_t value)
{
    if (y->pongs + y->older.pongs + y->newer.pongs >= y->limits.pongs) {
        return dbr_yamux_fail(y, DEBROS_ELIMIT, DBR_YAMUX_UNREAD);
    }
    y->pongs++;
    return dbr_yamux_control(y, DBR_YAMUX_TYPE_PING, DBR_YAMUX_ACK, 0, value);
}

/* The peer's number: saturate, never wrap. */
void dbr_yamux_more_window(struct dbr_yamux *y, struct dbr_yamux_stream *s,
                           uint32_t delta)
{
    s->send_left = delta > UINT32_MAX - s->send_left ? UINT32_MAX : s->send_left + delta;
    if (s->queue.len > 0) {
        dbr_yamux_become_ready(y, s);
    }
}

size_t dbr_yamux_queued(const struct dbr_yamux_stream *s)
{
    return s->queue.len - s->extra;
}

static bool fits(const struct dbr_yamux *y, const struct dbr_yamux_stream *s, size_t len)
{
    size_t queued = dbr_yamux_queued(s);
    return queued == 0 ||
           (queued <= y->limits.send_buffer && len <= y->limits.send_buffer - queued);
}

static int queue(struct dbr_yamux *y, struct dbr_yamux_stream *s, debros_bytes data)
{
    uint8_t *to = dbr_buf_extend(&s->queue, data.len);
    if (to == NULL) {
        s->queue.failed = false; /* nothing was taken: the stream may go on */
        return DEBROS_ENOMEM;
    }
    if (data.len > 0) {
        memcpy(to, data.data, data.len);
    }
    dbr_yamux_become_ready(y, s);
    return 0;
}

int dbr_yamux_send(struct dbr_yamux *y, struct dbr_yamux_stream *s, debros_bytes data)
{
    if (s->dead || s->fin_wanted) {
        return DEBROS_ENOTFOUND;
    }
    if (data.len == 0) {
        return 0;
    }
    if (!fits(y, s, data.len)) {
        s->wanted = data.len;
        return DEBROS_EBUSY;
    }
    return queue(y, s, data);
}

int dbr_yamux_send_extra(struct dbr_yamux *y, struct dbr_yamux_stream *s,
                         debros_bytes data)
{
    dbr_assert(s->queue.len == s->extra); /* negotiation comes first */
    if (s->dead || s->fin_sent) {
        return DEBROS_ENOTFOUND;
    }
    int err = queue(y, s, data);
    s->extra = s->queue.len;
    return err;
}

void dbr_yamux_finish(struct dbr_yamux *y, struct dbr_yamux_stream *s)
{
    if (!s->fin_wanted && !s->dead) {
        s->fin_wanted = true;
        s->wanted = 0;
        dbr_yamux_become_ready(y, s);
        dbr_yamux_linger(y, s);
    }
}

/* ---- Framing ------------------------------------------------------------------- */

static size_t sendable(const struct dbr_yamux_stream *s)
{
    return s->queue.len < s->send_left ? s->queue.len : s->send_left;
}

static bool fin_due(const struct dbr_yamux_stream *s)
{
    return s->fin_wanted && !s->fin_sent && s->queue.len == 0;
}

/* SYN and ACK ride on data where there is some. */
static bool window_due(const struct dbr_yamux_stream *s, bool data)
{
    return s->owed_window > 0 || (s->owed_flags != 0 && !(data && sendable(s) > 0));
}

static size_t put_window(struct dbr_yamux *y, struct dbr_yamux_stream *s, uint8_t *to,
                         uint16_t flags)
{
    struct dbr_yamux_header header = {DBR_YAMUX_TYPE_WINDOW, flags, s->id,
                                      s->owed_window};
    dbr_yamux_header_encode(to, &header);
    s->owed_window = 0;
    s->owed_flags = 0;
    y->newer.bytes += DBR_YAMUX_HEADER_SIZE;
    return DBR_YAMUX_HEADER_SIZE;
}

/* FIN travels alone, as js takes flags before the payload and would lose the latter. */
static size_t put_fin(struct dbr_yamux *y, struct dbr_yamux_stream *s, uint8_t *to)
{
    dbr_assert(s->owed_flags == 0 && s->owed_window == 0);
    s->fin_sent = true;
    if (s->remote_fin) {
        (void)dbr_yamux_end(y, s, DBR_YAMUX_CLOSED);
    }
    return put_window(y, s, to, DBR_YAMUX_FIN);
}

static size_t put_data(struct dbr_yamux *y, struct dbr_yamux_stream *s, uint8_t *to,
                       size_t room)
{
    size_t n = sendable(s);
    n = n < DBR_YAMUX_FRAME_DATA ? n : DBR_YAMUX_FRAME_DATA;
    n = n < room - DBR_YAMUX_HEADER_SIZE ? n : room - DBR_YAMUX_HEADER_SIZE;

    struct dbr_yamux_header header = {DBR_YAMUX_TYPE_DATA, s->owed_flags, s->id,
                                      (uint32_t)n};
    dbr_yamux_header_encode(to, &header);
    s->owed_flags = 0;
    memcpy(to + DBR_YAMUX_HEADER_SIZE, s->queue.data, n);
    dbr_buf_consume(&s->queue, n);
    s->send_left -= (uint32_t)n;
    s->extra -= n < s->extra ? n : s->extra;
    if (s->queue.len == 0) {
        dbr_buf_finish(&s->queue); /* an idle stream holds no memory */
    }
    if (s->wanted > 0 && fits(y, s, s->wanted)) {
        s->wanted = 0;
        (void)dbr_yamux_push(y, DBR_YAMUX_WRITABLE, s, dbr_bytes(NULL, 0));
    }
    return DBR_YAMUX_HEADER_SIZE + n;
}

/* What a stream owes beside data; false when there was no room for it. */
static bool fill_owed(struct dbr_yamux *y, struct dbr_yamux_stream *s, uint8_t *to,
                      size_t *used, size_t room, bool data)
{
    if (window_due(s, data)) {
        if (room - *used < DBR_YAMUX_HEADER_SIZE) {
            return false;
        }
        *used += put_window(y, s, to + *used, s->owed_flags);
    }
    if (fin_due(s)) {
        if (room - *used < DBR_YAMUX_HEADER_SIZE) {
            return false;
        }
        *used += put_fin(y, s, to + *used);
    }
    return true;
}

static size_t fill_control(struct dbr_yamux *y, uint8_t *to, size_t room)
{
    size_t whole = room - room % DBR_YAMUX_HEADER_SIZE;
    size_t n = y->control.len < whole ? y->control.len : whole;
    if (n > 0) {
        memcpy(to, y->control.data, n);
        dbr_buf_consume(&y->control, n);
        y->newer.bytes += n;
        /* All that can be among them: the rest is counted with the next ones. */
        uint32_t pongs = (uint32_t)(n / DBR_YAMUX_HEADER_SIZE);
        pongs = pongs < y->pongs ? pongs : y->pongs;
        y->pongs -= pongs;
        y->newer.pongs += pongs;
    }
    return n;
}

/* A frame of each stream in turn, until nobody has more or the room is used. */
static void fill_data(struct dbr_yamux *y, uint8_t *to, size_t *used, size_t room)
{
    while (!dbr_list_is_empty(&y->ready)) {
        struct dbr_yamux_stream *s =
            DBR_LIST_ENTRY(y->ready.next, struct dbr_yamux_stream, ready);
        size_t n = sendable(s);
        size_t least = DBR_YAMUX_HEADER_SIZE + (n < SMALLEST_CUT ? n : SMALLEST_CUT);
        if (room - *used < least) {
            return;
        }
        if (n > 0) {
            *used += put_data(y, s, to + *used, room - *used);
        }
        if (!fill_owed(y, s, to, used, room, true)) {
            return;
        }
        dbr_list_remove(&s->ready);
        if (sendable(s) > 0) {
            dbr_list_push_back(&y->ready, &s->ready);
        }
    }
}

void dbr_yamux_sent(struct dbr_yamux *y, uint64_t written, uint64_t sent)
{
    static const struct dbr_yamux_unread none;
    if (sent >= y->older_end) {
        y->older = y->newer;
        y->newer = none;
        y->older_end = written;
    }
    if (sent >= written) {
        y->older = none;
    }
}

size_t dbr_yamux_wanted(const struct dbr_yamux *y, size_t room, bool data)
{
    size_t wanted = y->control.len;
    const struct dbr_list *item = &y->ready;

    while (item->next != &y->ready && wanted < room) {
        item = item->next;
        const struct dbr_yamux_stream *s =
            DBR_LIST_ENTRY(item, const struct dbr_yamux_stream, ready);
        size_t n = data ? sendable(s) : 0;
        size_t frames = n / DBR_YAMUX_FRAME_DATA + 3; /* the last one, window, FIN */
        wanted += n + frames * DBR_YAMUX_HEADER_SIZE;
    }
    return wanted < room ? wanted : room;
}

size_t dbr_yamux_fill(struct dbr_yamux *y, uint8_t *to, size_t room, bool data)
{
    struct dbr_list *item;
    struct dbr_list *tmp;
    size_t used = fill_control(y, to, room);

    if (y->err != 0) {
        return used; /* the GoAway that tells the peer */
    }
    DBR_LIST_FOREACH(item, tmp, &y->ready)
    {
        struct dbr_yamux_stream *s = DBR_LIST_ENTRY(item, struct dbr_yamux_stream, ready);
        if (!fill_owed(y, s, to, &used, room, data)) {
            return used;
        }
        if (sendable(s) == 0) {
            dbr_list_remove(item);
        }
    }
    if (data) {
        fill_data(y, to, &used, room);
    }
    return used;
}
