#include "mdns.h"

#include <string.h>

#include "base/check.h"

#define META_SERVICE "_services._dns-sd._udp.local" /* RFC 6763 section 9 */
#define ATTRIBUTE    "dnsaddr="
#define SRV_PORT     4001u /* nobody dials it: the addresses are in TXT */
#define DELAY_MIN_MS 20u   /* of questions and answers, so that not all speak at once: */
#define DELAY_MAX_MS 120u  /* RFC 6762 sections 5.2 and 6 */
#define FLAGS_WRONG  0x780fu /* opcode and rcode: they must be 0 */

struct found {
    struct dbr_peer_id peer;
    struct dbr_multiaddr addr;
};

void dbr_mdns_limits_default(struct dbr_mdns_limits *limits)
{
    *limits = (struct dbr_mdns_limits){.query_min_ms = 1000,
                                       .query_max_ms = 300000,
                                       .answer_ms = 1000,
                                       .packets_per_s = 100,
                                       .events = 256};
}

static uint32_t delay(struct dbr_mdns *mdns)
{
    return DELAY_MIN_MS +
           (uint32_t)dbr_rng_below(mdns->rng, DELAY_MAX_MS - DELAY_MIN_MS + 1);
}

void dbr_mdns_restart(struct dbr_mdns *mdns, dbr_time now)
{
    mdns->query_at = dbr_time_add(now, delay(mdns));
    mdns->query_pause_ms = mdns->limits.query_min_ms;
}

int dbr_mdns_init(struct dbr_mdns *mdns, const struct dbr_peer_id *self,
                  const char *service, const struct dbr_mdns_limits *limits,
                  struct dbr_rng *rng, dbr_time now)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    struct dbr_dns_name local;
    char label[DBR_MDNS_NAME_SIZE];
    dbr_assert(limits->packets_per_s > 0 && limits->events > 0);
    *mdns = (struct dbr_mdns){
        .limits = *limits, .self = *self, .rng = rng, .answer_at = DBR_TIME_NEVER};
    dbr_ring_init(&mdns->found, sizeof(struct found), limits->events);
    for (size_t i = 0; i < sizeof(label) - 1; i++) {
        label[i] = letters[dbr_rng_below(rng, sizeof(letters) - 1)];
    }
    label[sizeof(label) - 1] = '\0';
    if (!dbr_dns_name_from_text(&mdns->service,
                                service == NULL ? DBR_MDNS_SERVICE : service) ||
        mdns->service.len > DBR_MDNS_SERVICE_MAX ||
        !dbr_dns_name_under(&mdns->instance, label, &mdns->service)) {
        return DEBROS_EINVAL;
    }
    bool fits = dbr_dns_name_from_text(&local, "local") &&
                dbr_dns_name_under(&mdns->host, label, &local);
    dbr_assert(fits);
    dbr_mdns_restart(mdns, now);
    return 0;
}

void dbr_mdns_finish(struct dbr_mdns *mdns)
{
    dbr_ring_finish(&mdns->found);
    dbr_buf_finish(&mdns->out);
}

/* ---- When to answer -------------------------------------------------------- */

static void want_answer(struct dbr_mdns *mdns, dbr_time now)
{
    dbr_time at = dbr_time_add(now, delay(mdns));
    dbr_time first = dbr_time_add(mdns->answered, mdns->limits.answer_ms);
    if (mdns->has_answered && at < first) {
        at = first;
    }
    mdns->answer_at = dbr_time_min(mdns->answer_at, at);
}

void dbr_mdns_set_addrs(struct dbr_mdns *mdns, const struct dbr_multiaddr *addrs,
                        size_t n, dbr_time now)
{
    mdns->n_addrs = 0;
    for (size_t i = 0; i < n && mdns->n_addrs < DBR_MDNS_ADDRS_MAX; i++) {
        struct dbr_multiaddr *addr = &mdns->addrs[mdns->n_addrs];
        *addr = addrs[i];
        mdns->n_addrs += dbr_multiaddr_set_peer(addr, &mdns->self) == 0 ? 1 : 0;
    }
    if (mdns->n_addrs > 0) {
        want_answer(mdns, now);
    }
}

/* ---- Reading --------------------------------------------------------------- */

/* An IP address that may be dialed because a packet says so. The unspecified one is this
 * machine to the kernel; fe80::/10 says nothing without the name of a link. */
static bool is_fit(const struct dbr_multiaddr *addr, bool same_host)
{
    struct dbr_endpoint e;
    return dbr_multiaddr_endpoint(addr, &e) && e.port != 0 &&
           !dbr_endpoint_is_wildcard(&e) &&
           !(e.is_ip6 && e.ip[0] == 0xfe && (e.ip[1] & 0xc0) == 0x80) &&
           (same_host || !dbr_endpoint_is_loopback(&e));
}

