/* A calm simulated cluster for the tests of core/ and sql/: members 0 .. n-1 are up, the
 * light client is ready. */
#ifndef DBR_TEST_SIM_FIXTURE_H
#define DBR_TEST_SIM_FIXTURE_H

#include <stdlib.h>

#include "test.h"

#include "world.h"

struct fixture {
    struct sim_world world;
    struct sim_result result;
    int client; /* its node number */
};

static inline void fixture_up(struct fixture *f, int members)
{
    struct sim_config config = {
        .seed = 42, .n_nodes = members, .verbose = getenv("SIM_VERBOSE") != NULL};
    f->result = (struct sim_result){0};
    sim_init(&f->world, &config, &f->result);
    sim_bring_up(&f->world);
    f->client = members;
    assert_string_equal(f->result.why, "");
}

static inline void fixture_down(struct fixture *f)
{
    assert_string_equal(f->result.why, "");
    sim_finish(&f->world);
}

/* Runs one request to its end; the caller frees the op. */
static inline struct sim_op *fixture_ask(struct fixture *f, int node,
                                         enum dbr_request_type type, const char *text,
                                         uint32_t timeout_ms)
{
    struct sim_op *op = sim_test_op(&f->world, node, type);
    op->request.target = text;
    op->statements[0].sql = text;
    sim_test_run(&f->world, op, timeout_ms);
    assert_true(op->done);
    return op;
}

/* The same for its status only. */
static inline int fixture_status(struct fixture *f, int node, enum dbr_request_type type,
                                 const char *text)
{
    struct sim_op *op = fixture_ask(f, node, type, text, 10000);
    int status = op->request.status;
    sim_op_free(op);
    return status;
}

static inline int64_t fixture_number(struct fixture *f, int node, const char *sql)
{
    struct sim_op *op = fixture_ask(f, node, DBR_REQUEST_QUERY, sql, 10000);
    assert_int_equal(op->request.status, 0);
    int64_t number = op->request.sql->results[0].cells[0].as.integer;
    sim_op_free(op);
    return number;
}

static inline int fixture_leader(struct fixture *f)
{
    for (int i = 0; i < f->client; i++) {
        struct sim_op *op = fixture_ask(f, i, DBR_REQUEST_STATUS, "", 1000);
        bool leads = op->request.node_status->role == DEBROS_ROLE_LEADER;
        sim_op_free(op);
        if (leads) {
            return i;
        }
    }
    return -1;
}

#endif
