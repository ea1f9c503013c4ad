/* The insides of the node's machine, shared by its files:
 *   create.c        the parts: which there are, made and destroyed
 *   core.c          facts in, effects out, time
 *   pump.c          events of swarm, consensus and sql, until all are quiet
 *   raft_link.c     consensus messages over streams
 *   snapshots.c     snapshots on their way between members
 *   kad_link.c      joins the hash table's machine of dht/ and the swarm
 *   kad_calls.c     requests of that machine: streams, dials, idle connections
 *   kad_keys.c      keys of that table as applications write them
 *   kad_requests.c  what applications and clients want of it
 *   kad_views.c     what it holds, for people
 *   services.c      what members offer, by name, and who offers it
 *   network.c       what is known of the network, on its way to the disk and back
 *   membership.c    the members' table, classes, addresses, roles
 *   learner.c       a member without a place in the raft group asks who votes
 *   discovery.c     how many connections, and with whom
 *   tickets.c       what waits for an answer, and where the answer goes
 *   requests.c      the public API's requests
 *   calls.c         the cluster protocol: a member answers hello, join and calls
 *   client.c        the other side: a client and a joiner dial members, keep connections
 *   client_hello.c  their first words to a member, and the answers
 *   client_calls.c  a client's calls, sent again when their member is lost
 *   contacts.c      the members that those two know
 *   views.c         status and peers for people
 *   health.c        the checks of a node's health
 *   mdns_link.c     multicast DNS: where members are on the local network
 *   story.c         the cluster's life, for the log
 *   bootstrap.c     a cluster's first log operations */
#ifndef DBR_CORE_INNER_H
#define DBR_CORE_INNER_H

#include "base/hash.h"
#include "base/ring.h"
#include "cluster/commands.h"
#include "cluster/invite.h"
#include "cluster/members.h"
#include "cluster/message.h"
#include "cluster/roles.h"
#include "cluster/server_id.h"
#include "consensus/consensus.h"
#include "core/contacts.h"
#include "core/core.h"
#include "core/health.h"
#include "core/kad_link.h"
#include "core/kad_requests.h"
#include "core/network.h"
#include "core/services.h"
#include "sql/sql.h"
#include "swarm/bucket.h"
#include "swarm/mdns.h"
#include "swarm/swarm.h"
#include "transfer/transfer.h"

#define DBR_PROTOCOL_SQL_ID "/debros/sql/1.0.0"

/* The swarm's protocols, by index. */
enum {
    DBR_PROTOCOL_RAFT,
    DBR_PROTOCOL_SQL,
    DBR_PROTOCOL_CLUSTER,
    DBR_PROTOCOL_SNAPSHOT,
    DBR_PROTOCOL_KAD,
    DBR_PROTOCOLS
};

enum {
    DBR_JOINS_MAX = 8,    /* strangers' joins under way at one time */
    DBR_JOINS_BURST = 128, /* and how many in a row, then one each ... */
    DBR_JOINS_EVERY_MS = 500,
    DBR_GUESTS_MAX = 1024,         /* clients that are told of changes */
    DBR_TELL_MS = 50,              /* changes within it are told as one */
    DBR_STOP_MS = 3000,            /* politeness ends */
    DBR_ROLES_MS = 500,            /* the leader looks at the members' places */
    DBR_MEMBERS_RETRY_MS = 500,    /* after a failed look at the tables */
    DBR_MEMBERS_REFRESH_MS = 5000, /* a member without a replica looks again, */
    DBR_MEMBERS_FIRST_MS = 3000,   /* at its start it waits so long at most, */
    DBR_MEMBERS_TOLD_MS = 60000,   /* or, while a voter tells it of changes, so late */
    DBR_ANNOUNCE_RETRY_MS = 2000,
    DBR_INTERNAL_TIMEOUT_MS = 10000,
    DBR_MDNS_AGAIN_MS = 10000, /* between two losses that make the network be asked */
    DBR_HELLO_PATIENCE_MS = 3000 /* a stranger may be listed in entries yet to come */
};

