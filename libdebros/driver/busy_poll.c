#include "driver/busy_poll.h"

static uint32_t grown(const struct dbr_busy_poll *poll)
{
    uint32_t next = poll->us < DBR_BUSY_POLL_FIRST ? DBR_BUSY_POLL_FIRST : 2 * poll->us;
    return next < poll->max_us ? next : poll->max_us;
}

static uint32_t shrunk(const struct dbr_busy_poll *poll)
{
    return poll->us / 2 < DBR_BUSY_POLL_FIRST ? 0 : poll->us / 2;
}

void dbr_busy_poll_waited(struct dbr_busy_poll *poll, uint64_t us)
{
    if (us > (uint64_t)DBR_BUSY_POLL_LONG * poll->max_us) {
        poll->us = 0;
    } else if (us > poll->max_us) {
        poll->us = shrunk(poll);
    } else if (us > poll->us) {
        poll->us = grown(poll);
    }
}
