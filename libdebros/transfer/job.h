/* Work on a snapshot's files, done off the node thread in life and in virtual time in a
 * simulation: one job at a time, in order, beside the log and the applier. Whoever makes
 * a job owns it again when it comes back.
 *
 * A job never handles more than some megabytes: what is longer comes back not `done` and
 * is given again, so that other jobs have their turn in between. */
#ifndef DBR_TRANSFER_JOB_H
#define DBR_TRANSFER_JOB_H

#include "base/buf.h"
#include "base/bytes.h"

enum dbr_bulk_job_type {
    DBR_BULK_COPY,  /* the databases that the applier has frozen as `freeze`: copy some
                       more of them to files of their own, hash them */
    DBR_BULK_READ,  /* at most `len` bytes of a copy, from `offset` on */
    DBR_BULK_DROP,  /* the copy is not needed any more */
    DBR_BULK_STAGE, /* receive the snapshot that `data` describes; what is there of it
                       already counts, what is there of others goes. Empty: of none */
    DBR_BULK_WRITE, /* `data` at `offset`, the end of what is there */
    DBR_BULK_VERIFY /* hash some more of what has been received, make it durable */
};

struct dbr_bulk_job {
    struct dbr_bulk_job *next; /* free for the executor's queue */
    enum dbr_bulk_job_type type;
    uint64_t freeze;     /* COPY, READ, DROP */
    uint64_t offset;     /* READ, WRITE. Out: STAGE and VERIFY: bytes that are there */
    size_t len;          /* READ */
    struct dbr_buf data; /* STAGE, WRITE. Out: READ: the bytes; COPY when it is done: the
                            descriptor */
    uint64_t stream;     /* the owner's: whom READ is for */
    /* out */
    bool done;      /* COPY, VERIFY */
    uint64_t index; /* COPY: that the descriptor names */
    int status;     /* EPROTO: VERIFY found other bytes than the hashes say; ENOTFOUND:
                       there is no such copy; ECANCELED: the databases are being replaced;
                       ENOSPC, EIO, ENOMEM */
    debros_detail detail;
};

struct dbr_bulk_job *dbr_bulk_job_create(enum dbr_bulk_job_type type);
void dbr_bulk_job_destroy(struct dbr_bulk_job *job); /* NULL is allowed */

#endif