/* Something asynchronous under way, named by its token in swarm and sql. */
enum dbr_ticket_kind {
    DBR_TICKET_REQUEST,  /* of the API, or a peer's call (`stream` is set) */
    DBR_TICKET_MEMBERS,  /* look at the members' table */
    DBR_TICKET_ANNOUNCE, /* our addresses */
    DBR_TICKET_JOIN,     /* a stranger's join */
    DBR_TICKET_HELLO,    /* a stranger's hello: the table may still come to know it */
    DBR_TICKET_REACH,    /* a client's or joiner's first dial of a member */
    DBR_TICKET_DISCOVERY, /* a dial of discovery.c */
    DBR_TICKET_SEARCH,    /* its lookup of a peer that is lost */
    DBR_TICKET_SERVICE    /* what we offer, on its way into the hash table */
};

enum dbr_ticket_state {
    DBR_TICKET_WAITING,    /* a call, for a member to send it to */
    DBR_TICKET_FORWARDED,  /* a call, with the member */
    DBR_TICKET_RUNNING,    /* sql or swarm has it */
    DBR_TICKET_MEASURING,  /* status or health, for dbr_core_measured() */
    DBR_TICKET_IDENTIFYING, /* connected to `peer`, waits for identify */
    DBR_TICKET_LOOKING      /* the hash table has it */
};

struct dbr_ticket {
    UT_hash_handle hh; /* by token */
    uint64_t token;
    enum dbr_ticket_kind kind;
    enum dbr_ticket_state state;
    dbr_time deadline;
    struct dbr_request *request;
    uint64_t stream; /* a peer's call or join: where the answer goes; 0: local */
    uint64_t id;
    struct dbr_peer_id peer;
    struct dbr_peer_id caller; /* of a peer's call */
    uint8_t seed[32];          /* INVITE */
    uint64_t expires;          /* INVITE */
    uint32_t sends;            /* a client's call */
};

/* A stream on which somebody has said hello. */
struct dbr_guest {
    UT_hash_handle hh;
    uint64_t stream;
    struct dbr_peer_id peer;
};

/* One peer of the raft group. */
struct dbr_raft_link {
    UT_hash_handle hh; /* by server id */
    uint64_t server;
    struct dbr_peer_id peer;
    uint64_t stream;   /* ours, for sending; 0: none */
    dbr_time heard_at; /* its last message; 0: none yet */
};

/* An inbound raft stream that has shown our cluster's id. */
struct dbr_raft_inbound {
    UT_hash_handle hh;
    uint64_t stream;
    uint64_t server; /* of the peer */
    char peer[DBR_PEER_ID_TEXT_SIZE];
};

#define DBR_LEARNER_VOTERS 16

/* What a member without a place was told of the raft group. */
struct dbr_learner {
    uint64_t stream; /* to the one that tells; 0: nobody does */
    struct dbr_peer_id host;
    dbr_time ask_at; /* NEVER: a voter tells */
    struct dbr_peer_id voters[DBR_LEARNER_VOTERS];
    size_t n_voters;
    struct dbr_peer_id leader;
    uint64_t term;
};

struct dbr_core {
    struct dbr_core_config config;
    struct dbr_peer_id self;
    uint64_t server;                /* its id in the raft group: a hash, so kept */
    uint64_t leader_server;         /* the last one that was looked up, and */
    struct dbr_peer_id leader_peer; /* who that is */
    struct dbr_multiaddr *bootstrap;
    size_t n_bootstrap;
    struct dbr_invite invite; /* JOINER */
    struct dbr_rng *rng;
    dbr_time started;
    dbr_time now; /* of the last pump */
    int64_t wall_ms;
    bool kad_wall_is_old; /* the hash table has not been told wall_ms */

