/* The bulk worker of the simulated nodes: jobs on the files of snapshots, one at a time,
 * at their own pace. And what may befall these files. */
#include "store/snapfile.h"
#include "world.h"

#define DAMAGE_ODDS 400
#define HARASS_ODDS 300

void sim_bulk_start(struct sim_world *w, int i)
{
    struct sim_node *node = &w->nodes[i];
    if (node->bulk_running || node->bulk_head == NULL) {
        return;
    }
    uint64_t spread = w->now < node->disk_slow_until ? 200 : 12;
    node->bulk_running = true;
    sim_push(w, (struct sim_event){.at = w->now + dbr_rng_below(&w->disk_rng, spread),
                                   .type = SIM_BULK,
                                   .node = i,
                                   .incarnation = node->incarnation});
}

void sim_bulk_add(struct sim_world *w, int i, struct dbr_bulk_job *job)
{
    struct sim_node *node = &w->nodes[i];
    job->next = NULL;
    *node->bulk_tail = job;
    node->bulk_tail = &job->next;
    (void)w;
}

void sim_bulk_drop(struct sim_world *w, int i)
{
    struct sim_node *node = &w->nodes[i];
    (void)w;
    while (node->bulk_head != NULL) {
        struct dbr_bulk_job *next = node->bulk_head->next;
        dbr_bulk_job_destroy(node->bulk_head);
        node->bulk_head = next;
    }
    node->bulk_tail = &node->bulk_head;
    node->bulk_running = false;
}

static bool torments(const struct sim_world *w)
{
    return w->faults && w->config.nemesis == SIM_NEMESIS_MIXED &&
           (w->config.skip == NULL || !w->config.skip[0]);
}

/* ---- Bit rot -------------------------------------------------------------------------
 */

struct pick {
    struct sim_world *w;
    const char *folder;
    const char *prefix;
    char name[DBR_PATH_MAX];
    uint64_t seen;
};

static void pick_one(void *data, const char *name)
{
    struct pick *pick = data;
    const char *dash = strchr(name, '-');
    bool is_file = strncmp(name, pick->prefix, strlen(pick->prefix)) == 0 &&
                   dash != NULL && strchr(dash + 1, '-') != NULL;
    if (is_file && dbr_rng_below(&pick->w->aim_rng, ++pick->seen) == 0) {
        dbr_path_format(pick->name, "%s/%s", pick->folder, name);
    }
}

/* A byte of a copy, or of what has been received and not hashed yet. */
static void rot(struct sim_world *w, int i, const char *folder, const char *prefix)
{
    struct dbr_fs *fs = sim_disk_fs(w->nodes[i].disk);
    struct pick pick = {.w = w, .folder = folder, .prefix = prefix};
    size_t len = 0;
    if (!torments(w) || dbr_rng_below(&w->aim_rng, DAMAGE_ODDS) != 0 ||
        fs->ops->list(fs, folder, pick_one, &pick) != 0 || pick.seen == 0) {
        return;
    }
    uint8_t *bytes = sim_disk_data(w->nodes[i].disk, pick.name, &len);
    if (bytes != NULL && len > 0) {
        bytes[dbr_rng_below(&w->aim_rng, len)] ^= 0x40;
        sim_seen(w, SIM_SEEN_ROT);
        sim_trace(w, "n%d rot in %s", i, pick.name);
    }
}

/* A transfer loses its link or one of its nodes. */
static void harass(struct sim_world *w, int i)
{
    struct sim_link *links[16];
    size_t n = 0;
    if (!torments(w) || dbr_rng_below(&w->aim_rng, HARASS_ODDS) != 0) {
        return;
    }
    for (struct sim_link *l = w->links; l != NULL && n < DBR_COUNT(links); l = l->next) {
        if (l->open[0] && l->open[1] && (l->node[0] == i || l->node[1] == i)) {
            links[n++] = l;
        }
    }
    uint64_t which = dbr_rng_below(&w->aim_rng, n + 2);
    if (which < n) {
        sim_seen(w, SIM_SEEN_FETCH_CUT);
        sim_trace(w, "cut n%d n%d in a transfer", links[which]->node[0],
                  links[which]->node[1]);
        sim_cut(w, links[which]);
    } else {
        sim_push(w, (struct sim_event){.at = w->now + dbr_rng_below(&w->aim_rng, 20),
                                       .type = SIM_CRASH,
                                       .node = i,
                                       .incarnation = w->nodes[i].incarnation});
    }
}

/* ---- Jobs ----------------------------------------------------------------------------
 */

static void count(struct sim_world *w, const struct dbr_bulk_job *job)
{
    if (job->type == DBR_BULK_COPY && job->done) {
        sim_seen(w, SIM_SEEN_COPY);
    } else if (job->type == DBR_BULK_WRITE && job->status == 0) {
        sim_seen(w, SIM_SEEN_CHUNK);
    } else if (job->type == DBR_BULK_STAGE && job->status == 0 && job->offset > 0) {
        sim_seen(w, SIM_SEEN_RESUMED);
    } else if (job->type == DBR_BULK_VERIFY && job->done) {
        sim_seen(w, SIM_SEEN_VERIFIED);
    } else if (job->type == DBR_BULK_VERIFY && job->status == DEBROS_EPROTO) {
        sim_seen(w, SIM_SEEN_DAMAGED);
    }
}

void sim_bulk_done(struct sim_world *w, int i)
{
    struct sim_node *node = &w->nodes[i];
    struct dbr_bulk_job *job = node->bulk_head;
    if (job->type == DBR_BULK_READ) {
        rot(w, i, DBR_IMAGE_FOLDER, "out-");
    }
    dbr_store_bulk(node->store, job);
    if (node->is_doomed) {
        sim_crash_and_return(w, i);
        return;
    }
    if (job->type == DBR_BULK_WRITE) {
        rot(w, i, DBR_DB_FOLDER, "in-");
    }
    sim_trace(w, "n%d bulk type %d at %llu: %s", i, (int)job->type,
              (unsigned long long)job->offset, debros_err_name(job->status));
    count(w, job);
    if (job->type == DBR_BULK_WRITE || job->type == DBR_BULK_READ) {
        harass(w, i);
    }
    node->bulk_head = job->next;
    if (node->bulk_head == NULL) {
        node->bulk_tail = &node->bulk_head;
    }
    job->next = NULL;
    node->bulk_running = false;
    dbr_core_bulk_done(node->core, job, w->now);
    sim_drain(w, i);
}

void sim_bulk_crash(struct sim_world *w, int i)
{
    struct dbr_bulk_job *job = w->nodes[i].bulk_head;
    bool sends = job->type == DBR_BULK_COPY || job->type == DBR_BULK_READ;
    if (job->type != DBR_BULK_DROP) {
        sim_seen(w, sends ? SIM_SEEN_CRASH_SENDER : SIM_SEEN_CRASH_RECEIVER);
    }
    sim_disk_crash_after(w->nodes[i].disk, dbr_rng_below(&w->aim_rng, 6));
    dbr_store_bulk(w->nodes[i].store, job);
}
