/* A store on a simulated disk, and short ways to write, read and look at it. */
#ifndef DBR_TEST_STORE_FIXTURE_H
#define DBR_TEST_STORE_FIXTURE_H

#include "lib/sim_disk.h"
#include "lib/test.h"
#include "sql/codec.h"
#include "store/store.h"

#define FIXTURE_TIME 1700000000000 /* 2023-11-14 22:13:20 */
#define FIXTURE_SEED 4242

struct fixture {
    struct sim_disk *disk;
    struct dbr_store_config config;
    struct dbr_store *store;
    debros_detail detail;
    uint64_t index; /* of the last entry */
    uint64_t seq;   /* of the last request */
    uint64_t log_seq;
    struct dbr_apply_job *job;   /* the last one */
    struct dbr_query_job *query; /* the last one */
    struct dbr_bulk_job *bulk;   /* the last one */
    uint64_t freeze;             /* number of the last one */
    char text[65536];
};

/* An empty disk, the store open on it. */
void fixture_init(struct fixture *f);
/* The same with the namespace "default" made by the entries 1 and 2. */
void fixture_init_default(struct fixture *f);
void fixture_finish(struct fixture *f);
/* As a process that ends and begins again; crash: the power goes in between. */
int fixture_try_open(struct fixture *f);
void fixture_open(struct fixture *f);
void fixture_close(struct fixture *f);
void fixture_reopen(struct fixture *f);
void fixture_crash(struct fixture *f);

/* Statements of one transaction with the next request key. */
struct dbr_apply_entry *
fixture_entry(uint64_t index, const struct dbr_sql_transaction *list, size_t count);
struct dbr_sql_transaction fixture_transaction(struct fixture *f, const char *ns,
                                               const debros_statement *list,
                                               size_t count);
/* Runs a job of these entries; its status. They stay in f->job until the next call. */
int fixture_apply(struct fixture *f, struct dbr_apply_entry *entries);
int fixture_job(struct fixture *f, enum dbr_apply_job_type type, uint64_t index);
int fixture_bulk(struct fixture *f, enum dbr_bulk_job_type type, uint64_t offset,
                 debros_bytes data);
/* Freezes and copies to the end: f->bulk->data describes it. */
int fixture_copy(struct fixture *f);
/* Receives the copy of another store, `max` bytes more of it at most. */
int fixture_receive(struct fixture *f, struct fixture *from, debros_bytes descriptor,
                    uint64_t max);
int fixture_verify(struct fixture *f);
/* One statement, or several, as one entry: the reply, valid until the next call. */
const struct dbr_sql_reply *fixture_exec(struct fixture *f, const char *ns,
                                         const char *sql);
const struct dbr_sql_reply *fixture_exec_list(struct fixture *f, const char *ns,
                                              const debros_statement *list, size_t count);
/* The same, which must succeed. */
void fixture_must(struct fixture *f, const char *ns, const char *sql);
const struct dbr_sql_reply *fixture_query(struct fixture *f, const char *ns,
                                          const char *sql);
/* Rows as text: cells by '|', rows by ';'. The query must succeed. */
const char *fixture_rows(struct fixture *f, const char *ns, const char *sql);
const char *fixture_result_text(struct fixture *f, const debros_result *result);

#define assert_reply(reply, error, words)                                                \
    do {                                                                                 \
        const struct dbr_sql_reply *reply_ = (reply);                                    \
        assert_string_equal(reply_->detail, words);                                      \
        assert_int_equal(reply_->status, error);                                         \
    } while (0)

#endif