/* One string of somebody's TXT record. */
static void take_string(struct dbr_mdns *mdns, debros_bytes string, bool same_host)
{
    const size_t front = sizeof(ATTRIBUTE) - 1;
    char text[DBR_DNS_STRING_MAX + 1];
    struct found found;
    if (string.len <= front || memcmp(string.data, ATTRIBUTE, front) != 0) {
        return; /* some other attribute */
    }
    size_t len = string.len - front;
    memcpy(text, string.data + front, len);
    text[len] = '\0';
    if (strlen(text) != len || dbr_multiaddr_parse(&found.addr, text, NULL) != 0 ||
        !dbr_multiaddr_peer(&found.addr, &found.peer) ||
        !is_fit(&found.addr, same_host)) {
        mdns->stats.unfit++;
        return;
    }
    if (dbr_peer_id_equal(&found.peer, &mdns->self)) {
        return;
    }
    dbr_multiaddr_cut_peer(&found.addr);
    bool pushed = dbr_ring_push(&mdns->found, &found);
    mdns->stats.found += pushed ? 1 : 0;
    mdns->stats.dropped += pushed ? 0 : 1;
}

struct targets {
    struct dbr_dns_name names[DBR_MDNS_TARGETS_MAX];
    size_t n;
};

/* Whom the packet's PTR records of our service name. */
static void gather_targets(struct targets *targets, const struct dbr_mdns *mdns,
                           struct dbr_dns_reader *r)
{
    struct dbr_dns_record record;
    targets->n = 0;
    for (size_t i = 0; i < DBR_MDNS_RECORDS_MAX && dbr_dns_next_record(r, &record); i++) {
        if (record.type == DBR_DNS_PTR && record.ttl > 0 &&
            targets->n < DBR_MDNS_TARGETS_MAX &&
            dbr_dns_name_equal(&record.name, &mdns->service) &&
            dbr_dns_data_name(r, &record, &targets->names[targets->n])) {
            targets->n++;
        }
    }
}

static bool is_target(const struct targets *targets, const struct dbr_dns_name *name)
{
    for (size_t i = 0; i < targets->n; i++) {
        if (dbr_dns_name_equal(&targets->names[i], name)) {
            return true;
        }
    }
    return false;
}

/* js puts its TXT records among the answers, go and rust behind them: both will do. */
static void take_response(struct dbr_mdns *mdns, struct dbr_dns_reader *r,
                          bool same_host)
{
    struct dbr_dns_reader again = *r;
    struct dbr_dns_record record;
    struct targets targets;
    gather_targets(&targets, mdns, r);
    for (size_t i = 0; i < DBR_MDNS_RECORDS_MAX && dbr_dns_next_record(&again, &record);
         i++) {
        debros_bytes string;
        if (record.type != DBR_DNS_TXT || record.ttl == 0 ||
            !is_target(&targets, &record.name)) {
            continue;
        }
        while (record.data.len > 0 && dbr_dns_next_string(&record.data, &string)) {
            take_string(mdns, string, same_host);
        }
    }
}

/* Whoever asks for one of our names is told all of them. */
static bool is_for_us(const struct dbr_mdns *mdns, const struct dbr_dns_name *name,
                      uint16_t type)
{
    if (dbr_dns_name_equal(name, &mdns->service)) {
        return type == DBR_DNS_PTR || type == DBR_DNS_ANY;
    }
    return dbr_dns_name_equal(name, &mdns->instance) ||
           dbr_dns_name_equal(name, &mdns->host);
}

/* "Known-answer suppression", RFC 6762 section 7.1: it has ours, and for long enough. */
static bool knows_us(const struct dbr_mdns *mdns, struct dbr_dns_reader *r)
{
    struct targets targets;
    struct dbr_dns_record record;
    for (size_t i = 0; i < DBR_MDNS_RECORDS_MAX && dbr_dns_next_record(r, &record); i++) {
        if (record.type == DBR_DNS_PTR && record.ttl >= DBR_MDNS_TTL_S / 2 &&
            dbr_dns_name_equal(&record.name, &mdns->service) &&
            dbr_dns_data_name(r, &record, &targets.names[0]) &&
            dbr_dns_name_equal(&targets.names[0], &mdns->instance)) {
            return true;
        }
    }
    return false;
}

