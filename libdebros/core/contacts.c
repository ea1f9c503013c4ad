#include "core/contacts.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "core/services.h"

#define PAUSE_MIN_MS 250

void dbr_contacts_finish(struct dbr_contacts *contacts)
{
    dbr_free(contacts->items);
    *contacts = (struct dbr_contacts){0};
}

/* ---- Who is known ----------------------------------------------------------- */

struct dbr_contact *dbr_contacts_find(const struct dbr_contacts *contacts,
                                      const struct dbr_peer_id *peer)
{
    for (size_t i = 0; i < contacts->n; i++) {
        if (dbr_peer_id_equal(&contacts->items[i].peer, peer)) {
            return &contacts->items[i];
        }
    }
    return NULL;
}

struct dbr_contact *dbr_contacts_of_stream(const struct dbr_contacts *contacts,
                                           uint64_t stream)
{
    for (size_t i = 0; stream != 0 && i < contacts->n; i++) {
        if (contacts->items[i].stream == stream) {
            return &contacts->items[i];
        }
    }
    return NULL;
}

static struct dbr_contact *create(struct dbr_contacts *contacts,
                                  const struct dbr_peer_id *peer)
{
    if (contacts->n == DBR_CONTACTS_MAX) {
        return NULL;
    }
    struct dbr_contact *items =
        dbr_realloc(contacts->items, (contacts->n + 1) * sizeof(*items));
    if (items == NULL) {
        return NULL;
    }
    contacts->items = items;
    struct dbr_contact *contact = &items[contacts->n++];
    *contact = (struct dbr_contact){.peer = *peer};
    return contact;
}

static void add_addr(struct dbr_contact *contact, const struct dbr_multiaddr *addr)
{
    for (size_t i = 0; i < contact->n_addrs; i++) {
        if (dbr_multiaddr_equal(&contact->addrs[i], addr)) {
            return;
        }
    }
    if (contact->n_addrs < DBR_MEMBER_ADDRS) {
        contact->addrs[contact->n_addrs++] = *addr;
        return;
    }
    /* The first one was given, perhaps; the newest are most likely true. */
    memmove(&contact->addrs[1], &contact->addrs[2],
            (DBR_MEMBER_ADDRS - 2) * sizeof(contact->addrs[0]));
    contact->addrs[DBR_MEMBER_ADDRS - 1] = *addr;
}

struct dbr_contact *dbr_contacts_add(struct dbr_contacts *contacts,
                                     const struct dbr_multiaddr *addr)
{
    struct dbr_peer_id peer;
    if (!dbr_multiaddr_peer(addr, &peer)) {
        return NULL;
    }
    struct dbr_contact *contact = dbr_contacts_find(contacts, &peer);
    if (contact == NULL) {
        contact = create(contacts, &peer);
    }
    if (contact != NULL) {
        add_addr(contact, addr);
    }
    return contact;
}

static size_t n_places(const struct dbr_contact *contact)
{
    return contact->n_addrs + contact->n_hints;
}

static const struct dbr_multiaddr *place(const struct dbr_contact *contact, size_t i)
{
    return i < contact->n_addrs ? &contact->addrs[i]
                                : &contact->hints[i - contact->n_addrs];
}

void dbr_contacts_hint(struct dbr_contacts *contacts, const struct dbr_peer_id *peer,
                       const struct dbr_multiaddr *addr, dbr_time now)
{
    struct dbr_contact *contact = dbr_contacts_find(contacts, peer);
    struct dbr_multiaddr full = *addr;
    if (contact == NULL || dbr_multiaddr_set_peer(&full, peer) != 0) {
        return;
    }
    for (size_t i = 0; i < n_places(contact); i++) {
        if (dbr_multiaddr_equal(place(contact, i), &full)) {
            return;
        }
    }
    contact->n_hints += contact->n_hints < DBR_CONTACT_HINTS ? 1 : 0;
    memmove(&contact->hints[1], &contact->hints[0],
            (contact->n_hints - 1) * sizeof(contact->hints[0]));
    contact->hints[0] = full;
    if (contact->state == DBR_CONTACT_IDLE) {
        contact->until =
            dbr_time_min(contact->until, dbr_time_add(now, DBR_CONTACT_HINT_MS));
    }
}