    struct dbr_swarm *swarm;
    struct dbr_consensus *consensus; /* MEMBER */
    struct dbr_sql *sql;             /* not JOINER */
    struct dbr_transfer *transfer;   /* MEMBER */
    struct dbr_kad_link *kad;        /* MEMBER */
    struct dbr_core_network network; /* the same */
    struct dbr_services services;    /* MEMBER */
    uint64_t put_version;            /* of the last value that was signed */
    struct dbr_mdns *mdns;           /* config.mdns */
    dbr_time mdns_again_at;          /* no loss before it makes the network be asked */

    struct dbr_ring effects;
    struct dbr_ticket *tickets;
    uint64_t next_token;
    dbr_time tickets_at; /* no later than any ticket's deadline */

    uint64_t group; /* the raft group that keeps were decided for, as a sum */
    struct dbr_discovery discovery;
    struct dbr_learner learner;

    struct dbr_members members;
    bool members_known;
    dbr_time members_at; /* when to look at the table; NEVER: no need */
    bool members_running;
    dbr_time announce_at;
    bool announce_running;
    dbr_time roles_at;

    struct dbr_raft_link *links;
    struct dbr_raft_inbound *inbound;
    struct dbr_apply_job *entries; /* committed entries of this drain */
    struct dbr_apply_entry **entries_tail;
    uint64_t applied;
    uint64_t handed_over; /* the last committed entry that the applier was given */
    uint64_t database_size;

    struct dbr_guest *guests; /* by stream */
    dbr_time tell_at;         /* what they know is old */
    struct dbr_bucket joins;
    struct dbr_health_limits health_limits;
    dbr_time leader_heard_at; /* the last message of a leader, or this node led */
    dbr_time apply_moved_at;  /* when the applier began to have work, or gave some back */
    bool is_measuring;        /* MEASURE is on its way */
    uint64_t told_leader;     /* whom the log has named */

    /* CLIENT, JOINER */
    struct dbr_contacts contacts;
    struct dbr_peer_id route;  /* the member that serves us */
    struct dbr_peer_id leader; /* as members say */
    uint64_t leader_term;
    dbr_time connect_by; /* the first answer of a member */
    dbr_time grow_at;    /* more than one connection from then on */
    bool is_ready;
    bool is_joined;

    bool is_stopping;
    bool is_fatal;
    dbr_time stop_at;     /* STOPPED follows, once all is written, or else at ... */
    dbr_time stop_by;
    debros_detail detail; /* of READY's opposite and of FATAL */
    struct dbr_joined joined;
    struct dbr_multiaddr joined_members[DBR_INVITE_MAX_MEMBERS];
};

/* core.c */
void dbr_core_effect(struct dbr_core *core, const struct dbr_effect *effect);
#ifdef __GNUC__
__attribute__((format(printf, 3, 4)))
#endif
void dbr_core_fatal(struct dbr_core *core, int status, const char *format, ...);

/* create.c */
uint32_t dbr_core_election_ms(const struct dbr_core *core);
/* The protocols above the swarm that this node tells others of. Returns how many. */
size_t dbr_core_offered(const struct dbr_core *core, const char *out[DBR_PROTOCOLS]);

/* pump.c */
void dbr_core_pump(struct dbr_core *core, dbr_time now);
/* Carries out what the hash table wants. */
bool dbr_core_pump_kad(struct dbr_core *core, dbr_time now);
/* Queues a job for the applier behind the entries gathered so far. */
void dbr_core_apply_job(struct dbr_core *core, enum dbr_apply_job_type type,
                        uint64_t index, uint64_t freeze);

/* snapshots.c */
int dbr_snapshots_create(struct dbr_core *core, dbr_time now);
void dbr_snapshots_recv(struct dbr_core *core, const struct dbr_swarm_event *event,
                        dbr_time now);
/* FETCH of the log. */
void dbr_snapshots_fetch(struct dbr_core *core, const struct dbr_consensus_event *event,
                         dbr_time now);
bool dbr_snapshots_pump(struct dbr_core *core, dbr_time now);

