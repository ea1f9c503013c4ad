#include "base/check.h"
#include "yamux_session.h"

/* A limit below what every peer assumes would make honest peers fatal. */
static uint32_t first_window(const struct dbr_yamux *y)
{
    return y->limits.window > DBR_YAMUX_WINDOW ? y->limits.window : DBR_YAMUX_WINDOW;
}

/* Grants what is missing to the window's size. */
static void grant(struct dbr_yamux *y, struct dbr_yamux_stream *s)
{
    uint32_t delta = s->window - s->recv_left - s->held;
    if (delta > 0) {
        s->recv_left += delta;
        s->owed_window += delta;
        s->granted_at = y->now;
        dbr_yamux_become_ready(y, s);
    }
}

/* As go, rust and js do: a window that was used up within four round trips is what
 * limits the stream, so it doubles. */
static void tune(struct dbr_yamux *y, struct dbr_yamux_stream *s)
{
    uint64_t fast = 4 * (uint64_t)y->rtt_ms;
    uint32_t room =
        s->window < y->limits.window_max ? y->limits.window_max - s->window : 0;
    uint32_t grow = s->window < room ? s->window : room;

    if (y->now - s->granted_at > fast || grow > DBR_YAMUX_WINDOW_BUDGET - y->grown) {
        return;
    }
    s->window += grow;
    y->grown += grow;
}

void dbr_yamux_window_init(struct dbr_yamux *y, struct dbr_yamux_stream *s)
{
    s->window = first_window(y);
    s->recv_left = DBR_YAMUX_WINDOW;
    grant(y, s);
    s->granted_at = y->now;
}

void dbr_yamux_window_finish(struct dbr_yamux *y, struct dbr_yamux_stream *s)
{
    y->grown -= s->window - first_window(y);
}

void dbr_yamux_consume(struct dbr_yamux *y, struct dbr_yamux_stream *s, size_t len)
{
    dbr_assert(len <= s->held);
    s->held -= (uint32_t)len;
    if (s->remote_fin || s->dead) {
        return;
    }
    if (s->window - s->recv_left - s->held >= s->window / 2) {
        tune(y, s);
        grant(y, s);
    }
}
