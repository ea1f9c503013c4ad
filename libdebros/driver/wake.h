/* Calls a function on the loop's thread, asked for by any thread. Many asks before the
 * call are one call. */
#ifndef DBR_DRIVER_WAKE_H
#define DBR_DRIVER_WAKE_H

struct dbr_loop;
struct dbr_wake;

/* On the loop's thread, or before the loop runs. Errors: ENOMEM. */
int dbr_wake_open(struct dbr_wake **out, struct dbr_loop *loop, void (*run)(void *data),
                  void *data);
/* Any thread. After the loop has ended it does nothing. */
void dbr_wake_send(struct dbr_wake *wake);
/* Once the loop has ended, before it is destroyed or after. NULL is allowed. */
void dbr_wake_free(struct dbr_wake *wake);

#endif
