#include "consensus/message.h"

#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/check.h"
#include "base/proto.h"
#include "base/reader.h"
#include "consensus/configuration.h"
#include "raft_message.pb-c.h"

/* protobuf-c's bookkeeping comes on top of the three arrays of an append. */
#define ARENA_CAP (DBR_MESSAGE_HEADER_MAX * 2)

/* ---- Encode ----------------------------------------------------------------- */

/* The 8 bytes of libraft's barriers are never written: they go as nothing. */
static debros_bytes entry_data(const struct raft_entry *entry)
{
    return entry->type == RAFT_BARRIER ? dbr_bytes(NULL, 0)
                                       : dbr_bytes(entry->buf.base, entry->buf.len);
}

static void add_payload(struct dbr_buf *out, const struct raft_append_entries *a)
{
    for (unsigned i = 0; i < a->n_entries; i++) {
        debros_bytes data = entry_data(&a->entries[i]);
        dbr_buf_add(out, data.data, data.len);
    }
}

static int encode_append(struct dbr_buf *out, DbrPb__RaftMessage *header,
                         const struct raft_append_entries *a)
{
    DbrPb__RaftAppend body = DBR_PB__RAFT_APPEND__INIT;
    size_t n = a->n_entries;
    dbr_assert(n <= DBR_MESSAGE_ENTRIES_MAX);
    uint64_t *terms = dbr_malloc(n * (8 + 4 + 4));
    if (terms == NULL) {
        return DEBROS_ENOMEM;
    }
    uint32_t *types = (uint32_t *)(terms + n);
    uint32_t *sizes = types + n;
    for (size_t i = 0; i < n; i++) {
        terms[i] = a->entries[i].term;
        types[i] = a->entries[i].type;
        sizes[i] = (uint32_t)entry_data(&a->entries[i]).len;
    }
    body.prev_index = a->prev_log_index;
    body.prev_term = a->prev_log_term;
    body.commit = a->leader_commit;
    body.n_entry_term = body.n_entry_type = body.n_entry_size = n;
    body.entry_term = terms;
    body.entry_type = types;
    body.entry_size = sizes;
    header->term = a->term;
    header->body_case = DBR_PB__RAFT_MESSAGE__BODY_APPEND;
    header->append = &body;
    dbr_proto_pack_frame(&header->base, out);
    add_payload(out, a);
    dbr_free(terms);
    return out->failed ? DEBROS_ENOMEM : 0;
}

static int encode_install(struct dbr_buf *out, DbrPb__RaftMessage *header,
                          const struct raft_install_snapshot *a, debros_bytes descriptor)
{
    DbrPb__RaftInstall body = DBR_PB__RAFT_INSTALL__INIT;
    struct dbr_buf configuration = {0};
    int rv = dbr_configuration_encode(&a->conf, &configuration);
    if (rv == 0) {
        body.last_index = a->last_index;
        body.last_term = a->last_term;
        body.configuration_index = a->conf_index;
        body.configuration =
            dbr_proto_bytes(dbr_bytes(configuration.data, configuration.len));
        header->term = a->term;
        header->body_case = DBR_PB__RAFT_MESSAGE__BODY_INSTALL;
        header->install = &body;
        dbr_proto_pack_frame(&header->base, out);
        dbr_buf_add(out, descriptor.data, descriptor.len);
        rv = out->failed ? DEBROS_ENOMEM : 0;
    }
    dbr_buf_finish(&configuration);
    return rv;
}

static int encode_result(struct dbr_buf *out, DbrPb__RaftMessage *header,
                         const struct raft_append_entries_result *a)
{
    DbrPb__RaftAppendResult body = DBR_PB__RAFT_APPEND_RESULT__INIT;
    body.rejected = a->rejected;
    body.last_index = a->last_log_index;
    header->term = a->term;
    header->body_case = DBR_PB__RAFT_MESSAGE__BODY_APPEND_RESULT;
    header->append_result = &body;
    dbr_proto_pack_frame(&header->base, out);
    return out->failed ? DEBROS_ENOMEM : 0;
}

