/* What one connection may cost: every queue, table and wait of conn/. */
#ifndef DBR_CONN_LIMITS_H
#define DBR_CONN_LIMITS_H

#include <stdint.h>

struct dbr_stack_limits {
    uint32_t handshake_ms;    /* until SECURED and muxer; default 10,000 */
    uint32_t negotiate_ms;    /* one stream's multistream; default 10,000 */
    uint32_t linger_ms;       /* after our FIN until the peer's; default 60,000 */
    uint32_t streams_in;      /* the peer's open streams; default 128 */
    uint32_t streams_out;     /* ours; default 128 */
    uint32_t window;          /* receive window per stream; default, least 262,144 */
    uint32_t window_max;      /* auto-tuned up to this; default 1,048,576 */
    uint32_t send_buffer;     /* queued per stream and not framed; default 262,144 */
    uint32_t pongs;           /* answers to yamux pings that nobody reads; default 32 */
    uint32_t control_backlog; /* bytes of pongs, resets, acks queued; default 65,536 */
};
void dbr_stack_limits_default(struct dbr_stack_limits *limits);

#endif
