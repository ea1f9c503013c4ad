#include "roles.h"

static size_t count(const struct dbr_candidate *candidates, size_t n,
                    enum dbr_place place)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        found += candidates[i].place == place;
    }
    return found;
}

static bool find_online(const struct dbr_candidate *candidates, size_t n,
                        enum dbr_place place, size_t *which)
{
    for (size_t i = 0; i < n; i++) {
        if (candidates[i].place == place && candidates[i].is_online) {
            *which = i;
            return true;
        }
    }
    return false;
}

enum dbr_role_change dbr_roles_next(const struct dbr_candidate *candidates, size_t n,
                                    size_t *which)
{
    size_t voters = count(candidates, n, DBR_PLACE_VOTER);
    size_t standbys = count(candidates, n, DBR_PLACE_STANDBY);
    if (voters < DBR_ROLES_VOTERS &&
        find_online(candidates, n, DBR_PLACE_STANDBY, which)) {
        return DBR_CHANGE_VOTER;
    }
    if (voters + standbys >= DBR_ROLES_VOTERS + DBR_ROLES_STANDBYS) {
        return DBR_CHANGE_NOTHING;
    }
    if (find_online(candidates, n, DBR_PLACE_SPARE, which)) {
        return DBR_CHANGE_STANDBY;
    }
    if (find_online(candidates, n, DBR_PLACE_NONE, which)) {
        return DBR_CHANGE_ADD;
    }
    return DBR_CHANGE_NOTHING;
}
