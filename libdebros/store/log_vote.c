/* The file log/vote: made with the log, written when term or vote have changed and at a
 * clean end. */
#include <inttypes.h>

#include "base/detail.h"
#include "base/failpoint.h"
#include "log_private.h"
#include "store.h"

#define VOTE_PATH DBR_LOG_FOLDER "/vote"

int dbr_log_vote_write(struct dbr_log *log, const struct dbr_vote *vote)
{
    DBR_FAILPOINT("store.log_vote.write");
    struct dbr_log_votes *votes = &log->votes;
    uint8_t slot[DBR_VOTE_SLOT];
    struct dbr_vote next = *vote;
    next.seq = votes->last.seq + 1;
    dbr_vote_encode(slot, &next);
    int err = log->fs->ops->write(log->fs, votes->file, slot, sizeof(slot),
                                  next.seq % 2 * DBR_VOTE_BLOCK);
    if (err == 0) {
        err = log->fs->ops->sync(log->fs, votes->file);
    }
    votes->last = err == 0 ? next : votes->last;
    return err;
}

/* Where the log ends now. */
static struct dbr_vote vote_now(const struct dbr_log *log)
{
    return (struct dbr_vote){
        .term = log->head.term,
        .vote = log->head.vote,
        .segment = log->n_segments == 0 ? 0 : log->segments[log->n_segments - 1].number,
        .offset = log->offset};
}

int dbr_log_vote_settle(struct dbr_log *log)
{
    struct dbr_vote now = vote_now(log);
    const struct dbr_vote *last = &log->votes.last;
    if (log->votes.file == NULL || log->failed ||
        (now.term == last->term && now.vote == last->vote &&
         now.segment == last->segment && now.offset == last->offset)) {
        return 0;
    }
    return dbr_log_vote_write(log, &now);
}

/* Both slots in place: later writes only overwrite. */
static int make_file(struct dbr_log *log)
{
    static const uint8_t zeroes[DBR_VOTE_FILE];
    int err = log->fs->ops->write(log->fs, log->votes.file, zeroes, sizeof(zeroes), 0);
    log->votes.last = (struct dbr_vote){0};
    if (err == 0) {
        err = dbr_log_vote_write(log, &(struct dbr_vote){0});
    }
    return err == 0 ? log->fs->ops->sync_dir(log->fs, DBR_LOG_FOLDER) : err;
}

static int choose(struct dbr_log *log, bool is_new, debros_detail *detail)
{
    uint8_t bytes[DBR_VOTE_FILE] = {0};
    size_t damaged = 0;
    bool empty = false;
    int64_t got = log->fs->ops->read(log->fs, log->votes.file, bytes, sizeof(bytes), 0);
    if (got < 0) {
        return dbr_detail_set(detail, (int)got, "%s/%s: cannot be read: %s",
                              log->fs->root, VOTE_PATH, debros_strerror((int)got));
    }
    int err = dbr_vote_choose(&log->votes.last, dbr_bytes(bytes, sizeof(bytes)), &damaged,
                              &empty);
    if (err != 0 && empty && is_new) {
        err = make_file(log); /* the power went before it had content */
        return err == 0 ? 0
                        : dbr_detail_set(detail, err, "%s/%s: cannot be written: %s",
                                         log->fs->root, VOTE_PATH, debros_strerror(err));
    }
    if (err != 0) {
        return dbr_detail_set(
            detail, err,
            "%s/%s: damaged, term and vote cannot be known: restore this node from the "
            "others (a new folder, then join)",
            log->fs->root, VOTE_PATH);
    }
    if (damaged > 0) {
        dbr_log(log->logger, DEBROS_LOG_WARN, "store",
                "%s: one of two slots is damaged, the other one is used", VOTE_PATH);
    }
    return 0;
}

int dbr_log_vote_open(struct dbr_log *log, bool is_new, debros_detail *detail)
{
    DBR_FAILPOINT("store.log_vote.open");
    struct dbr_fs *fs = log->fs;
    bool exists = fs->ops->exists(fs, VOTE_PATH);
    if (!exists && !is_new) {
        return dbr_detail_set(detail, DEBROS_EIO,
                              "%s/%s: is missing: restore this node from the others (a "
                              "new folder, then join)",
                              fs->root, VOTE_PATH);
    }
    int err = fs->ops->open(fs, &log->votes.file, VOTE_PATH, DBR_FS_CREATE);
    if (err != 0) {
        return dbr_detail_set(detail, err, "%s/%s: cannot be opened: %s", fs->root,
                              VOTE_PATH, debros_strerror(err));
    }
    return choose(log, is_new, detail);
}

int dbr_log_vote_check(const struct dbr_log *log, debros_detail *detail)
{
    const struct dbr_vote *slot = &log->votes.last;
    struct dbr_vote now = vote_now(log);
    if (now.segment < slot->segment ||
        (now.segment == slot->segment && now.offset < slot->offset)) {
        char path[DBR_PATH_MAX];
        dbr_log_path(path, slot->segment);
        return dbr_detail_set(
            detail, DEBROS_EIO,
            "%s/%s: damaged at offset %" PRIu64 ": everything before offset %" PRIu64
            " had been written: restore this node from the others (a new folder, then "
            "join)",
            log->fs->root, path, now.segment == slot->segment ? now.offset : 0,
            slot->offset);
    }
    if (now.term < slot->term ||
        (now.term == slot->term && slot->vote != 0 && now.vote == 0)) {
        return dbr_detail_set(
            detail, DEBROS_EIO,
            "%s/%s: knows term %" PRIu64 " and vote %" PRIu64 ", the log knows %" PRIu64
            " and %" PRIu64 ": restore this node from the others (a new folder, then "
            "join)",
            log->fs->root, VOTE_PATH, slot->term, slot->vote, now.term, now.vote);
    }
    return 0;
}
