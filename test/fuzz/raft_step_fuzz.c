/* A live consensus machine of three servers, fed by two that lie: each step of the input
 * is a message, raw or made of small numbers so that it gets past the decoder, or time,
 * or a disk that is done. Whatever they send, the machine neither crashes nor trips an
 * assertion of libraft. */
#include <string.h>

#include "base/reader.h"
#include "consensus/configuration.h"
#include "consensus/message.h"
#include "fuzz.h"

#define STEPS_MAX   400
#define ENTRIES_MAX 4
#define START_LOG   4

struct fuzz {
    struct dbr_consensus *c;
    struct dbr_reader in;
    dbr_time now;
    uint64_t queued; /* seq of the last op */
    struct dbr_buf fetch; /* what FETCH described */
};

static void make_configuration(struct raft_configuration *out, unsigned kind)
{
    static const char *const names[] = {"n1", "n2", "n3"};
    raft_configuration_init(out);
    for (unsigned i = 0; i < 3; i++) {
        bool votes = i == kind % 3 || (kind >> i & 4) == 0;
        dbr_assert(raft_configuration_add(out, i + 1, names[i],
                                          votes ? RAFT_VOTER : RAFT_STANDBY) == 0);
    }
}

static struct dbr_buf encoded_configuration(unsigned kind)
{
    struct raft_configuration configuration;
    struct dbr_buf out = {0};
    make_configuration(&configuration, kind);
    dbr_assert(dbr_configuration_encode(&configuration, &out) == 0);
    raft_configuration_close(&configuration);
    return out;
}

static void start(struct fuzz *f, struct dbr_rng *rng)
{
    struct dbr_buf first = encoded_configuration(dbr_reader_u8(&f->in) % 2 == 0 ? 0 : 4);
    struct dbr_log_entry entries[START_LOG] = {
        {1, DBR_ENTRY_CHANGE, dbr_bytes(first.data, first.len)},
        {1, DBR_ENTRY_COMMAND, dbr_bytes("two", 3)},
        {2, DBR_ENTRY_BARRIER, dbr_bytes(NULL, 0)},
        {2, DBR_ENTRY_COMMAND, dbr_bytes("four", 4)}};
    struct dbr_log_state state = {
        .term = 2, .first_index = 1, .entries = entries, .n_entries = START_LOG};
    struct dbr_consensus_config config;
    dbr_consensus_config_default(&config);
    config.id = 1;
    config.address = "n1";
    config.snapshot_threshold = 4;
    config.snapshot_trailing = 2;
    config.max_message = 64;
    config.max_descriptor = 4096;
    dbr_assert(dbr_consensus_create(&f->c, &config, &state, rng, f->now) == 0);
    dbr_buf_finish(&first);
}

static void take_entries(struct fuzz *f, struct raft_append_entries *a,
                         struct raft_entry *entries, struct dbr_buf *change)
{
    uint64_t term = a->prev_log_term > 0 ? a->prev_log_term : 1;
    a->entries = entries;
    a->n_entries = dbr_reader_u8(&f->in) % (ENTRIES_MAX + 1);
    for (unsigned i = 0; i < a->n_entries; i++) {
        uint8_t kind = dbr_reader_u8(&f->in);
        term += kind >> 6;
        term = term > a->term ? a->term : term;
        entries[i] = (struct raft_entry){.term = term, .type = 1 + kind % 3};
        if (entries[i].type == RAFT_CHANGE) {
            entries[i].buf = (struct raft_buffer){change->data, change->len};
        } else {
            entries[i].buf = (struct raft_buffer){"command", kind % 8};
        }
    }
}

static void make_body(struct fuzz *f, struct raft_message *m, struct raft_entry *entries,
                      struct dbr_buf *change)
{
    uint64_t term = 1 + dbr_reader_u8(&f->in) % 12;
    uint64_t index = dbr_reader_u8(&f->in) % 24;
    uint64_t index_term = index == 0 ? 0 : 1 + dbr_reader_u8(&f->in) % term;
    uint8_t more = dbr_reader_u8(&f->in);
    switch (m->type) {
    case RAFT_IO_APPEND_ENTRIES:
        m->append_entries = (struct raft_append_entries){.term = term,
                                                         .prev_log_index = index,
                                                         .prev_log_term = index_term,
                                                         .leader_commit = more % 32};
        take_entries(f, &m->append_entries, entries, change);
        break;
    case RAFT_IO_APPEND_ENTRIES_RESULT:
        m->append_entries_result = (struct raft_append_entries_result){
            .term = term, .rejected = more % 3 == 0 ? index : 0, .last_log_index = more};
        break;
    case RAFT_IO_REQUEST_VOTE:
        m->request_vote = (struct raft_request_vote){.term = term,
                                                     .candidate_id = m->server_id,
                                                     .last_log_index = index,
                                                     .last_log_term = index_term,
                                                     .disrupt_leader = more & 1,
                                                     .pre_vote = more & 2};
        break;
    case RAFT_IO_REQUEST_VOTE_RESULT:
        m->request_vote_result = (struct raft_request_vote_result){
            .term = term,
            .vote_granted = more & 1,
            .pre_vote = more & 2 ? raft_tribool_true : raft_tribool_false};
        break;
    case RAFT_IO_INSTALL_SNAPSHOT:
        m->install_snapshot =
            (struct raft_install_snapshot){.term = term,
                                           .last_index = index + 1,
                                           .last_term = index_term > 0 ? index_term : 1,
                                           .conf_index = 1};
        make_configuration(&m->install_snapshot.conf, more);
        break;
    default:
        m->timeout_now = (struct raft_timeout_now){
            .term = term, .last_log_index = index, .last_log_term = index_term};
        break;
    }
}

