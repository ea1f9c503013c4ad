/* The inside of the yamux machine, shared by its three parts: yamux.c (receiving and the
 * table of streams), yamux_window.c (what the peer may send us), yamux_send.c. */
#ifndef DBR_CONN_YAMUX_SESSION_H
#define DBR_CONN_YAMUX_SESSION_H

#include "base/buf.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/ring.h"
#include "yamux.h"
#include "yamux_frame.h"

#define DBR_YAMUX_EVENTS        (1u << 20) /* undrained; 12 bytes received make one */
#define DBR_YAMUX_FRAME_DATA    32768u     /* we send; fair to the other streams */
#define DBR_YAMUX_WINDOW_BUDGET (16u << 20) /* of all growth of one connection */

#define DBR_YAMUX_UNREAD "the peer makes us answer and does not read the answers"

struct dbr_yamux_stream {
    uint32_t id;
    bool remote_fin;
    bool fin_wanted;
    bool fin_sent;
    bool dead;   /* its last event is queued */
    bool urgent; /* goes before the others */
    uint64_t serial;
    void *user;

    /* Receiving. Always window >= recv_left + held. */
    uint32_t window;
    uint32_t recv_left; /* the peer may still send */
    uint32_t held;      /* announced by a header and not consumed */
    dbr_time granted_at;

    /* Sending. */
    uint32_t send_left;
    uint32_t owed_window;
    uint16_t owed_flags; /* SYN or ACK */
    struct dbr_buf queue;
    size_t extra;  /* of the queue's front, not counted */
    size_t wanted; /* WRITABLE is due once this fits; 0: nobody waits */

    dbr_time linger_until;
    struct dbr_list lingering; /* in y->lingering, ordered by time */
    struct dbr_list ready;     /* in y->ready */
    UT_hash_handle hh;
};

struct dbr_yamux_unread {
    size_t bytes;
    uint32_t pongs;
};

/* Counts what a peer does too often. */
struct dbr_yamux_flood {
    dbr_time since;
    uint32_t count;
};

struct dbr_yamux {
    struct dbr_stack_limits limits;
    bool client;
    bool goaway_sent;
    bool goaway_received;
    int err;
    const char *reason;
    dbr_time now; /* the newest we were told */
    uint32_t rtt_ms;
    uint32_t next_id;
    uint64_t next_serial;

    struct dbr_yamux_stream *streams;
    uint32_t streams_in;
    uint32_t streams_out;
    struct dbr_list ready; /* streams that have something to send */
    struct dbr_list lingering;
    struct dbr_ring events;
    uint32_t grown; /* sum of what windows have beyond the first size */
    struct dbr_yamux_flood resets;
    struct dbr_yamux_flood idle;

    /* The frame being received. */
    uint8_t header[DBR_YAMUX_HEADER_SIZE];
    size_t header_len;
    uint32_t body_left;
    bool body_fin;
    struct dbr_yamux_stream *body; /* NULL: drained and ignored */

    struct dbr_buf control;
    uint32_t pongs; /* in `control` */
    /* Frames without data that _fill() wrote and that may not be sent yet, in two
     * generations: the older ones have all left once `older_end` bytes have. */
    struct dbr_yamux_unread older;
    struct dbr_yamux_unread newer;
    uint64_t older_end;
};

/* yamux.c */
int dbr_yamux_fail(struct dbr_yamux *y, int err, const char *reason);
int dbr_yamux_push(struct dbr_yamux *y, enum dbr_yamux_event_type type,
                   const struct dbr_yamux_stream *s, debros_bytes data);
/* Queues the last event of `s`. */
int dbr_yamux_end(struct dbr_yamux *y, struct dbr_yamux_stream *s,
                  enum dbr_yamux_event_type type);
/* Starts or renews the wait for the peer's FIN. */
void dbr_yamux_linger(struct dbr_yamux *y, struct dbr_yamux_stream *s);

/* yamux_window.c */
void dbr_yamux_window_init(struct dbr_yamux *y, struct dbr_yamux_stream *s);
void dbr_yamux_window_finish(struct dbr_yamux *y, struct dbr_yamux_stream *s);

/* yamux_send.c */
int dbr_yamux_control(struct dbr_yamux *y, enum dbr_yamux_type type, uint16_t flags,
                      uint32_t stream, uint32_t length);
/* Bytes of control frames that the peer has not read. */
size_t dbr_yamux_backlog(const struct dbr_yamux *y);
/* Answers a ping. */
int dbr_yamux_pong(struct dbr_yamux *y, uint32_t value);
void dbr_yamux_become_ready(struct dbr_yamux *y, struct dbr_yamux_stream *s);
void dbr_yamux_more_window(struct dbr_yamux *y, struct dbr_yamux_stream *s,
                           uint32_t delta);

#endif
