#include "driver/busy_poll.h"

static uint32_t grown(const struct dbr_busy_poll *poll)
{
    uint32_t next = poll->us < DBR_BUSY_POLL_FIRST ? DBR_BUSY_POLL_FIRST : 2 * poll->us;
    return next < poll->max_us ? next : poll->max_us;
}

void dbr_busy_poll_waited(struct dbr_busy_poll *poll, uint64_t us)
{
    if (us > poll->max_us) {
        poll->us = poll->us / 2 < DBR_BUSY_POLL_FIRST ? 0 : poll->us / 2;
    } else if (us > poll->us) {
        poll->us = grown(poll);
    }
}