static int encode_vote(struct dbr_buf *out, DbrPb__RaftMessage *header,
                       const struct raft_request_vote *a)
{
    DbrPb__RaftVote body = DBR_PB__RAFT_VOTE__INIT;
    body.last_index = a->last_log_index;
    body.last_term = a->last_log_term;
    body.disrupt_leader = a->disrupt_leader;
    body.pre_vote = a->pre_vote;
    header->term = a->term;
    header->body_case = DBR_PB__RAFT_MESSAGE__BODY_VOTE;
    header->vote = &body;
    dbr_proto_pack_frame(&header->base, out);
    return out->failed ? DEBROS_ENOMEM : 0;
}

static int encode_vote_result(struct dbr_buf *out, DbrPb__RaftMessage *header,
                              const struct raft_request_vote_result *a)
{
    DbrPb__RaftVoteResult body = DBR_PB__RAFT_VOTE_RESULT__INIT;
    body.granted = a->vote_granted;
    body.pre_vote = a->pre_vote == raft_tribool_true;
    header->term = a->term;
    header->body_case = DBR_PB__RAFT_MESSAGE__BODY_VOTE_RESULT;
    header->vote_result = &body;
    dbr_proto_pack_frame(&header->base, out);
    return out->failed ? DEBROS_ENOMEM : 0;
}

static int encode_timeout(struct dbr_buf *out, DbrPb__RaftMessage *header,
                          const struct raft_timeout_now *a)
{
    DbrPb__RaftTimeout body = DBR_PB__RAFT_TIMEOUT__INIT;
    body.last_index = a->last_log_index;
    body.last_term = a->last_log_term;
    header->term = a->term;
    header->body_case = DBR_PB__RAFT_MESSAGE__BODY_TIMEOUT;
    header->timeout = &body;
    dbr_proto_pack_frame(&header->base, out);
    return out->failed ? DEBROS_ENOMEM : 0;
}

static int encode_read(struct dbr_buf *out, DbrPb__RaftMessage *header,
                       const struct raft_message *message)
{
    DbrPb__RaftRead body = DBR_PB__RAFT_READ__INIT;
    body.round = message->timeout_now.last_log_index;
    header->address = dbr_proto_bytes(dbr_bytes(NULL, 0));
    header->term = message->timeout_now.term;
    if (message->type == DBR_MESSAGE_READ_PROBE) {
        header->body_case = DBR_PB__RAFT_MESSAGE__BODY_READ_PROBE;
        header->read_probe = &body;
    } else {
        header->body_case = DBR_PB__RAFT_MESSAGE__BODY_READ_ACK;
        header->read_ack = &body;
    }
    dbr_proto_pack_frame(&header->base, out);
    return out->failed ? DEBROS_ENOMEM : 0;
}

int dbr_message_encode(struct dbr_buf *out, const struct raft_message *message,
                       const char *own_address, debros_bytes descriptor)
{
    DbrPb__RaftMessage header = DBR_PB__RAFT_MESSAGE__INIT;
    if (message->type != RAFT_IO_APPEND_ENTRIES_RESULT &&
        message->type != RAFT_IO_REQUEST_VOTE_RESULT) {
        header.address = dbr_proto_text(own_address);
    }
    switch (message->type) {
    case RAFT_IO_APPEND_ENTRIES:
        return encode_append(out, &header, &message->append_entries);
    case RAFT_IO_APPEND_ENTRIES_RESULT:
        return encode_result(out, &header, &message->append_entries_result);
    case RAFT_IO_REQUEST_VOTE:
        return encode_vote(out, &header, &message->request_vote);
    case RAFT_IO_REQUEST_VOTE_RESULT:
        return encode_vote_result(out, &header, &message->request_vote_result);
    case RAFT_IO_INSTALL_SNAPSHOT:
        return encode_install(out, &header, &message->install_snapshot, descriptor);
    case RAFT_IO_TIMEOUT_NOW:
        return encode_timeout(out, &header, &message->timeout_now);
    case DBR_MESSAGE_READ_PROBE:
    case DBR_MESSAGE_READ_ACK:
        return encode_read(out, &header, message);
    default:
        dbr_unreachable();
    }
}

