/* Who takes which place in the raft group: a pure decision, made by the leader, one
 * change at a time. Voters are few; standbys hold the log and wait; the rest learns. */
#ifndef DBR_CLUSTER_ROLES_H
#define DBR_CLUSTER_ROLES_H

#include "cluster/members.h"

#define DBR_ROLES_VOTERS   3
#define DBR_ROLES_STANDBYS 2

enum dbr_place { DBR_PLACE_NONE, DBR_PLACE_SPARE, DBR_PLACE_STANDBY, DBR_PLACE_VOTER };

struct dbr_candidate {
    struct dbr_peer_id peer;
    enum dbr_place place;
    bool is_online;
};

enum dbr_role_change {
    DBR_CHANGE_NOTHING,
    DBR_CHANGE_ADD,     /* into the group, as a standby */
    DBR_CHANGE_STANDBY, /* a spare becomes a standby */
    DBR_CHANGE_VOTER    /* a standby becomes a voter */
};

/* The next change, and in *which the candidate that it concerns. */
enum dbr_role_change dbr_roles_next(const struct dbr_candidate *candidates, size_t n,
                                    size_t *which);

#endif