static void take_query(struct dbr_mdns *mdns, struct dbr_dns_reader *r, dbr_time now)
{
    struct dbr_dns_name meta;
    struct dbr_dns_name name;
    uint16_t type;
    bool wanted = false;
    bool meta_wanted = false;
    bool is_meta = dbr_dns_name_from_text(&meta, META_SERVICE);
    dbr_assert(is_meta);
    if (r->questions > DBR_MDNS_RECORDS_MAX) {
        r->bad = true;
        return;
    }
    while (dbr_dns_next_question(r, &name, &type)) {
        wanted = wanted || is_for_us(mdns, &name, type);
        meta_wanted =
            meta_wanted || (type == DBR_DNS_PTR && dbr_dns_name_equal(&name, &meta));
    }
    if (r->bad || mdns->n_addrs == 0) {
        return;
    }
    wanted = wanted && !knows_us(mdns, r);
    mdns->meta_wanted = mdns->meta_wanted || meta_wanted;
    if (wanted || meta_wanted) {
        want_answer(mdns, now);
    }
}

void dbr_mdns_recv(struct dbr_mdns *mdns, debros_bytes packet, bool same_host,
                   dbr_time now)
{
    struct dbr_dns_reader r;
    struct dbr_dns_name name;
    uint16_t type;
    uint32_t per_s = mdns->limits.packets_per_s;
    if (!dbr_bucket_take(&mdns->packets, per_s, 1000000 / per_s, now)) {
        mdns->stats.too_often++;
        return;
    }
    mdns->stats.packets++;
    dbr_dns_reader_init(&r, packet);
    if (packet.len > DBR_MDNS_PACKET_MAX || r.bad) {
        mdns->stats.malformed++;
        return;
    }
    if ((r.flags & FLAGS_WRONG) != 0) {
        return; /* RFC 6762 section 18.3 and 18.11: ignored */
    }
    if ((r.flags & DBR_DNS_TOP_BIT) == 0) {
        take_query(mdns, &r, now);
    } else if (r.questions <= DBR_MDNS_RECORDS_MAX) {
        while (dbr_dns_next_question(&r, &name, &type)) {
        }
        take_response(mdns, &r, same_host);
    }
    mdns->stats.malformed += r.bad ? 1 : 0;
}

/* ---- Writing --------------------------------------------------------------- */

static void write_query(struct dbr_mdns *mdns)
{
    dbr_dns_add_head(&mdns->out, 0, 1, 0, 0);
    dbr_dns_add_question(&mdns->out, &mdns->service, DBR_DNS_PTR);
}

/* One TXT record with a string for each address: go keeps only the last such record. */
static void write_txt(struct dbr_mdns *mdns)
{
    char texts[DBR_MDNS_ADDRS_MAX][DBR_MULTIADDR_TEXT_SIZE];
    size_t lens[DBR_MDNS_ADDRS_MAX] = {0};
    const size_t front = sizeof(ATTRIBUTE) - 1;
    /* What precedes it, and an A and an AAAA record behind it. */
    size_t used =
        mdns->out.len + mdns->instance.len + 10 + 2 * (mdns->host.len + 10) + 20;
    size_t room = DBR_MDNS_SEND_MAX - used;
    size_t size = 0;
    for (size_t i = 0; i < mdns->n_addrs; i++) {
        size_t len = front + strlen(dbr_multiaddr_text(&mdns->addrs[i], texts[i]));
        if (len <= DBR_DNS_STRING_MAX && size + 1 + len <= room) {
            lens[i] = len;
            size += 1 + len;
        }
    }
    dbr_dns_add_record(&mdns->out, &mdns->instance, DBR_DNS_TXT,
                       DBR_DNS_IN | DBR_DNS_TOP_BIT, DBR_MDNS_TTL_S,
                       size == 0 ? 1 : size);
    if (size == 0) {
        dbr_buf_u8(&mdns->out, 0); /* RFC 6763 section 6.1: one empty string */
    }
    for (size_t i = 0; i < mdns->n_addrs; i++) {
        if (lens[i] > 0) {
            dbr_buf_u8(&mdns->out, (uint8_t)lens[i]);
            dbr_buf_str(&mdns->out, ATTRIBUTE);
            dbr_buf_add(&mdns->out, texts[i], lens[i] - front);
        }
    }
}

/* The first IP address of each kind: without one, go does not believe that we exist. */
static size_t find_hosts(const struct dbr_mdns *mdns, struct dbr_endpoint hosts[2])
{
    bool has[2] = {false, false};
    for (size_t i = 0; i < mdns->n_addrs; i++) {
        struct dbr_endpoint endpoint;
        if (dbr_multiaddr_endpoint(&mdns->addrs[i], &endpoint) &&
            !has[endpoint.is_ip6 ? 1 : 0]) {
            hosts[has[0] || has[1] ? 1 : 0] = endpoint;
            has[endpoint.is_ip6 ? 1 : 0] = true;
        }
    }
    return (has[0] ? 1u : 0u) + (has[1] ? 1u : 0u);
}