/* ---- Decode ----------------------------------------------------------------- */

/* The position in a log: both zero, or an index and a term of `term` at most. */
static bool position_ok(uint64_t index, uint64_t entry_term, uint64_t term)
{
    return index < DBR_MESSAGE_NUMBER_MAX && entry_term <= term &&
           (index == 0) == (entry_term == 0);
}

/* Terms of a log never fall along it, and no entry is younger than its leader. */
static int check_entries(const DbrPb__RaftAppend *b, uint64_t term, size_t payload,
                         const struct dbr_message_limits *limits)
{
    size_t n = b->n_entry_term;
    if (n > DBR_MESSAGE_ENTRIES_MAX || b->n_entry_type != n || b->n_entry_size != n ||
        payload > limits->max_entries) {
        return DEBROS_EPROTO;
    }
    uint64_t last_term = b->prev_term > 0 ? b->prev_term : 1;
    uint64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        if (b->entry_term[i] < last_term || b->entry_term[i] > term ||
            b->entry_type[i] < DBR_ENTRY_COMMAND || b->entry_type[i] > DBR_ENTRY_CHANGE ||
            b->entry_size[i] > DBR_ENTRY_SIZE_MAX) {
            return DEBROS_EPROTO;
        }
        last_term = b->entry_term[i];
        total += b->entry_size[i];
    }
    return total == payload ? 0 : DEBROS_EPROTO;
}