/* network.c */
/* What the store has read, judged again. */
void dbr_network_start(struct dbr_core *core, const struct dbr_network_batch *found,
                       dbr_time now);
bool dbr_network_pump(struct dbr_core *core, dbr_time now);
void dbr_network_done(struct dbr_core *core, struct dbr_network_job *job, dbr_time now);
dbr_time dbr_network_deadline(const struct dbr_core *core);
/* The node stops: what has gathered goes out at once, the book too. */
void dbr_network_stop(struct dbr_core *core, dbr_time now);
/* Nothing is left to be written, or it cannot be. */
bool dbr_network_is_saved(const struct dbr_core *core);
void dbr_network_finish(struct dbr_core *core);

/* raft_link.c */
void dbr_raft_send(struct dbr_core *core, uint64_t server, const char *address,
                   debros_bytes message, dbr_time now);
void dbr_raft_recv(struct dbr_core *core, const struct dbr_swarm_event *event,
                   dbr_time now);
void dbr_raft_stream_closed(struct dbr_core *core, uint64_t stream);
void dbr_raft_links_finish(struct dbr_core *core);

/* membership.c */
void dbr_membership_start(struct dbr_core *core, dbr_time now);
void dbr_membership_expire(struct dbr_core *core, dbr_time now);
dbr_time dbr_membership_deadline(const struct dbr_core *core);
void dbr_membership_changed(struct dbr_core *core, dbr_time now); /* look again */
void dbr_membership_loaded(struct dbr_core *core, const struct dbr_sql_reply *reply,
                           dbr_time now);
void dbr_membership_announced(struct dbr_core *core, int status, dbr_time now);
bool dbr_membership_has_replica(const struct dbr_core *core);
/* In the raft group, as far as our own log says. */
bool dbr_membership_has_place(const struct dbr_core *core);
/* Connections with the right members, after the group or the table has changed. */
void dbr_membership_keep(struct dbr_core *core, dbr_time now);
/* Our own addresses are others now. */
void dbr_membership_moved(struct dbr_core *core, dbr_time now);
/* Where sql requests go from here. */
void dbr_membership_route(struct dbr_core *core, dbr_time now);
/* Addresses that others may dial, with /p2p. */
size_t dbr_membership_addrs(const struct dbr_core *core, struct dbr_multiaddr *out,
                            size_t max);

/* learner.c */
dbr_time dbr_learner_deadline(const struct dbr_core *core);
void dbr_learner_expire(struct dbr_core *core, dbr_time now);
bool dbr_learner_knows_voter(const struct dbr_core *core, const struct dbr_peer_id *peer);
/* False: the frame is none that it waits for. */
bool dbr_learner_recv(struct dbr_core *core, const struct dbr_swarm_event *event,
                      const struct dbr_cluster_frame *frame, dbr_time now);
bool dbr_learner_stream_closed(struct dbr_core *core, uint64_t stream, dbr_time now);
/* Where requests go: the leader if it can be reached, else any member. */
bool dbr_learner_route(const struct dbr_core *core, struct dbr_peer_id *peer);

/* discovery.c */
void dbr_discovery_start(struct dbr_core *core, dbr_time now);
/* There may be somebody new to dial. */
void dbr_discovery_soon(struct dbr_core *core, dbr_time now);
void dbr_discovery_dialed(struct dbr_core *core, struct dbr_ticket *ticket,
                          const struct dbr_swarm_event *event, dbr_time now);
void dbr_discovery_found(struct dbr_core *core, struct dbr_ticket *ticket,
                         const struct dbr_dht_event *event, dbr_time now);
dbr_time dbr_discovery_deadline(const struct dbr_core *core);
void dbr_discovery_expire(struct dbr_core *core, dbr_time now);

/* tickets.c */
struct dbr_ticket *dbr_ticket_create(struct dbr_core *core, enum dbr_ticket_kind kind,
                                     dbr_time deadline);