static void write_answer(struct dbr_mdns *mdns)
{
    struct dbr_endpoint hosts[2];
    size_t n_hosts = find_hosts(mdns, hosts);
    struct dbr_dns_name meta;
    bool is_meta = mdns->meta_wanted && dbr_dns_name_from_text(&meta, META_SERVICE);
    mdns->meta_wanted = false;
    dbr_dns_add_head(&mdns->out, DBR_DNS_RESPONSE, 0, is_meta ? 2 : 1,
                     (uint16_t)(2 + n_hosts));
    if (is_meta) { /* in front: js takes the last PTR for the one of the service */
        dbr_dns_add_record(&mdns->out, &meta, DBR_DNS_PTR, DBR_DNS_IN, DBR_MDNS_TTL_S,
                           mdns->service.len);
        dbr_dns_add_name(&mdns->out, &mdns->service);
    }
    dbr_dns_add_record(&mdns->out, &mdns->service, DBR_DNS_PTR, DBR_DNS_IN,
                       DBR_MDNS_TTL_S, mdns->instance.len);
    dbr_dns_add_name(&mdns->out, &mdns->instance);
    dbr_dns_add_record(&mdns->out, &mdns->instance, DBR_DNS_SRV,
                       DBR_DNS_IN | DBR_DNS_TOP_BIT, DBR_MDNS_TTL_S, 6 + mdns->host.len);
    dbr_buf_be32(&mdns->out, 0); /* priority and weight */
    dbr_buf_be16(&mdns->out, SRV_PORT);
    dbr_dns_add_name(&mdns->out, &mdns->host);
    write_txt(mdns);
    for (size_t i = 0; i < n_hosts; i++) {
        size_t len = hosts[i].is_ip6 ? 16 : 4;
        dbr_dns_add_record(&mdns->out, &mdns->host,
                           hosts[i].is_ip6 ? DBR_DNS_AAAA : DBR_DNS_A,
                           DBR_DNS_IN | DBR_DNS_TOP_BIT, DBR_MDNS_TTL_S, len);
        dbr_buf_add(&mdns->out, hosts[i].ip, len);
    }
}

/* Loopback addresses are no news to other machines. */
static bool is_private(const struct dbr_mdns *mdns)
{
    for (size_t i = 0; i < mdns->n_addrs; i++) {
        struct dbr_endpoint endpoint;
        if (!dbr_multiaddr_endpoint(&mdns->addrs[i], &endpoint) ||
            !dbr_endpoint_is_loopback(&endpoint)) {
            return false;
        }
    }
    return true;
}

bool dbr_mdns_poll(struct dbr_mdns *mdns, struct dbr_mdns_event *event)
{
    struct found found;
    *event = (struct dbr_mdns_event){.type = DBR_MDNS_SEND};
    dbr_buf_finish(&mdns->out);
    while (mdns->must_query || mdns->must_answer) {
        if (mdns->must_query) {
            mdns->must_query = false;
            write_query(mdns);
        } else {
            mdns->must_answer = false;
            event->same_host = is_private(mdns);
            write_answer(mdns);
        }
        if (!mdns->out.failed) {
            event->packet = dbr_bytes(mdns->out.data, mdns->out.len);
            return true;
        }
        dbr_buf_finish(&mdns->out); /* short of memory: the next one will be asked */
    }
    if (!dbr_ring_pop(&mdns->found, &found)) {
        return false;
    }
    *event = (struct dbr_mdns_event){
        .type = DBR_MDNS_FOUND, .peer = found.peer, .addr = found.addr};
    return true;
}

/* ---- Time passes ----------------------------------------------------------- */

dbr_time dbr_mdns_deadline(const struct dbr_mdns *mdns)
{
    return dbr_time_min(mdns->query_at, mdns->answer_at);
}

void dbr_mdns_expire(struct dbr_mdns *mdns, dbr_time now)
{
    if (now >= mdns->query_at) {
        uint64_t pause = mdns->query_pause_ms;
        mdns->must_query = true;
        mdns->query_at = dbr_time_add(now, pause + delay(mdns));
        mdns->query_pause_ms = 2 * pause < mdns->limits.query_max_ms
                                   ? (uint32_t)(2 * pause)
                                   : mdns->limits.query_max_ms;
        /* A node answers its own question, so that those who only listen hear of it. */
        if (mdns->n_addrs > 0) {
            want_answer(mdns, now);
        }
    }
    if (now >= mdns->answer_at) {
        mdns->must_answer = mdns->n_addrs > 0;
        mdns->answer_at = DBR_TIME_NEVER;
        mdns->answered = now;
        mdns->has_answered = true;
    }
}
