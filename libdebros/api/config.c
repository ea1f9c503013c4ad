#include "api/config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/detail.h"
#include "cluster/members.h"
#include "core/core.h"
#include "transfer/transfer.h"

_Static_assert(DBR_CONFIG_MAX_ADVERTISE == DBR_MEMBER_ADDRS, "a member's row has all");

void debros_config_default(debros_config *config)
{
    struct dbr_transfer_limits snapshots;
    struct dbr_discovery_limits discovery = {0};
    dbr_transfer_limits_default(&snapshots);
    dbr_discovery_limits_default(&discovery);
    *config = (debros_config){
        .size = sizeof(*config),
        .max_connections = 256,
        .max_pending = 4096,
        .busy_poll = DBR_CONFIG_BUSY_POLL_US,
        .client_busy_poll = DBR_CONFIG_CLIENT_BUSY_POLL_US,
        .request_timeout = 30000,
        .election_timeout = 1000,
        .connect_timeout = 30000,
        .retry_delay = 5000,
        .retry_attempts = 3,
        .client_connections = 3,
        .discovery_interval = discovery.interval_ms,
        .discovery_dials = discovery.dials,
        .low_water = discovery.low_water,
        .high_water = discovery.high_water,
        .snapshot_rate = snapshots.rate,
        .snapshot_chunk = snapshots.chunk,
        .log_level = DEBROS_LOG_WARN,
    };
}

size_t dbr_config_memory(const debros_config *config)
{
    if (config->max_memory != 0) {
        return config->max_memory < SIZE_MAX ? (size_t)config->max_memory : SIZE_MAX;
    }
    long pages = sysconf(_SC_PHYS_PAGES);
    long page_size = sysconf(_SC_PAGESIZE);
    if (pages <= 0 || page_size <= 0) {
        return 0;
    }
    size_t quarter = (size_t)pages / 4 * (size_t)page_size;
    return quarter > DBR_CONFIG_MIN_MEMORY ? quarter : DBR_CONFIG_MIN_MEMORY;
}

char *dbr_config_path(struct dbr_arena *arena, const char *folder, const char *name)
{
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = dbr_arena_alloc(arena, size);
    if (path != NULL) {
        snprintf(path, size, "%s/%s", folder, name);
    }
    return path;
}

struct number {
    const char *name;
    uint32_t value;
};

static int check_numbers(const debros_config *c, debros_detail *detail)
{
    if (c->max_connections < 1 || c->max_connections > DBR_CONFIG_MAX_CONNECTIONS) {
        return dbr_detail_set(detail, DEBROS_EINVAL,
                              "max_connections %u is not in 1 to %u", c->max_connections,
                              DBR_CONFIG_MAX_CONNECTIONS);
    }
    if (c->max_pending < 1 || c->max_pending > DBR_CONFIG_MAX_PENDING) {
        return dbr_detail_set(detail, DEBROS_EINVAL, "max_pending %u is not in 1 to %u",
                              c->max_pending, DBR_CONFIG_MAX_PENDING);
    }
    const struct number polls[] = {{"busy_poll", c->busy_poll},
                                   {"client_busy_poll", c->client_busy_poll}};
    for (size_t i = 0; i < DBR_COUNT(polls); i++) {
        if (polls[i].value > DBR_CONFIG_MAX_BUSY_POLL_US) {
            return dbr_detail_set(detail, DEBROS_EINVAL, "%s %u is not in 0 to %u us",
                                  polls[i].name, polls[i].value,
                                  DBR_CONFIG_MAX_BUSY_POLL_US);
        }
    }
    if (c->election_timeout < DBR_CONFIG_MIN_ELECTION_MS ||
        c->election_timeout > DBR_CONFIG_MAX_ELECTION_MS) {
        return dbr_detail_set(
            detail, DEBROS_EINVAL, "election_timeout %u is not in %u to %u ms",
            c->election_timeout, DBR_CONFIG_MIN_ELECTION_MS, DBR_CONFIG_MAX_ELECTION_MS);
    }
    if (c->request_timeout < 1) {
        return dbr_detail_set(detail, DEBROS_EINVAL, "request_timeout is 0");
    }
    if (c->connect_timeout < 1 || c->retry_delay < 1) {
        return dbr_detail_set(detail, DEBROS_EINVAL, "%s is 0",
                              c->connect_timeout < 1 ? "connect_timeout" : "retry_delay");
    }
    if (c->retry_attempts > DBR_CONFIG_MAX_RETRIES) {
        return dbr_detail_set(detail, DEBROS_EINVAL, "retry_attempts %u is above %u",
                              c->retry_attempts, DBR_CONFIG_MAX_RETRIES);
    }
    if (c->client_connections < 1 || c->client_connections > DBR_CONFIG_MAX_POOL) {
        return dbr_detail_set(detail, DEBROS_EINVAL,
                              "client_connections %u is not in 1 to %u",
                              c->client_connections, DBR_CONFIG_MAX_POOL);
    }
    if (c->n_listen > DBR_CONFIG_MAX_LISTEN) {
        return dbr_detail_set(detail, DEBROS_EINVAL, "%zu listen addresses, at most %u",
                              c->n_listen, DBR_CONFIG_MAX_LISTEN);
    }
    if (c->n_bootstrap > DBR_CONFIG_MAX_BOOTSTRAP) {
        return dbr_detail_set(detail, DEBROS_EINVAL,
                              "%zu bootstrap addresses, at most %u", c->n_bootstrap,
                              DBR_CONFIG_MAX_BOOTSTRAP);
    }
    if (c->n_advertise > DBR_CONFIG_MAX_ADVERTISE) {
        return dbr_detail_set(detail, DEBROS_EINVAL,
                              "%zu advertise addresses, at most %u", c->n_advertise,
                              DBR_CONFIG_MAX_ADVERTISE);
    }
    return 0;
}

