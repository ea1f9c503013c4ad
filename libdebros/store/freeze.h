/* Frozen states of all databases: the applier opens a read transaction on each between
 * two batches, the bulk thread copies what these see into files of their own, while
 * writes go on into the WALs. */
#ifndef DBR_STORE_FREEZE_H
#define DBR_STORE_FREEZE_H

#include "sql/job.h"
#include "transfer/job.h"

struct dbr_store;

#define DBR_FREEZES_MAX 4u

/* Applier thread: freezes as job->freeze. */
void dbr_apply_freeze(struct dbr_store *store, struct dbr_apply_job *job);
/* Applier thread, with queries stopped: copies that are not ready end here, the files of
 * the databases are replaced next. */
void dbr_freezes_cancel(struct dbr_store *store);
/* Bulk thread. */
void dbr_freeze_copy(struct dbr_store *store, struct dbr_bulk_job *job);
void dbr_freeze_read(struct dbr_store *store, struct dbr_bulk_job *job);
void dbr_freeze_drop(struct dbr_store *store, struct dbr_bulk_job *job);
/* All threads have left. */
void dbr_freezes_finish(struct dbr_store *store);

#endif
