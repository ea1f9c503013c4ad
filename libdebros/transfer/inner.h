/* The inside of the transfer machine: transfer.c (life, events), sender.c, receiver.c. */
#ifndef DBR_TRANSFER_INNER_H
#define DBR_TRANSFER_INNER_H

#include "base/ring.h"
#include "transfer/transfer.h"

#define DBR_TRANSFER_MODULE       "snapshot"
#define DBR_TRANSFER_COPIES_MAX   2u
#define DBR_TRANSFER_STREAMS_MAX  64u
#define DBR_TRANSFER_EVENTS_MAX   65536u
#define DBR_TRANSFER_FETCHES_MAX  1024u
#define DBR_TRANSFER_CREDIT_LEAST 1048576 /* bytes that may be sent after a pause */
#define DBR_TRANSFER_DAMAGES_MAX  2u      /* of one snapshot, then it is given up */

enum dbr_copy_state {
    DBR_COPY_NONE,
    DBR_COPY_FREEZING,
    DBR_COPY_COPYING,
    DBR_COPY_READY
};

/* One frozen state of the databases. */
struct dbr_copy {
    enum dbr_copy_state state;
    uint64_t number;
    uint64_t asked; /* index that it was made for */
    uint64_t index;
    uint64_t total;
    uint8_t id[DBR_SNAPSHOT_ID_SIZE];
    struct dbr_buf descriptor;
    dbr_time used; /* last */
};

/* A receiver. */
struct dbr_outgoing {
    uint64_t stream; /* 0: free */
    struct dbr_peer_id peer;
    uint32_t waiting; /* fetches */
    bool is_lost;     /* LOST has been told */
    uint64_t copy;    /* that it fetches from last */
    uint64_t sent;    /* up to here */
    dbr_time used;
};

struct dbr_fetch {
    uint64_t stream;
    uint64_t copy;
    uint64_t offset;
    uint32_t length;
};

struct dbr_sender {
    struct dbr_copy copies[DBR_TRANSFER_COPIES_MAX];
    uint64_t next_number;
    bool asked;
    uint64_t asked_index;
    struct dbr_outgoing streams[DBR_TRANSFER_STREAMS_MAX];
    struct dbr_ring fetches;
    uint32_t reading;
    int64_t credit; /* bytes that may be sent */
    dbr_time refilled;
};

enum dbr_receiver_state {
    DBR_RECEIVER_IDLE,
    DBR_RECEIVER_WAITING, /* for jobs that are out, then STAGE */
    DBR_RECEIVER_STAGING,
    DBR_RECEIVER_FETCHING,
    DBR_RECEIVER_VERIFYING
};

struct dbr_receiver {
    enum dbr_receiver_state state;
    struct dbr_peer_id peer;
    struct dbr_descriptor descriptor;
    struct dbr_buf bytes; /* of it */
    uint64_t stream;      /* 0: none */
    bool opening;
    struct dbr_peer_id opening_peer;
    bool sweep;        /* what was received is to go */
    uint64_t written;  /* on the disk up to here */
    uint64_t received; /* handed to the disk */
    uint64_t asked;
    uint32_t jobs; /* out */
    uint32_t damages;
    dbr_time open_at;
    dbr_time stage_at;
    dbr_time heard;  /* the last chunk, or the beginning */
    dbr_time talked; /* the same, or the stream's beginning */
    dbr_time begun;
    dbr_time told; /* the last line in the log */
};

struct dbr_transfer {
    struct dbr_transfer_config config;
    dbr_time now;
    struct dbr_ring events; /* struct item */
    struct dbr_buf shown;   /* what the last event's `data` points to */
    struct dbr_sender sender;
    struct dbr_receiver receiver;
};

/* Queues the event; `data` is taken and may be NULL. When memory is short it is lost:
 * time-outs see to the rest. */
void dbr_transfer_push(struct dbr_transfer *t, const struct dbr_transfer_event *event,
                       struct dbr_buf *data);
void dbr_transfer_push_job(struct dbr_transfer *t, struct dbr_bulk_job *job);
void dbr_transfer_push_message(struct dbr_transfer *t, uint64_t stream,
                               const struct dbr_transfer_message *message);
/* "1.0 GiB" */
const char *dbr_transfer_size_text(char out[32], uint64_t bytes);

/* sender.c */
int dbr_sender_recv(struct dbr_transfer *t, uint64_t stream,
                    const struct dbr_peer_id *peer,
                    const struct dbr_transfer_message *message);
void dbr_sender_job_done(struct dbr_transfer *t, struct dbr_bulk_job *job);
void dbr_sender_stream_closed(struct dbr_transfer *t, uint64_t stream);
dbr_time dbr_sender_deadline(const struct dbr_transfer *t);
void dbr_sender_expire(struct dbr_transfer *t);
void dbr_sender_finish(struct dbr_transfer *t);

/* receiver.c */
int dbr_receiver_recv(struct dbr_transfer *t, const struct dbr_transfer_message *message);
void dbr_receiver_job_done(struct dbr_transfer *t, struct dbr_bulk_job *job);
void dbr_receiver_stream_closed(struct dbr_transfer *t);
dbr_time dbr_receiver_deadline(const struct dbr_transfer *t);
void dbr_receiver_expire(struct dbr_transfer *t);
void dbr_receiver_finish(struct dbr_transfer *t);

#endif