static int check_discovery(const debros_config *c, debros_detail *detail)
{
    if (c->discovery_interval < DBR_CONFIG_MIN_DISCOVERY_MS ||
        c->discovery_interval > DBR_CONFIG_MAX_DISCOVERY_MS) {
        return dbr_detail_set(detail, DEBROS_EINVAL,
                              "discovery_interval %u is not in %u to %u ms",
                              c->discovery_interval, DBR_CONFIG_MIN_DISCOVERY_MS,
                              DBR_CONFIG_MAX_DISCOVERY_MS);
    }
    if (c->discovery_dials < 1 || c->discovery_dials > DBR_CONFIG_MAX_DIALS) {
        return dbr_detail_set(detail, DEBROS_EINVAL,
                              "discovery_dials %u is not in 1 to %u", c->discovery_dials,
                              DBR_CONFIG_MAX_DIALS);
    }
    const struct number marks[] = {{"low_water", c->low_water},
                                   {"high_water", c->high_water}};
    for (size_t i = 0; i < DBR_COUNT(marks); i++) {
        if (marks[i].value < 1 || marks[i].value > DBR_CONFIG_MAX_WATER) {
            return dbr_detail_set(detail, DEBROS_EINVAL, "%s %u is not in 1 to %u",
                                  marks[i].name, marks[i].value, DBR_CONFIG_MAX_WATER);
        }
    }
    if (c->low_water > c->high_water) {
        return dbr_detail_set(detail, DEBROS_EINVAL,
                              "low_water %u is above high_water %u: a node would let go "
                              "of what it has just dialed",
                              c->low_water, c->high_water);
    }
    return 0;
}

static int check_bytes(const debros_config *c, debros_detail *detail)
{
    uint64_t memory = c->max_memory;
    if (memory != 0 &&
        (memory < DBR_CONFIG_MIN_MEMORY || memory > DBR_CONFIG_MAX_MEMORY)) {
        return dbr_detail_set(
            detail, DEBROS_EINVAL, "max_memory %llu is neither 0 nor in %u to %llu bytes",
            (unsigned long long)memory, DBR_CONFIG_MIN_MEMORY,
            (unsigned long long)DBR_CONFIG_MAX_MEMORY);
    }
    if (c->snapshot_rate < DBR_CONFIG_MIN_RATE ||
        c->snapshot_rate > DBR_CONFIG_MAX_RATE) {
        return dbr_detail_set(
            detail, DEBROS_EINVAL, "snapshot_rate %llu is not in %u to %llu bytes",
            (unsigned long long)c->snapshot_rate, DBR_CONFIG_MIN_RATE,
            (unsigned long long)DBR_CONFIG_MAX_RATE);
    }
    if (c->snapshot_chunk < DBR_CONFIG_MIN_CHUNK ||
        c->snapshot_chunk > DBR_CONFIG_MAX_CHUNK) {
        return dbr_detail_set(detail, DEBROS_EINVAL,
                              "snapshot_chunk %u is not in %u to %u bytes",
                              c->snapshot_chunk, DBR_CONFIG_MIN_CHUNK,
                              DBR_CONFIG_MAX_CHUNK);
    }
    return 0;
}

