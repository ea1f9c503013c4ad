/* A snapshot on its way in: chunks become files, files are hashed. Bulk thread. */
#ifndef DBR_STORE_STAGE_H
#define DBR_STORE_STAGE_H

#include "transfer/job.h"

struct dbr_store;
struct dbr_stage;

void dbr_stage_begin(struct dbr_store *store, struct dbr_bulk_job *job);
void dbr_stage_write(struct dbr_store *store, struct dbr_bulk_job *job);
void dbr_stage_verify(struct dbr_store *store, struct dbr_bulk_job *job);
/* All threads have left. The files stay. */
void dbr_stage_finish(struct dbr_store *store);

#endif
