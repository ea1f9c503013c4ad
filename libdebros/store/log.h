/* The replicated log on disk: log/NUMBER.seg, each a run of records (record.h), and
 * log/vote (vote.h). All operations of one call are one write and one sync, and another
 * one when term or vote change; a batch never spans two segments, so a call that failed
 * for space has changed nothing and can be made again. */
#ifndef DBR_STORE_LOG_H
#define DBR_STORE_LOG_H

#include "base/logger.h"
#include "consensus/log_op.h"
#include "fs.h"
#include "log_head.h"

#define DBR_LOG_FOLDER "log"

struct dbr_log;

/* Creates the folder or recovers. EIO: damage, `detail` names file and offset. */
int dbr_log_open(struct dbr_log **out, struct dbr_fs *fs, size_t segment_size,
                 const struct dbr_logger *logger, debros_detail *detail);
void dbr_log_close(struct dbr_log *log);
/* What was found at open. Valid until dbr_log_forget_state(). */
const struct dbr_log_state *dbr_log_state(const struct dbr_log *log);
void dbr_log_forget_state(struct dbr_log *log);
/* 0; ENOSPC: call again with the same list; EIO: for ever. */
int dbr_log_write(struct dbr_log *log, const struct dbr_log_op *ops,
                  debros_detail *detail);
/* The same, and `run(data)` once while the disk writes: behind the write, before the
 * sync. */
int dbr_log_write_while(struct dbr_log *log, const struct dbr_log_op *ops,
                        void (*run)(void *data), void *data, debros_detail *detail);

#endif