/* What a client is, and what a node is. */
static int check_kind(const debros_config *c, debros_detail *detail)
{
    if (!c->client && (c->data_dir == NULL || c->data_dir[0] == '\0')) {
        return dbr_detail_set(detail, DEBROS_EINVAL,
                              "data_dir is missing: a node needs a folder for its state");
    }
    if (c->client && c->invite != NULL) {
        return dbr_detail_set(detail, DEBROS_EINVAL,
                              "an invite is for a node, not a client");
    }
    if (c->client && c->n_listen > 0) {
        return dbr_detail_set(detail, DEBROS_EINVAL, "a client does not listen");
    }
    if (c->client && c->n_advertise > 0) {
        return dbr_detail_set(
            detail, DEBROS_EINVAL,
            "a client does not listen: it has no addresses to advertise");
    }
    if (c->callback_thread && c->inline_callbacks) {
        return dbr_detail_set(detail, DEBROS_EINVAL,
                              "callback_thread and inline_callbacks exclude each other");
    }
    return 0;
}

static int check_protocol(const char *id, debros_detail *detail)
{
    if (id == NULL) {
        return 0;
    }
    size_t len = 0;
    while (len <= DBR_CONFIG_MAX_PROTOCOL && id[len] > ' ' && id[len] <= '~') {
        len++;
    }
    if (len < 2 || len > DBR_CONFIG_MAX_PROTOCOL || id[0] != '/' || id[len] != '\0') {
        return dbr_detail_set(detail, DEBROS_EINVAL,
                              "kad_protocol '%.100s': a protocol's id is a / and up to "
                              "%u printable characters without spaces, such as "
                              "/debros/kad/1.0.0",
                              id, DBR_CONFIG_MAX_PROTOCOL - 1);
    }
    if (dbr_core_speaks(id)) {
        return dbr_detail_set(detail, DEBROS_EINVAL,
                              "kad_protocol '%s': a node has that protocol for "
                              "something else; choose another id",
                              id);
    }
    return 0;
}

static int parse_listen(struct dbr_config *out, debros_detail *detail)
{
    for (size_t i = 0; i < out->c.n_listen; i++) {
        const char *text = out->c.listen[i];
        struct dbr_multiaddr addr;
        struct dbr_peer_id peer;
        debros_detail why = {.text = "not of the shape /ip4/ADDRESS/tcp/PORT"};
        if (dbr_multiaddr_parse(&addr, text, &why) != 0 ||
            dbr_multiaddr_peer(&addr, &peer) ||
            !dbr_multiaddr_endpoint(&addr, &out->listen[i])) {
            return dbr_detail_set(detail, DEBROS_EINVAL, "listen address '%s': %s", text,
                                  why.text);
        }
    }
    return 0;
}

static int parse_bootstrap(struct dbr_config *out, debros_detail *detail)
{
    for (size_t i = 0; i < out->c.n_bootstrap; i++) {
        const char *text = out->c.bootstrap[i];
        struct dbr_peer_id peer;
        debros_detail why = {.text = "not of the shape /ip4/ADDRESS/tcp/PORT/p2p/ID or "
                                     "/dns4/NAME/tcp/PORT/p2p/ID"};
        if (dbr_multiaddr_parse(&out->bootstrap[i], text, &why) != 0 ||
            !dbr_multiaddr_peer(&out->bootstrap[i], &peer) ||
            !dbr_multiaddr_is_dialable(&out->bootstrap[i])) {
            return dbr_detail_set(detail, DEBROS_EINVAL, "bootstrap address '%s': %s",
                                  text, why.text);
        }
    }
    return 0;
}