struct dbr_ticket *dbr_ticket_find(const struct dbr_core *core, uint64_t token);
void dbr_ticket_destroy(struct dbr_core *core, struct dbr_ticket *ticket);
/* Ends a REQUEST ticket: DONE to the API, or a reply to the peer that called. */
void dbr_ticket_done(struct dbr_core *core, struct dbr_ticket *ticket, int status,
                     const char *detail, dbr_time now);
void dbr_tickets_expire(struct dbr_core *core, dbr_time now);
void dbr_tickets_finish(struct dbr_core *core);

/* requests.c */
/* A peer id, or a multiaddr that ends in one. 0; EINVAL, with detail. */
int dbr_request_peer(struct dbr_peer_id *out, const char *text, debros_detail *detail);
void dbr_request_run(struct dbr_core *core, struct dbr_ticket *ticket, dbr_time now);
/* What sql and swarm answered under a ticket's token. `reply` is taken. */
void dbr_request_sql_done(struct dbr_core *core, struct dbr_ticket *ticket,
                          struct dbr_sql_reply *reply, dbr_time now);
void dbr_request_connected(struct dbr_core *core, struct dbr_ticket *ticket,
                           const struct dbr_swarm_event *event, dbr_time now);
void dbr_request_pinged(struct dbr_core *core, struct dbr_ticket *ticket,
                        const struct dbr_swarm_event *event, dbr_time now);
void dbr_request_identified(struct dbr_core *core, const struct dbr_peer_id *peer,
                            dbr_time now);

/* calls.c */
int dbr_calls_send(struct dbr_core *core, uint64_t stream,
                   const struct dbr_cluster_frame *frame, dbr_time now);
void dbr_calls_recv(struct dbr_core *core, const struct dbr_swarm_event *event,
                    dbr_time now);
void dbr_calls_stream_closed(struct dbr_core *core, const struct dbr_swarm_event *event,
                             dbr_time now);
void dbr_calls_answer(struct dbr_core *core, const struct dbr_ticket *ticket,
                      dbr_time now);
void dbr_calls_hello_due(struct dbr_core *core, struct dbr_ticket *ticket, dbr_time now);
void dbr_calls_members_changed(struct dbr_core *core, dbr_time now);
/* Clients are told soon: who leads, or who belongs, has changed. */
void dbr_calls_changed(struct dbr_core *core, dbr_time now);
void dbr_calls_tell(struct dbr_core *core, dbr_time now);
void dbr_calls_finish(struct dbr_core *core);
void dbr_calls_join_done(struct dbr_core *core, struct dbr_ticket *ticket,
                         const struct dbr_sql_reply *reply, dbr_time now);

/* client.c */
void dbr_client_start(struct dbr_core *core, dbr_time now);
dbr_time dbr_client_deadline(const struct dbr_core *core);
void dbr_client_expire(struct dbr_core *core, dbr_time now);
/* Which addresses were tried, and why each failed. */
void dbr_client_explain(const struct dbr_core *core, char *out, size_t size);
void dbr_client_connected(struct dbr_core *core, const struct dbr_peer_id *peer,
                          dbr_time now);
void dbr_client_disconnected(struct dbr_core *core, const struct dbr_peer_id *peer,
                             dbr_time now);
void dbr_client_reached(struct dbr_core *core, const struct dbr_peer_id *peer,
                        const struct dbr_swarm_event *event, dbr_time now);
void dbr_client_redirected(struct dbr_core *core, const struct dbr_peer_id *leader,
                           const struct dbr_multiaddr *addrs, size_t n_addrs,
                           dbr_time now);
/* False: the stream is none of ours. */
bool dbr_client_recv(struct dbr_core *core, const struct dbr_swarm_event *event,
                     const struct dbr_cluster_frame *frame, dbr_time now);
bool dbr_client_stream_closed(struct dbr_core *core, const struct dbr_swarm_event *event,
                              dbr_time now);