static void send_made(struct fuzz *f, uint64_t from, unsigned type)
{
    struct raft_entry entries[ENTRIES_MAX];
    struct raft_message m = {.type = (unsigned short)type, .server_id = from};
    struct dbr_buf change = encoded_configuration(dbr_reader_u8(&f->in) % 32);
    struct dbr_buf out = {0};
    make_body(f, &m, entries, &change);
    dbr_assert(dbr_message_encode(&out, &m, from == 2 ? "n2" : "n3",
                                  dbr_bytes("image", 5)) == 0);
    (void)dbr_consensus_recv(f->c, from, dbr_bytes(out.data, out.len), f->now);
    if (type == RAFT_IO_INSTALL_SNAPSHOT) {
        raft_configuration_close(&m.install_snapshot.conf);
    }
    dbr_buf_finish(&out);
    dbr_buf_finish(&change);
}

static void send_raw(struct fuzz *f, uint64_t from)
{
    size_t len = dbr_reader_u8(&f->in);
    len = len > dbr_reader_left(&f->in) ? dbr_reader_left(&f->in) : len;
    (void)dbr_consensus_recv(f->c, from, dbr_reader_bytes(&f->in, len), f->now);
}

static void drain(struct fuzz *f)
{
    struct dbr_consensus_event e;
    struct dbr_buf offer = {0};
    while (dbr_consensus_poll(f->c, &e)) {
        if (e.type == DBR_CONSENSUS_LOG) {
            f->queued = e.op->seq;
        } else if (e.type == DBR_CONSENSUS_CHECKPOINT) {
            dbr_consensus_checkpointed(f->c, 0, f->now);
        } else if (e.type == DBR_CONSENSUS_OFFER) {
            dbr_buf_str(&offer, "offer");
            dbr_consensus_offer(f->c, 0, e.index, &offer, f->now);
        } else if (e.type == DBR_CONSENSUS_FETCH && e.index != 0) {
            dbr_buf_clear(&f->fetch);
            dbr_buf_add(&f->fetch, e.data.data, e.data.len);
        }
    }
    dbr_buf_finish(&offer);
    if (f->fetch.len > 0) {
        int status = f->fetch.data[0] % 4 == 1 ? DEBROS_ETIMEDOUT : 0;
        struct dbr_buf fetch = dbr_buf_take(&f->fetch);
        dbr_consensus_fetched(f->c, status, dbr_bytes(fetch.data, fetch.len), f->now);
        dbr_buf_finish(&fetch);
    }
}

static void ask(struct fuzz *f, uint8_t what)
{
    uint64_t index, term;
    switch (what % 6) {
    case 0:
        (void)dbr_consensus_propose(f->c, dbr_bytes("proposal", 8), &index, &term,
                                    f->now);
        break;
    case 1:
        (void)dbr_consensus_read(f->c, what, f->now);
        break;
    case 2:
        (void)dbr_consensus_assign(f->c, 2 + what % 2,
                                   what & 16 ? DBR_SERVER_VOTER : DBR_SERVER_STANDBY,
                                   f->now);
        break;
    case 3:
        (void)dbr_consensus_remove(f->c, 2 + what % 2, f->now);
        break;
    case 4:
        (void)dbr_consensus_add(f->c, 4, "n4", f->now);
        break;
    default:
        (void)dbr_consensus_transfer(f->c, what % 4, f->now);
        break;
    }
}

static void step(struct fuzz *f)
{
    uint8_t what = dbr_reader_u8(&f->in);
    uint64_t from = 2 + (what >> 7);
    switch (what % 16) {
    case 0:
        send_raw(f, from);
        break;
    case 1:
    case 2:
        f->now += 100;
        dbr_consensus_expire(f->c, f->now);
        break;
    case 3:
        f->now += 2500;
        dbr_consensus_expire(f->c, f->now);
        break;
    case 4:
    case 5:
        dbr_consensus_log_done(f->c, f->queued, f->now);
        break;
    case 6:
        ask(f, dbr_reader_u8(&f->in));
        break;
    default:
        send_made(f, from, 1 + what % 6);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = {.now = 1000};
    struct dbr_rng rng;
    dbr_rng_seed(&rng, 1);
    dbr_reader_init(&f.in, dbr_bytes(data, size));
    start(&f, &rng);
    drain(&f);
    for (int i = 0; i < STEPS_MAX && dbr_reader_left(&f.in) > 0; i++) {
        step(&f);
        drain(&f);
    }
    dbr_consensus_destroy(f.c);
    dbr_buf_finish(&f.fetch);
    return 0;
}
