#include "driver/busy_poll.h"

void dbr_busy_poll_waited(struct dbr_busy_poll *poll, uint64_t us)
{
    uint32_t next = poll->us < DBR_BUSY_POLL_FIRST ? DBR_BUSY_POLL_FIRST : 2 * poll->us;
    next = next < poll->max_us ? next : poll->max_us;
    poll->us = us > poll->max_us ? 0 : us > poll->us ? next : poll->us;
}
