/* Requests of the hash table in the simulated cluster. */
#ifndef DBR_TEST_CORE_KAD_OPS_H
#define DBR_TEST_CORE_KAD_OPS_H

#include <stdio.h>

#include "fixture.h"

#include "core/inner.h"

/* A cluster whose members have come into each other's tables. */
static inline void kad_ops_up(struct fixture *f, int members)
{
    fixture_up(f, members);
    sim_step_until(&f->world, f->world.now + 5000);
}

/* Not begun yet. */
static inline struct sim_op *kad_op(struct fixture *f, int node,
                                    enum dbr_request_type type, const char *key)
{
    struct sim_op *op = sim_test_op(&f->world, node, type);
    op->request.key = key;
    op->request.target = key;
    return op;
}

/* Runs it to its end; the caller frees it. */
static inline struct sim_op *kad_ask(struct fixture *f, struct sim_op *op)
{
    sim_test_run(&f->world, op, 20000);
    assert_true(op->done);
    return op;
}

static inline struct sim_op *kad_put(struct fixture *f, int node, const char *key,
                                     const char *value)
{
    struct sim_op *op = kad_op(f, node, DBR_REQUEST_DHT_PUT, key);
    op->request.value = dbr_bytes_str(value);
    return kad_ask(f, op);
}

/* For its status only. */
static inline int kad_status(struct fixture *f, struct sim_op *op)
{
    int status = kad_ask(f, op)->request.status;
    sim_op_free(op);
    return status;
}

/* What is found under a key is this. */
static inline void kad_holds(struct fixture *f, int node, const char *key,
                             const char *value)
{
    struct sim_op *op = kad_ask(f, kad_op(f, node, DBR_REQUEST_DHT_GET, key));
    assert_int_equal(op->request.status, 0);
    assert_true(dbr_bytes_equal(op->request.record->value, dbr_bytes_str(value)));
    assert_string_equal(op->request.record->key, key);
    sim_op_free(op);
}

static inline struct dbr_dht *kad_of(struct fixture *f, int node)
{
    return f->world.nodes[node].core->kad->dht;
}

#endif
