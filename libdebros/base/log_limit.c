#include "log_limit.h"

#include <stdio.h>
#include <string.h>

#include "text.h"

/* Cuts between two characters. */
#ifdef __GNUC__
__attribute__((format(printf, 3, 4)))
#endif
static void
put(char *out, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    dbr_text_format(out, size, format, args);
    va_end(args);
}

static bool is_over(const struct dbr_log_limit_slot *slot, dbr_time now)
{
    return slot->site != NULL && dbr_time_add(slot->begin, DBR_LOG_LIMIT_MS) <= now;
}

/* A free one, or one whose time is over without anything to tell. */
static bool is_free(const struct dbr_log_limit_slot *slot, dbr_time now)
{
    return slot->site == NULL || (is_over(slot, now) && slot->n <= DBR_LOG_LIMIT_BURST);
}

static struct dbr_log_limit_slot *find(struct dbr_log_limit *limit, const char *site,
                                       const char *peer, dbr_time now)
{
    struct dbr_log_limit_slot *free_slot = &limit->others;
    for (size_t i = 0; i < DBR_LOG_LIMIT_SLOTS; i++) {
        struct dbr_log_limit_slot *slot = &limit->slots[i];
        if (slot->site == site && strncmp(slot->peer, peer, DBR_LOG_PEER_LEN) == 0) {
            return slot;
        }
        if (free_slot == &limit->others && is_free(slot, now)) {
            free_slot = slot;
            slot->site = NULL;
        }
    }
    return free_slot;
}

bool dbr_log_limit_pass(struct dbr_log_limit *limit, const debros_log_record *record,
                        const char *site, dbr_time now)
{
    if (record->level >= DEBROS_LOG_DEBUG) {
        return true;
    }
    struct dbr_log_limit_slot *slot = find(limit, site, record->peer, now);
    if (is_free(slot, now)) {
        *slot = (struct dbr_log_limit_slot){.site = site, .begin = now};
        bool is_shared = slot == &limit->others;
        put(slot->peer, sizeof(slot->peer), "%s", is_shared ? "" : record->peer);
    }
    if (++slot->n <= DBR_LOG_LIMIT_BURST) {
        return true;
    }
    slot->module = record->module;
    slot->level = record->level;
    put(slot->message, sizeof(slot->message), "%s", record->message);
    return false;
}

static bool tell(struct dbr_log_limit *limit, struct dbr_log_limit_slot *slot,
                 debros_log_record *record)
{
    put(limit->text, sizeof(limit->text), "... %u more like this in %u s: %s",
        slot->n - DBR_LOG_LIMIT_BURST, DBR_LOG_LIMIT_MS / 1000, slot->message);
    *record = (debros_log_record){.level = slot->level,
                                  .module = slot->module,
                                  .peer = slot->peer,
                                  .message = limit->text};
    slot->site = NULL;
    return true;
}

bool dbr_log_limit_poll(struct dbr_log_limit *limit, debros_log_record *record,
                        dbr_time now)
{
    for (size_t i = 0; i <= DBR_LOG_LIMIT_SLOTS; i++) {
        struct dbr_log_limit_slot *slot =
            i < DBR_LOG_LIMIT_SLOTS ? &limit->slots[i] : &limit->others;
        if (is_over(slot, now) && slot->n > DBR_LOG_LIMIT_BURST) {
            return tell(limit, slot, record);
        }
    }
    return false;
}

dbr_time dbr_log_limit_deadline(const struct dbr_log_limit *limit)
{
    dbr_time at = DBR_TIME_NEVER;
    for (size_t i = 0; i <= DBR_LOG_LIMIT_SLOTS; i++) {
        const struct dbr_log_limit_slot *slot =
            i < DBR_LOG_LIMIT_SLOTS ? &limit->slots[i] : &limit->others;
        if (slot->site != NULL && slot->n > DBR_LOG_LIMIT_BURST) {
            at = dbr_time_min(at, dbr_time_add(slot->begin, DBR_LOG_LIMIT_MS));
        }
    }
    return at;
}
