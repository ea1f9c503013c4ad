/* For how long a loop asks what is ready before it sleeps. Waking a thread that sleeps
 * takes 25 to 50 us where the processor has gone idle, a fifth of a write that is alone.
 * So the loop learns, as Linux's and KVM's halt polling do: the window doubles while
 * waits are no longer than `max_us`, one that is longer halves it, and a long one closes
 * it. A loop with nothing to do, or with something now and then, sleeps at once. */
#ifndef DBR_DRIVER_BUSY_POLL_H
#define DBR_DRIVER_BUSY_POLL_H

#include <stdint.h>

#define DBR_BUSY_POLL_FIRST 8u /* microseconds; a smaller window is none */
#define DBR_BUSY_POLL_LONG  8u /* times max_us */

struct dbr_busy_poll {
    uint32_t max_us; /* 0: never */
    uint32_t us;     /* now */
};

/* A wait has ended that took so long. */
void dbr_busy_poll_waited(struct dbr_busy_poll *poll, uint64_t us);

#endif