static bool is_listed(const struct dbr_contact *contact,
                      const struct dbr_listed_member *listed, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (dbr_peer_id_equal(&contact->peer, &listed[i].peer)) {
            return true;
        }
    }
    return false;
}

static void forget(struct dbr_contacts *contacts, const struct dbr_listed_member *listed,
                   size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < contacts->n; i++) {
        const struct dbr_contact *contact = &contacts->items[i];
        if (contact->given || contact->state != DBR_CONTACT_IDLE ||
            is_listed(contact, listed, n)) {
            contacts->items[kept++] = *contact;
        }
    }
    contacts->n = kept;
}

/* Who has not been heard to say what it offers is not held to lack it. */
static bool lacks_database(const struct dbr_listed_member *listed)
{
    const char *name = dbr_service_name(DBR_SERVICE_DATABASE);
    for (size_t i = 0; i < listed->n_services; i++) {
        if (strcmp(listed->services[i], name) == 0) {
            return false;
        }
    }
    return listed->n_services > 0;
}

void dbr_contacts_learn(struct dbr_contacts *contacts,
                        const struct dbr_listed_member *listed, size_t n)
{
    if (n == 0) {
        return; /* it has not read its table yet */
    }
    forget(contacts, listed, n);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < listed[i].n_addrs; k++) {
            struct dbr_peer_id peer;
            if (dbr_multiaddr_peer(&listed[i].addrs[k], &peer) &&
                dbr_peer_id_equal(&peer, &listed[i].peer)) {
                dbr_contacts_add(contacts, &listed[i].addrs[k]);
            }
        }
        struct dbr_contact *contact = dbr_contacts_find(contacts, &listed[i].peer);
        if (contact != NULL) {
            contact->votes = listed[i].votes;
            contact->no_database = lacks_database(&listed[i]);
        }
    }
}

/* ---- Choices ---------------------------------------------------------------- */

size_t dbr_contacts_active(const struct dbr_contacts *contacts)
{
    size_t n = 0;
    for (size_t i = 0; i < contacts->n; i++) {
        n += contacts->items[i].state != DBR_CONTACT_IDLE;
    }
    return n;
}

static int worth(const struct dbr_contact *contact, const struct dbr_peer_id *leader)
{
    return 4 * !contact->no_database + 2 * dbr_peer_id_equal(&contact->peer, leader) +
           contact->votes;
}

struct dbr_contact *dbr_contacts_next(const struct dbr_contacts *contacts,
                                      const struct dbr_peer_id *leader, dbr_time now)
{
    struct dbr_contact *best = NULL;
    for (size_t i = 0; i < contacts->n; i++) {
        struct dbr_contact *contact = &contacts->items[i];
        bool may_be = contact->state == DBR_CONTACT_IDLE && n_places(contact) > 0 &&
                      contact->until <= now;
        if (may_be && (best == NULL || worth(contact, leader) > worth(best, leader))) {
            best = contact;
        }
    }
    return best;
}

dbr_time dbr_contacts_deadline(const struct dbr_contacts *contacts)
{
    dbr_time at = DBR_TIME_NEVER;
    for (size_t i = 0; i < contacts->n; i++) {
        const struct dbr_contact *contact = &contacts->items[i];
        if (contact->state == DBR_CONTACT_IDLE && n_places(contact) > 0) {
            at = dbr_time_min(at, contact->until);
        }
    }
    return at;
}

