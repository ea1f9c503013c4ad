/* SQL's date functions in statements that write. SQLite's own answer 'localtime' and
 * 'utc' from the machine's time zone, which replicas need not share: these refuse them
 * and ask a connection of their own, with the entry's time, for everything else. */
#ifndef DBR_STORE_DATES_H
#define DBR_STORE_DATES_H

#include <sqlite3.h>

/* Puts them in place of SQLite's; `vfs` names the one that tells the time. SQLite's code;
 * they go with the connection. */
int dbr_dates_add(sqlite3 *sql, const char *vfs);

#endif
