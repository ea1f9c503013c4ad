/* Multicast DNS on the loop: packets to and from 224.0.0.251 and ff02::fb on every
 * interface that is up. Interfaces come and go: they are looked at now and then.
 *
 * Nothing here ends a node: what does not work is one warning in the log, and is tried
 * again at each look. Spec: RFC 6762 sections 5, 11, 15 */
#ifndef DBR_DRIVER_MULTICAST_H
#define DBR_DRIVER_MULTICAST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/logger.h"
#include "driver/loop.h"

#define DBR_MULTICAST_READS 16u /* packets in one turn; the others wait for the next */

struct dbr_multicast_config {
    uint16_t port;                   /* theirs and ours; default 5353 */
    uint32_t look_ms;                /* between two looks at interfaces; default 10,000 */
    const struct dbr_logger *logger; /* borrowed, may be NULL */
};
void dbr_multicast_config_default(struct dbr_multicast_config *config);

/* Once for a loop: the handler's `multicast` and `network_changed` follow. Errors: ENOMEM
 */
int dbr_multicast_open(struct dbr_loop *loop, const struct dbr_multicast_config *config);
/* To everybody on the local networks, or with `same_host` to processes of this machine
 * alone. It may be lost. Without dbr_multicast_open() it is. */
void dbr_multicast_send(struct dbr_loop *loop, debros_bytes packet, bool same_host);
/* No fact follows. Harmless twice; the end of the loop does it too. */
void dbr_multicast_close(struct dbr_loop *loop);

#endif