struct dbr_contact *dbr_contacts_best(const struct dbr_contacts *contacts,
                                      const struct dbr_peer_id *leader,
                                      const struct dbr_peer_id *current, dbr_time now)
{
    struct dbr_contact *best = NULL;
    int best_worth = -1;
    for (size_t i = 0; i < contacts->n; i++) {
        struct dbr_contact *contact = &contacts->items[i];
        if (contact->state != DBR_CONTACT_READY) {
            continue;
        }
        int value = 16 * !contact->no_database +
                    8 * (contact->suspect_until <= now) +
                    4 * dbr_peer_id_equal(&contact->peer, leader) +
                    2 * dbr_peer_id_equal(&contact->peer, current) + contact->votes;
        if (value > best_worth) {
            best = contact;
            best_worth = value;
        }
    }
    return best;
}

/* ---- Failures --------------------------------------------------------------- */

const struct dbr_multiaddr *dbr_contact_addr(const struct dbr_contact *contact)
{
    return place(contact, contact->next_addr);
}

bool dbr_contact_should_leave(const struct dbr_contact *contact, dbr_time now)
{
    return contact->state == DBR_CONTACT_DIALING && contact->n_hints > 0 &&
           contact->next_addr < contact->n_addrs &&
           dbr_time_add(contact->dialed_at, DBR_CONTACT_HINT_MS) <= now;
}

static bool is_for_good(int status)
{
    return status == DEBROS_EAUTH || status == DEBROS_EACCES || status == DEBROS_EPROTO ||
           status == DEBROS_EINVAL;
}

void dbr_contact_failed(struct dbr_contact *contact, int status, const char *why,
                        uint32_t max_ms, struct dbr_rng *rng, dbr_time now)
{
    size_t len = contact->next_addr > 0 ? strlen(contact->why) : 0;
    snprintf(contact->why + len, sizeof(contact->why) - len, "%s%s", len > 0 ? "; " : "",
             why);
    contact->status = status;
    contact->state = DBR_CONTACT_IDLE;
    contact->stream = 0;
    contact->until = now;
    if (++contact->next_addr < n_places(contact)) {
        return;
    }
    contact->next_addr = 0;
    uint64_t delay =
        contact->delay_ms == 0 ? PAUSE_MIN_MS : (uint64_t)contact->delay_ms * 2;
    delay = delay < max_ms ? delay : max_ms;
    contact->delay_ms = (uint32_t)delay;
    contact->until = dbr_time_add(now, delay - dbr_rng_below(rng, delay / 2 + 1));
}

void dbr_contact_ready(struct dbr_contact *contact)
{
    contact->state = DBR_CONTACT_READY;
    contact->status = 0;
    contact->delay_ms = 0;
    contact->next_addr = 0;
    contact->why[0] = '\0';
}

int dbr_contacts_hopeless(const struct dbr_contacts *contacts)
{
    for (size_t i = 0; i < contacts->n; i++) {
        const struct dbr_contact *contact = &contacts->items[i];
        if (contact->state != DBR_CONTACT_IDLE || contact->next_addr != 0 ||
            !is_for_good(contact->status)) {
            return 0;
        }
    }
    return contacts->n > 0 ? contacts->items[0].status : 0;
}

void dbr_contacts_explain(const struct dbr_contacts *contacts, char *out, size_t size)
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < contacts->n && len < size; i++) {
        const struct dbr_contact *contact = &contacts->items[i];
        char text[DBR_MULTIADDR_TEXT_SIZE];
        const char *separator = len > 0 ? "; " : "";
        int n = 0;
        if (contact->why[0] != '\0') {
            n = snprintf(out + len, size - len, "%s%s", separator, contact->why);
        } else if (contact->state != DBR_CONTACT_READY && contact->n_addrs > 0) {
            n = snprintf(out + len, size - len, "%s%s: %s", separator,
                         dbr_multiaddr_text(&contact->addrs[0], text),
                         contact->state == DBR_CONTACT_IDLE ? "not tried"
                                                            : "no answer yet");
        }
        len += n > 0 ? (size_t)n : 0;
    }
}
