/* The members that a client or a joiner knows: where they are, how far the talk with each
 * has come, and why it failed. A table without outputs of its own; client.c acts on it.
 */
#ifndef DBR_CORE_CONTACTS_H
#define DBR_CORE_CONTACTS_H

#include "base/clock.h"
#include "base/rng.h"
#include "cluster/members.h"
#include "cluster/message.h"

#define DBR_CONTACTS_MAX  DBR_CLUSTER_MAX_LISTED
#define DBR_CONTACTS_TEXT 400 /* bytes of the reasons of one round of dials */
#define DBR_CONTACT_HINTS 3   /* places of one member that nobody proves */
#define DBR_CONTACT_HINT_MS 1000 /* at most so long it waits for a pause or an attempt */

enum dbr_contact_state {
    DBR_CONTACT_IDLE, /* not connected, may be dialed from `until` on */
    DBR_CONTACT_DIALING,
    DBR_CONTACT_GREETING, /* connected, must answer our first words by `until` */
    DBR_CONTACT_READY     /* serves */
};

struct dbr_contact {
    struct dbr_peer_id peer;
    struct dbr_multiaddr addrs[DBR_MEMBER_ADDRS]; /* with /p2p */
    size_t n_addrs;
    struct dbr_multiaddr hints[DBR_CONTACT_HINTS]; /* with /p2p, the newest first: they
                                                      are dialed after the others */
    size_t n_hints;
    size_t next_addr; /* of this round of dials */
    bool given;       /* by the configuration: never forgotten */
    bool votes;
    bool no_database; /* it has said what it offers, and this was not among it */
    enum dbr_contact_state state;
    uint64_t stream; /* ours to it; 0: none */
    dbr_time until;
    dbr_time dialed_at;
    dbr_time suspect_until; /* it did not answer in time: others are better */
    uint32_t delay_ms;      /* of the last pause before jitter */
    int status;             /* of the last failure; 0: none since it was ready */
    char why[DBR_CONTACTS_TEXT];
};

struct dbr_contacts {
    struct dbr_contact *items; /* heap */
    size_t n;
};

void dbr_contacts_finish(struct dbr_contacts *contacts);
/* Finds the peer of `addr`, which ends in /p2p, or makes it, and knows the address. NULL:
 * the table is full, or out of memory. Moves items. */
struct dbr_contact *dbr_contacts_add(struct dbr_contacts *contacts,
                                     const struct dbr_multiaddr *addr);
/* Somebody says that `peer` is at `addr`, with or without /p2p: if it is known, a place
 * to dial it at, soon, that takes the room of no other one but older hints. */
void dbr_contacts_hint(struct dbr_contacts *contacts, const struct dbr_peer_id *peer,
                       const struct dbr_multiaddr *addr, dbr_time now);
/* What a member listed. Who is neither listed nor given nor in use is forgotten. */
void dbr_contacts_learn(struct dbr_contacts *contacts,
                        const struct dbr_listed_member *listed, size_t n);
struct dbr_contact *dbr_contacts_find(const struct dbr_contacts *contacts,
                                      const struct dbr_peer_id *peer);
struct dbr_contact *dbr_contacts_of_stream(const struct dbr_contacts *contacts,
                                           uint64_t stream);
/* Those that are not idle. */
size_t dbr_contacts_active(const struct dbr_contacts *contacts);
/* Who is to be dialed next: the leader, then voters, then the others in their order; all
 * those that offer the database before those that do not.
 * NULL: nobody may be at this time. */
struct dbr_contact *dbr_contacts_next(const struct dbr_contacts *contacts,
                                      const struct dbr_peer_id *leader, dbr_time now);
/* When somebody idle may be dialed; NEVER: everybody is in use. */
dbr_time dbr_contacts_deadline(const struct dbr_contacts *contacts);
/* Whom to send requests to: the leader, else `current`, else a voter, else anybody that
 * is ready; suspects behind them, those without the database last. NULL: nobody is
 * ready. */
struct dbr_contact *dbr_contacts_best(const struct dbr_contacts *contacts,
                                      const struct dbr_peer_id *leader,
                                      const struct dbr_peer_id *current, dbr_time now);

/* It is being dialed where nobody has answered for long, and hints wait: better there.
 * Who is near answers sooner. */
bool dbr_contact_should_leave(const struct dbr_contact *contact, dbr_time now);
/* Where the contact is dialed next. It has one address at least. */
const struct dbr_multiaddr *dbr_contact_addr(const struct dbr_contact *contact);
/* An attempt has failed: notes why. Its next address is to be tried at once; after the
 * last one a pause follows, twice as long each time, up to `max_ms`, less a random part.
 */
void dbr_contact_failed(struct dbr_contact *contact, int status, const char *why,
                        uint32_t max_ms, struct dbr_rng *rng, dbr_time now);
/* It serves: what was wrong is forgotten. */
void dbr_contact_ready(struct dbr_contact *contact);
/* Every contact has failed, in a way that another attempt will not mend. The status. */
int dbr_contacts_hopeless(const struct dbr_contacts *contacts);
/* "/ip4/...: connection refused; /ip4/...: no answer": everybody's reasons. */
void dbr_contacts_explain(const struct dbr_contacts *contacts, char *out, size_t size);

#endif
