#include "members.h"

#include "base/alloc.h"

enum { COLUMN_IS_CLIENT, COLUMN_PEER, COLUMN_ADDRS, N_COLUMNS };

const char dbr_members_query[] = "SELECT 0, peer, addrs FROM members "
                                 "UNION ALL SELECT 1, peer, '' FROM clients";

/* Lines of multiaddrs; those that do not parse are left out. 0 or ENOMEM. */
static int take_addrs(struct dbr_member *member, debros_bytes lines)
{
    struct dbr_multiaddr addrs[DBR_MEMBER_ADDRS];
    const char *at = (const char *)lines.data;
    const char *end = at + lines.len;
    while (at < end && member->n_addrs < DBR_MEMBER_ADDRS) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((stop != NULL ? stop : end) - at);
        char text[DBR_MULTIADDR_TEXT_SIZE];
        if (len < sizeof(text)) {
            memcpy(text, at, len);
            text[len] = '\0';
            if (dbr_multiaddr_parse(&addrs[member->n_addrs], text, NULL) == 0) {
                member->n_addrs++;
            }
        }
        at += len + 1;
    }
    if (member->n_addrs == 0) {
        return 0;
    }
    member->addrs = dbr_calloc(member->n_addrs, sizeof(addrs[0]));
    if (member->addrs == NULL) {
        return DEBROS_ENOMEM;
    }
    memcpy(member->addrs, addrs, member->n_addrs * sizeof(addrs[0]));
    return 0;
}

static int take_row(struct dbr_member *member, const debros_value *row)
{
    *member = (struct dbr_member){0};
    if (row[COLUMN_IS_CLIENT].type != DEBROS_INTEGER ||
        row[COLUMN_PEER].type != DEBROS_TEXT || row[COLUMN_ADDRS].type != DEBROS_TEXT) {
        return DEBROS_EPROTO;
    }
    debros_bytes peer = row[COLUMN_PEER].as.bytes;
    if (dbr_peer_id_parse(&member->peer, (const char *)peer.data, peer.len) != 0) {
        return DEBROS_EPROTO;
    }
    member->is_client = row[COLUMN_IS_CLIENT].as.integer != 0;
    return take_addrs(member, row[COLUMN_ADDRS].as.bytes);
}

int dbr_members_take(struct dbr_members *members, const debros_result *rows)
{
    if (rows->n_columns != N_COLUMNS) {
        return DEBROS_EPROTO;
    }
    struct dbr_members taken = {0};
    taken.items = dbr_calloc(rows->n_rows + 1, sizeof(*taken.items));
    if (taken.items == NULL) {
        return DEBROS_ENOMEM;
    }
    for (; taken.n < rows->n_rows; taken.n++) {
        int err = take_row(&taken.items[taken.n], &rows->cells[taken.n * N_COLUMNS]);
        if (err != 0) {
            dbr_members_finish(&taken);
            return err;
        }
    }
    dbr_members_finish(members);
    *members = taken;
    return 0;
}

void dbr_members_finish(struct dbr_members *members)
{
    for (size_t i = 0; i < members->n; i++) {
        dbr_free(members->items[i].addrs);
    }
    dbr_free(members->items);
    *members = (struct dbr_members){0};
}

const struct dbr_member *dbr_members_find(const struct dbr_members *members,
                                          const struct dbr_peer_id *peer)
{
    for (size_t i = 0; i < members->n; i++) {
        if (dbr_peer_id_equal(&members->items[i].peer, peer)) {
            return &members->items[i];
        }
    }
    return NULL;
}