/* Why nobody could dial it; NULL: it is as it should be. */
static const char *advertise_fault(const struct dbr_multiaddr *addr)
{
    struct dbr_peer_id peer;
    struct dbr_endpoint endpoint;
    struct dbr_name name;
    bool by_number = dbr_multiaddr_endpoint(addr, &endpoint);
    if (!by_number && !dbr_multiaddr_name(addr, &name)) {
        return "not of the shape /ip4/ADDRESS/tcp/PORT or /dns4/NAME/tcp/PORT";
    }
    if (dbr_multiaddr_peer(addr, &peer)) {
        return "leave out /p2p/ID, which is always the node's own";
    }
    if ((by_number ? endpoint.port : name.port) == 0) {
        return "nobody can dial port 0; give the port that leads to the node";
    }
    if (by_number && dbr_endpoint_is_wildcard(&endpoint)) {
        return "nobody can dial a wildcard; give an address that leads to the node";
    }
    return NULL;
}

static int parse_advertise(struct dbr_config *out, debros_detail *detail)
{
    for (size_t i = 0; i < out->c.n_advertise; i++) {
        const char *text = out->c.advertise[i];
        struct dbr_multiaddr *addr = &out->advertise[i];
        debros_detail why = {.text = ""};
        const char *fault = dbr_multiaddr_parse(addr, text, &why) != 0
                                ? why.text
                                : advertise_fault(addr);
        if (fault != NULL) {
            return dbr_detail_set(detail, DEBROS_EINVAL, "advertise address '%s': %s",
                                  text, fault);
        }
    }
    return 0;
}

static bool copy_text(struct dbr_config *out, const char **text)
{
    if (*text == NULL) {
        return true;
    }
    *text = dbr_arena_strdup(&out->arena, *text);
    return *text != NULL;
}

static bool copy_texts(struct dbr_config *out, const char *const **texts, size_t n)
{
    const char **copies = dbr_arena_calloc(&out->arena, n + 1, sizeof(*copies));
    for (size_t i = 0; copies != NULL && i < n; i++) {
        copies[i] = (*texts)[i] == NULL ? "" : (*texts)[i];
        if (!copy_text(out, &copies[i])) {
            return false;
        }
    }
    *texts = copies;
    return copies != NULL;
}

static bool copy_all(struct dbr_config *out)
{
    debros_config *c = &out->c;
    if (!copy_text(out, &c->data_dir) || !copy_text(out, &c->identity_path) ||
        !copy_text(out, &c->invite) || !copy_text(out, &c->kad_protocol) ||
        !copy_texts(out, &c->listen, c->n_listen) ||
        !copy_texts(out, &c->bootstrap, c->n_bootstrap) ||
        !copy_texts(out, &c->advertise, c->n_advertise)) {
        return false;
    }
    out->identity_path = c->identity_path;
    if (out->identity_path == NULL && c->data_dir != NULL) {
        out->identity_path = dbr_config_path(&out->arena, c->data_dir, "identity.key");
        return out->identity_path != NULL;
    }
    return true;
}

int dbr_config_init(struct dbr_config *out, const debros_config *from,
                    debros_detail *detail)
{
    memset(out, 0, sizeof(*out));
    if (from->size != sizeof(*from)) {
        return dbr_detail_set(detail, DEBROS_EINVAL,
                              "config.size is %zu: begin with debros_config_default()",
                              from->size);
    }
    out->c = *from;
    int err = check_numbers(from, detail);
    if (err == 0) {
        err = check_bytes(from, detail);
    }
    if (err == 0) {
        err = check_discovery(from, detail);
    }
    if (err == 0) {
        err = check_kind(from, detail);
    }
    if (err == 0) {
        err = check_protocol(from->kad_protocol, detail);
    }
    if (err != 0) {
        return err;
    }
    dbr_arena_init(&out->arena, 0);
    if (!copy_all(out)) {
        err = dbr_detail_set(detail, DEBROS_ENOMEM, "out of memory");
    }
    if (err == 0) {
        err = parse_listen(out, detail);
    }
    if (err == 0) {
        err = parse_bootstrap(out, detail);
    }
    if (err == 0) {
        err = parse_advertise(out, detail);
    }
    if (err != 0) {
        dbr_config_finish(out);
    }
    return err;
}

void dbr_config_finish(struct dbr_config *config)
{
    dbr_arena_finish(&config->arena);
}

int debros_config_check(const debros_config *config, debros_detail *detail)
{
    struct dbr_config checked;
    int err = dbr_config_init(&checked, config, detail);
    if (err == 0) {
        dbr_config_finish(&checked);
    }
    return err;
}
