/* TCP on the loop: listening, dialing, and connections that are named by ids.
 *
 * Reading never waits for writing. What is written in one turn goes to the kernel in one
 * call per connection, by dbr_tcp_flush(). All functions belong to the loop's thread, or
 * to the thread that will run it. */
#ifndef DBR_DRIVER_TCP_H
#define DBR_DRIVER_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "driver/loop.h"

/* A closed connection has so long to flush and to hear the peer's end. */
#define DBR_TCP_LEAVE_MS 1000u
#define DBR_TCP_BACKLOG  511
/* A silent address of a name is given up so soon when there is another one. */
#define DBR_TCP_TRY_MS   3000u
#define DBR_TCP_ADDRS    8 /* of one name */
/* The kernel is given so much at a time of what it did not take at once, so that the
 * owner hears of progress. */
#define DBR_TCP_SLICE    (64u << 10)

/* Port 0: the kernel picks, and `endpoint` is told. Errors, with detail: EBUSY the port
 * is in use, EINVAL no address of this machine, EACCES, EIO, ENOMEM. */
int dbr_tcp_listen(struct dbr_loop *loop, struct dbr_endpoint *endpoint,
                   debros_detail *detail);
/* Stops listening everywhere. */
void dbr_tcp_stop_listening(struct dbr_loop *loop);
/* `dialed` or `dial_failed` follows, perhaps inside this call. */
void dbr_tcp_dial(struct dbr_loop *loop, uint64_t conn,
                  const struct dbr_endpoint *endpoint);
/* The same for a name: its addresses are dialed one after the other until one answers. A
 * name that the DNS does not answer delays the end of the loop until the resolver gives
 * up, as the system configures it. */
void dbr_tcp_dial_name(struct dbr_loop *loop, uint64_t conn, const struct dbr_name *name);
/* Takes the content of `bytes`. An unknown connection drops it. */
void dbr_tcp_write(struct dbr_loop *loop, uint64_t conn, struct dbr_buf *bytes);
/* Hands over what was written. True: facts came of it. */
bool dbr_tcp_flush(struct dbr_loop *loop);
/* The owner knows `conn` no more: its id may be used again at once, and no fact follows.
 * The socket flushes, says that it is done, and is gone within DBR_TCP_LEAVE_MS. */
void dbr_tcp_close(struct dbr_loop *loop, uint64_t conn);
void dbr_tcp_close_all(struct dbr_loop *loop);
/* Sockets of connections, closing ones as well. */
size_t dbr_tcp_count(const struct dbr_loop *loop);

/* The addresses of this machine behind a wildcard endpoint, with its port: those that
 * others can reach first, loopback last. Returns how many. */
size_t dbr_tcp_interfaces(struct dbr_endpoint *out, size_t max,
                          const struct dbr_endpoint *wildcard);

#endif
