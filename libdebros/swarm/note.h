/* Events wait as notes inside the thing that they tell of: queueing one needs no memory,
 * cannot fail and happens at most once for each thing and kind. */
#ifndef DBR_SWARM_NOTE_H
#define DBR_SWARM_NOTE_H

#include "base/list.h"
#include "swarm.h"

struct dbr_note {
    struct dbr_list node; /* linked to itself: not queued */
    enum dbr_swarm_event_type type;
};

static inline void dbr_note_init(struct dbr_note *note, enum dbr_swarm_event_type type)
{
    dbr_list_init(&note->node);
    note->type = type;
}

static inline bool dbr_note_is_queued(const struct dbr_note *note)
{
    return !dbr_list_is_empty(&note->node);
}

static inline void dbr_note_push(struct dbr_list *notes, struct dbr_note *note)
{
    if (!dbr_note_is_queued(note)) {
        dbr_list_push_back(notes, &note->node);
    }
}

/* Before all others. */
static inline void dbr_note_push_front(struct dbr_list *notes, struct dbr_note *note)
{
    if (!dbr_note_is_queued(note)) {
        dbr_list_push_back(notes->next, &note->node);
    }
}

static inline void dbr_note_cancel(struct dbr_note *note)
{
    dbr_list_remove(&note->node);
}

#endif