bool dbr_client_is_joiner(const struct dbr_core *core);
void dbr_client_set_ready(struct dbr_core *core);
/* Who serves us from now on. */
void dbr_client_choose_route(struct dbr_core *core, dbr_time now);
/* The connection to a member that is of no use, in words. */
#ifdef __GNUC__
__attribute__((format(printf, 5, 6)))
#endif
void dbr_client_drop(struct dbr_core *core, struct dbr_contact *contact, int status,
                     dbr_time now, const char *format, ...);
/* Where the contact is, for people. */
const char *dbr_client_place(const struct dbr_contact *contact,
                             char text[DBR_MULTIADDR_TEXT_SIZE]);

/* client_hello.c */
/* A member is connected: hello, or our invite. */
void dbr_client_greet(struct dbr_core *core, struct dbr_contact *contact, dbr_time now);
void dbr_client_recv_hello(struct dbr_core *core, struct dbr_contact *contact,
                           const struct dbr_cluster_frame *frame, dbr_time now);
void dbr_client_recv_join(struct dbr_core *core, struct dbr_contact *contact,
                          const struct dbr_cluster_frame *frame, dbr_time now);

/* client_calls.c */
void dbr_client_forward(struct dbr_core *core, struct dbr_ticket *ticket, dbr_time now);
void dbr_client_send_waiting(struct dbr_core *core, dbr_time now);
/* The calls that `peer` has will not be answered. */
void dbr_client_take_calls_back(struct dbr_core *core, const struct dbr_peer_id *peer,
                                dbr_time now);
void dbr_client_recv_reply(struct dbr_core *core, struct dbr_ticket *ticket,
                           debros_bytes message, dbr_time now);

/* mdns_link.c; without config.mdns all of it does nothing. */
int dbr_mdns_link_create(struct dbr_core *core, dbr_time now);
void dbr_mdns_link_destroy(struct dbr_core *core);
/* Our addresses have changed. */
void dbr_mdns_link_tell(struct dbr_core *core, dbr_time now);
/* The last connection to `peer` is gone: it may be somewhere else. */
void dbr_mdns_link_lost(struct dbr_core *core, const struct dbr_peer_id *peer,
                        dbr_time now);
/* What was found goes to swarm and contacts. True: `effect` is a packet to send. */
bool dbr_mdns_link_poll(struct dbr_core *core, struct dbr_effect *effect, dbr_time now);
dbr_time dbr_mdns_link_deadline(const struct dbr_core *core);
void dbr_mdns_link_expire(struct dbr_core *core, dbr_time now);

/* story.c: lines of the log. After each change; after core->members was replaced. */
void dbr_story_role(struct dbr_core *core);
void dbr_story_connection(const struct dbr_core *core, const struct dbr_peer_id *peer,
                          bool is_open);
void dbr_story_members(const struct dbr_core *core, const struct dbr_members *old);
void dbr_story_applied(const struct dbr_core *core, const struct dbr_apply_job *job);

/* views.c: into request->arena; 0 or ENOMEM */
/* The status takes its health from request->health. */
int dbr_view_status(const struct dbr_core *core, struct dbr_request *request,
                    dbr_time now);
int dbr_view_peers(const struct dbr_core *core, struct dbr_request *request);
int dbr_view_peer(const struct dbr_core *core, struct dbr_request *request,
                  const struct dbr_peer_id *peer);
int dbr_view_fill(const struct dbr_core *core, struct dbr_arena *arena,
                  const struct dbr_peer_info *info, debros_peer *out);

/* kad_views.c: the same */
int dbr_view_table(const struct dbr_core *core, struct dbr_request *request,
                   dbr_time now);
int dbr_view_kad_status(const struct dbr_core *core, struct dbr_arena *arena,
                        debros_status *status);
/* Peers of whom the swarm may know nothing, ourselves among them. */
int dbr_view_found(const struct dbr_core *core, struct dbr_request *request,
                   const struct dbr_peer_id *ids, size_t n);
/* These addresses and no others. */
int dbr_view_addrs(struct dbr_request *request, debros_peer *peer,
                   const struct dbr_multiaddr *addrs, size_t n);

#endif