static size_t padded(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

/* libraft frees entries[0].batch and the array: one batch holds all the data, each
 * entry's at a multiple of 8. */
static int take_entries(struct raft_append_entries *a, const DbrPb__RaftAppend *b,
                        debros_bytes payload)
{
    size_t n = b->n_entry_term;
    if (n == 0) {
        return 0;
    }
    size_t size = 8;
    for (size_t i = 0; i < n; i++) {
        size += padded(b->entry_size[i]);
    }
    uint8_t *batch = raft_malloc(size);
    a->entries = raft_calloc(n, sizeof(*a->entries));
    if (batch == NULL || a->entries == NULL) {
        raft_free(batch);
        raft_free(a->entries);
        a->entries = NULL;
        return DEBROS_ENOMEM;
    }
    a->n_entries = (unsigned)n;
    uint8_t *to = batch;
    const uint8_t *from = payload.data;
    for (size_t i = 0; i < n; i++) {
        size_t len = b->entry_size[i];
        a->entries[i] = (struct raft_entry){.term = b->entry_term[i],
                                            .type = (unsigned short)b->entry_type[i],
                                            .buf = {.base = to, .len = len},
                                            .batch = batch};
        if (len > 0) {
            memcpy(to, from, len);
        }
        to += padded(len);
        from += len;
    }
    return 0;
}

/* A configuration that libraft could not decode would leave it half changed. */
static int check_changes(const struct raft_append_entries *a)
{
    for (unsigned i = 0; i < a->n_entries; i++) {
        if (a->entries[i].type != RAFT_CHANGE) {
            continue;
        }
        struct raft_configuration c;
        const struct raft_buffer *buf = &a->entries[i].buf;
        int rv = dbr_configuration_decode(&c, dbr_bytes(buf->base, buf->len));
        if (rv != 0) {
            return rv;
        }
        raft_configuration_close(&c);
    }
    return 0;
}

static int decode_append(struct raft_message *m, const DbrPb__RaftMessage *h,
                         debros_bytes payload, const struct dbr_message_limits *limits)
{
    const DbrPb__RaftAppend *b = h->append;
    struct raft_append_entries *a = &m->append_entries;
    m->type = RAFT_IO_APPEND_ENTRIES;
    if (!position_ok(b->prev_index, b->prev_term, h->term) ||
        b->commit >= DBR_MESSAGE_NUMBER_MAX) {
        return DEBROS_EPROTO;
    }
    int rv = check_entries(b, h->term, payload.len, limits);
    if (rv != 0) {
        return rv;
    }
    a->term = h->term;
    a->prev_log_index = b->prev_index;
    a->prev_log_term = b->prev_term;
    a->leader_commit = b->commit;
    rv = take_entries(a, b, payload);
    return rv != 0 ? rv : check_changes(a);
}

static int decode_install(struct raft_message *m, const DbrPb__RaftMessage *h,
                          debros_bytes payload, const struct dbr_message_limits *limits)
{
    const DbrPb__RaftInstall *b = h->install;
    struct raft_install_snapshot *a = &m->install_snapshot;
    m->type = RAFT_IO_INSTALL_SNAPSHOT;
    if (b->last_index == 0 || !position_ok(b->last_index, b->last_term, h->term) ||
        b->configuration_index == 0 || b->configuration_index > b->last_index ||
        payload.len > limits->max_descriptor) {
        return DEBROS_EPROTO;
    }
    int rv = dbr_configuration_decode(&a->conf, dbr_proto_view(b->configuration));
    if (rv != 0) {
        return rv;
    }
    a->term = h->term;
    a->last_index = b->last_index;
    a->last_term = b->last_term;
    a->conf_index = b->configuration_index;
    a->data.len = payload.len;
    a->data.base = raft_malloc(padded(payload.len) + 8);
    if (a->data.base == NULL) {
        return DEBROS_ENOMEM;
    }
    if (payload.len > 0) {
        memcpy(a->data.base, payload.data, payload.len);
    }
    return 0;
}

static int decode_read(struct raft_message *m, const DbrPb__RaftMessage *h)
{
    bool is_probe = h->body_case == DBR_PB__RAFT_MESSAGE__BODY_READ_PROBE;
    m->type = is_probe ? DBR_MESSAGE_READ_PROBE : DBR_MESSAGE_READ_ACK;
    m->timeout_now.term = h->term;
    m->timeout_now.last_log_index = is_probe ? h->read_probe->round : h->read_ack->round;
    return m->timeout_now.last_log_index < DBR_MESSAGE_NUMBER_MAX ? 0 : DEBROS_EPROTO;
}

static int decode_small(struct raft_message *m, const DbrPb__RaftMessage *h,
                        uint64_t from)
{
    switch (h->body_case) {
    case DBR_PB__RAFT_MESSAGE__BODY_APPEND_RESULT:
        m->type = RAFT_IO_APPEND_ENTRIES_RESULT;
        m->append_entries_result.term = h->term;
        m->append_entries_result.rejected = h->append_result->rejected;
        m->append_entries_result.last_log_index = h->append_result->last_index;
        return h->append_result->rejected < DBR_MESSAGE_NUMBER_MAX &&
                       h->append_result->last_index < DBR_MESSAGE_NUMBER_MAX
                   ? 0
                   : DEBROS_EPROTO;
    case DBR_PB__RAFT_MESSAGE__BODY_VOTE:
        m->type = RAFT_IO_REQUEST_VOTE;
        m->request_vote.term = h->term;
        m->request_vote.candidate_id = from;
        m->request_vote.last_log_index = h->vote->last_index;
        m->request_vote.last_log_term = h->vote->last_term;
        m->request_vote.disrupt_leader = h->vote->disrupt_leader;
        m->request_vote.pre_vote = h->vote->pre_vote;
        return position_ok(h->vote->last_index, h->vote->last_term, h->term)
                   ? 0
                   : DEBROS_EPROTO;
    case DBR_PB__RAFT_MESSAGE__BODY_VOTE_RESULT:
        m->type = RAFT_IO_REQUEST_VOTE_RESULT;
        m->request_vote_result.term = h->term;
        m->request_vote_result.vote_granted = h->vote_result->granted;
        m->request_vote_result.pre_vote =
            h->vote_result->pre_vote ? raft_tribool_true : raft_tribool_false;
        return 0;
    case DBR_PB__RAFT_MESSAGE__BODY_TIMEOUT:
        m->type = RAFT_IO_TIMEOUT_NOW;
        m->timeout_now.term = h->term;
        m->timeout_now.last_log_index = h->timeout->last_index;
        m->timeout_now.last_log_term = h->timeout->last_term;
        return position_ok(h->timeout->last_index, h->timeout->last_term, h->term)
                   ? 0
                   : DEBROS_EPROTO;
    case DBR_PB__RAFT_MESSAGE__BODY_READ_PROBE:
    case DBR_PB__RAFT_MESSAGE__BODY_READ_ACK:
        return decode_read(m, h);
    default:
        return DEBROS_EPROTO;
    }
}

static int decode_body(struct raft_message *m, char address[DBR_SERVER_ADDRESS_MAX],
                       const DbrPb__RaftMessage *h, debros_bytes payload,
                       const struct dbr_message_limits *limits)
{
    debros_bytes text = dbr_proto_view(h->address);
    if (h->term == 0 || h->term >= DBR_MESSAGE_NUMBER_MAX ||
        (text.len > 0 && !dbr_configuration_address_ok(text))) {
        return DEBROS_EPROTO;
    }
    if (text.len > 0) {
        memcpy(address, text.data, text.len);
    }
    address[text.len] = '\0';
    if (h->body_case == DBR_PB__RAFT_MESSAGE__BODY_APPEND) {
        return decode_append(m, h, payload, limits);
    }
    if (h->body_case == DBR_PB__RAFT_MESSAGE__BODY_INSTALL) {
        return decode_install(m, h, payload, limits);
    }
    return payload.len == 0 ? decode_small(m, h, m->server_id) : DEBROS_EPROTO;
}

int dbr_message_decode(struct raft_message *message, char address[DBR_SERVER_ADDRESS_MAX],
                       uint64_t from, debros_bytes bytes,
                       const struct dbr_message_limits *limits)
{
    debros_bytes head;
    size_t used;
    memset(message, 0, sizeof(*message));
    message->server_id = from;
    message->server_address = address;
    if (from == 0 || dbr_frame_decode(bytes, DBR_MESSAGE_HEADER_MAX, &head, &used) != 1) {
        return DEBROS_EPROTO;
    }
    struct dbr_arena arena;
    dbr_arena_init(&arena, ARENA_CAP);
    DbrPb__RaftMessage *h =
        dbr_proto_unpack(&dbr_pb__raft_message__descriptor, &arena, head);
    int rv = DEBROS_EPROTO;
    if (h != NULL) {
        rv = decode_body(message, address, h,
                         dbr_bytes(bytes.data + used, bytes.len - used), limits);
    }
    if (rv != 0) {
        dbr_message_finish(message);
    }
    dbr_arena_finish(&arena);
    return rv;
}

void dbr_message_finish(struct raft_message *message)
{
    if (message->type == RAFT_IO_APPEND_ENTRIES &&
        message->append_entries.n_entries > 0) {
        raft_free(message->append_entries.entries[0].batch);
        raft_free(message->append_entries.entries);
    } else if (message->type == RAFT_IO_INSTALL_SNAPSHOT) {
        raft_configuration_close(&message->install_snapshot.conf);
        raft_free(message->install_snapshot.data.base);
    }
    memset(message, 0, sizeof(*message));
}
