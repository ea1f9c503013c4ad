/* Mail from any thread to the loop's, in order. The sender owns a piece of mail until it
 * posts it, the receiver afterwards. */
#ifndef DBR_DRIVER_MAILBOX_H
#define DBR_DRIVER_MAILBOX_H

#include "base/list.h"

struct dbr_loop;
struct dbr_mailbox;

/* `deliver` gets all mail that waits, as a list to be emptied. Errors: ENOMEM. */
int dbr_mailbox_open(struct dbr_mailbox **out, struct dbr_loop *loop,
                     void (*deliver)(void *data, struct dbr_list *mail), void *data);
/* Any thread. */
void dbr_mailbox_post(struct dbr_mailbox *box, struct dbr_list *mail);
/* The loop's thread, which wakes nobody and takes its own mail before it sleeps. */
void dbr_mailbox_put(struct dbr_mailbox *box, struct dbr_list *mail);
/* Moves what waits to the end of `out`. */
void dbr_mailbox_take(struct dbr_mailbox *box, struct dbr_list *out);
/* Once the loop has ended and nobody posts. NULL is allowed. */
void dbr_mailbox_free(struct dbr_mailbox *box);

#endif
