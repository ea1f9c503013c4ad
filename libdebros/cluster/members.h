/* Who belongs to the cluster, as its tables say: members and listed clients. */
#ifndef DBR_CLUSTER_MEMBERS_H
#define DBR_CLUSTER_MEMBERS_H

#include "multi/multiaddr.h"
#include "multi/peer_id.h"

#define DBR_MEMBER_ADDRS 8

struct dbr_member {
    struct dbr_peer_id peer;
    bool is_client; /* a listed key that is no node */
    struct dbr_multiaddr *addrs; /* heap: most have one, clients none */
    size_t n_addrs;              /* at most DBR_MEMBER_ADDRS */
};

struct dbr_members {
    struct dbr_member *items; /* heap */
    size_t n;
};

/* The statement whose rows dbr_members_take() reads. */
extern const char dbr_members_query[];

/* Replaces the content by the rows. 0, EPROTO a row that makes no sense, ENOMEM; then
 * the old content stays. */
int dbr_members_take(struct dbr_members *members, const debros_result *rows);
void dbr_members_finish(struct dbr_members *members);
const struct dbr_member *dbr_members_find(const struct dbr_members *members,
                                          const struct dbr_peer_id *peer);

#endif
