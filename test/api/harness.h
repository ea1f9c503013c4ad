/* Nodes in folders of their own, for the tests of the public API. */
#ifndef DBR_TEST_API_HARNESS_H
#define DBR_TEST_API_HARNESS_H

#include "debros.h"
#include "test.h"

#define HARNESS_PATH 256

/* A folder that is new and goes with the test. */
struct harness_folder {
    char path[HARNESS_PATH];
};

void harness_folder_make(struct harness_folder *folder);
void harness_folder_remove(struct harness_folder *folder);
/* FOLDER/NAME, until the next call. */
const char *harness_path(const struct harness_folder *folder, const char *name);

/* A node's configuration: the folder, loopback with a port that the kernel picks, the
 * shortest election. */
debros_config harness_config(const struct harness_folder *folder);
/* A client's: one member to talk to, given as a node that runs. */
debros_config harness_client(const debros_node *member, const char **addr);

/* init and start; the node leads when this returns. */
debros_node *harness_lead(const struct harness_folder *folder);
debros_node *harness_create(const debros_config *config);
/* Starts and waits; returns the status. */
int harness_start(debros_node *node);
int harness_stop(debros_node *node);
/* One statement without parameters; returns the status. */
int harness_exec(debros_node *node, const char *sql);
/* One integer from a query; fails the test on an error. */
int64_t harness_count(debros_node *node, const char *sql);

/* Dispatches until `*n` has reached `wanted`, watching the node's descriptor. */
void harness_dispatch_until(debros_node *node, const int *n, int wanted);

#endif
