/* A cluster of consensus machines in virtual time, everything from one seed: ordered
 * disks that finish late and lose what is not finished, links that are slow, lossy and
 * cut, crashes, transfers, changes of the members. The state machine is a list of command
 * ids. What the design promises is checked at every step:
 *
 * - terms never go back on the wire, nobody votes twice or shares a term's leadership;
 * - all apply the same commands in the same order, none is applied twice or lost;
 * - a read sees what was acknowledged before it;
 * - once the faults end, a leader comes up and all members hold the same. */
#ifndef DBR_TEST_CONSENSUS_SIM_H
#define DBR_TEST_CONSENSUS_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "consensus/consensus.h"

#define SIM_NODES_MAX 5

struct sim;

struct sim_config {
    uint64_t seed;
    size_t n; /* nodes; their ids are 1 to n */
    bool bare;
    bool grow;       /* the first node is alone and takes the others in */
    bool change;     /* roles change at random */
    bool aim;        /* crashes right after a term or a vote was queued */
    bool hasty;      /* short election timeouts: many leaders, much left behind */
    bool slow_disk;  /* now and then a write takes seconds */
    bool quiet_disk; /* no slow writes, no lost messages */
    bool poor;       /* now and then a machine finds no memory, and starts anew */
    bool verbose;
    uint32_t faults_ms; /* 0: none */
    uint32_t threshold; /* entries between snapshots; 0: never */
    size_t max_message; /* 0: default */
};

struct sim_counts {
    uint64_t hash; /* of everything that happened */
    uint64_t proposed;
    uint64_t acked;
    uint64_t reads;
    uint64_t crashes;
    uint64_t leaders;
    uint64_t messages;
    uint64_t snapshots;
    uint64_t installs;
    uint64_t fetches;
    uint64_t changes;
    uint64_t transfers;
    uint64_t refused; /* messages, by a machine */
    uint64_t poor;    /* calls that found no memory */
    uint64_t ended;   /* machines, or their starts, for that reason */
};

/* A whole run from one seed: faults, healing, the final check. Returns NULL or what went
 * wrong. The text lives until the next run. */
const char *sim_run(const struct sim_config *config, struct sim_counts *counts);
/* The scenario that belongs to a seed: three or five nodes and so on. */
void sim_config_of(struct sim_config *config, uint64_t seed);

/* By hand. */
struct sim *sim_create(const struct sim_config *config);
void sim_destroy(struct sim *sim);
void sim_run_for(struct sim *sim, uint32_t ms);
const char *sim_wrong(const struct sim *sim);
const struct sim_counts *sim_counts(const struct sim *sim);
dbr_time sim_now(const struct sim *sim);
/* The node that leads and is ready, or -1. */
int sim_leader(const struct sim *sim);
/* Runs until there is one; -1 after ten seconds. */
int sim_wait_leader(struct sim *sim);
struct dbr_consensus *sim_machine(struct sim *sim, int node); /* NULL: down */
/* After a call on a machine: carries out what it wants. */
void sim_drain(struct sim *sim, int node);
int sim_propose(struct sim *sim, int node, size_t size);
void sim_crash(struct sim *sim, int node);
void sim_restart(struct sim *sim, int node);
void sim_set_side(struct sim *sim, int node, int side); /* both sides cannot talk */
void sim_stop_disk(struct sim *sim, int node, bool stopped);
size_t sim_applied(const struct sim *sim, int node);
uint64_t sim_max_message(const struct sim *sim); /* bytes of the largest one sent */
/* The status of the last event of the type since the last call; 1: there was none. */
int sim_took(struct sim *sim, int node, enum dbr_consensus_event_type type);

#endif
