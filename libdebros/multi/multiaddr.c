#include "multiaddr.h"

#include "base/check.h"
#include "base/detail.h"
#include "base/reader.h"
#include "maddr_proto.h"

struct component {
    const struct dbr_maddr_proto *proto;
    debros_bytes value;
    size_t offset; /* of its first byte in the address */
};

/* False at the end of the address, with r->bad when the end is an error. */
static bool next_component(struct dbr_reader *r, struct component *out)
{
    if (dbr_reader_left(r) == 0) {
        return false;
    }
    out->proto = dbr_maddr_by_code(dbr_reader_uvarint(r));
    if (out->proto == NULL) {
        r->bad = true; /* of unknown length: nothing behind it can be read */
        return false;
    }
    uint64_t len = out->proto->size == DBR_MADDR_PREFIXED ? dbr_reader_uvarint(r)
                                                          : (uint64_t)out->proto->size;
    if (len > dbr_reader_left(r)) {
        r->bad = true;
        return false;
    }
    out->value = dbr_reader_bytes(r, (size_t)len);
    return !r->bad;
}

/* A path ends the address, for in text nothing could be told from it. */
static int format(debros_bytes bytes, char out[DBR_MULTIADDR_TEXT_SIZE])
{
    struct dbr_reader r;
    struct component c;
    size_t len = 0;
    dbr_reader_init(&r, bytes);
    out[0] = '\0';
    while (next_component(&r, &c)) {
        const char *name = c.proto->name;
        bool has_path = c.proto->kind == DBR_MADDR_PATH;
        if (has_path && dbr_reader_left(&r) > 0) {
            return DEBROS_EPROTO;
        }
        /* '/' before the name, '/' before a value; a path brings its own. */
        if (strlen(name) + 3 > DBR_MULTIADDR_TEXT_SIZE - len) {
            return DEBROS_ELIMIT;
        }
        out[len++] = '/';
        memcpy(out + len, name, strlen(name));
        len += strlen(name);
        if (c.proto->kind != DBR_MADDR_FLAG && !has_path) {
            out[len++] = '/';
        }
        int n = dbr_maddr_value_text(c.proto, out + len, DBR_MULTIADDR_TEXT_SIZE - len,
                                     c.value);
        if (n < 0) {
            return n;
        }
        len += (size_t)n;
    }
    return r.bad ? DEBROS_EPROTO : 0;
}

/* /ip4/A/tcp/P, as most are: whatever its bytes, it is well formed. */
static bool is_plain(debros_bytes bytes)
{
    return bytes.len == 8 && bytes.data[0] == DBR_MADDR_IP4 &&
           bytes.data[5] == DBR_MADDR_TCP;
}

int dbr_multiaddr_from_bytes(struct dbr_multiaddr *out, debros_bytes bytes)
{
    char text[DBR_MULTIADDR_TEXT_SIZE];
    *out = (struct dbr_multiaddr){0};
    if (bytes.len == 0) {
        return DEBROS_EPROTO;
    }
    if (bytes.len > DBR_MULTIADDR_MAX) {
        return DEBROS_ELIMIT;
    }
    /* What has a text is well formed, and dbr_multiaddr_text() can never fail. */
    int err = is_plain(bytes) ? 0 : format(bytes, text);
    if (err == 0) {
        out->len = (uint16_t)bytes.len;
        memcpy(out->bytes, bytes.data, bytes.len);
    }
    return err;
}

const char *dbr_multiaddr_text(const struct dbr_multiaddr *addr,
                               char out[DBR_MULTIADDR_TEXT_SIZE])
{
    int err = format(dbr_bytes(addr->bytes, addr->len), out);
    dbr_assert(err == 0);
    return out;
}

bool dbr_multiaddr_equal(const struct dbr_multiaddr *a, const struct dbr_multiaddr *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* ---- Text ------------------------------------------------------------------- */

static bool add(struct dbr_multiaddr *addr, const void *data, size_t len)
{
    if (len > (size_t)(DBR_MULTIADDR_MAX - addr->len)) {
        return false;
    }
    memcpy(addr->bytes + addr->len, data, len);
    addr->len = (uint16_t)(addr->len + len);
    return true;
}

static bool add_uvarint(struct dbr_multiaddr *addr, size_t value)
{
    dbr_assert(value < 1u << 14);
    uint8_t bytes[2] = {(uint8_t)(value | 0x80), (uint8_t)(value >> 7)};
    if (value < 0x80) {
        bytes[0] = (uint8_t)value;
        return add(addr, bytes, 1);
    }
    return add(addr, bytes, 2);
}

static bool add_component(struct dbr_multiaddr *addr, const struct dbr_maddr_proto *proto,
                          const uint8_t *value, size_t len)
{
    return add_uvarint(addr, proto->code) &&
           (proto->size != DBR_MADDR_PREFIXED || add_uvarint(addr, len)) &&
           add(addr, value, len);
}

/* A borrowed piece of the text that is parsed. */
struct piece {
    const char *text;
    size_t len;
};

/* Cuts the piece up to the next '/' off the front of `rest`, which begins with one. */
static struct piece next_piece(struct piece *rest)
{
    struct piece piece = {rest->text, 0};
    if (rest->len > 0) {
        const char *start = rest->text + 1;
        const char *slash = memchr(start, '/', rest->len - 1);
        piece.text = start;
        piece.len = slash == NULL ? rest->len - 1 : (size_t)(slash - start);
        rest->text = start + piece.len;
        rest->len -= 1 + piece.len;
    }
    return piece;
}

static int too_long(debros_detail *detail)
{
    return dbr_detail_set(detail, DEBROS_ELIMIT,
                          "the address is too long: at most %d bytes, or %d characters",
                          DBR_MULTIADDR_MAX, DBR_MULTIADDR_TEXT_SIZE - 1);
}

static int parse_component(struct dbr_multiaddr *out, struct piece *rest,
                           debros_detail *detail)
{
    struct piece name = next_piece(rest);
    struct piece value = {NULL, 0};
    uint8_t bytes[DBR_MULTIADDR_MAX];
    const struct dbr_maddr_proto *proto = dbr_maddr_by_name(name.text, name.len);
    if (proto == NULL) {
        return dbr_detail_set(detail, DEBROS_EINVAL,
                              "unknown protocol \"%.*s\" in an address; write it like "
                              "/ip4/127.0.0.1/tcp/4001 or /ip6/::1/tcp/4001/p2p/ID",
                              (int)name.len, name.text);
    }
    if (proto->kind == DBR_MADDR_PATH) {
        value = *rest;
        rest->len = 0;
    } else if (proto->kind != DBR_MADDR_FLAG) {
        value = next_piece(rest);
    }
    int len = dbr_maddr_value_parse(proto, bytes, sizeof(bytes), value.text, value.len);
    if (len == DEBROS_ELIMIT) {
        return too_long(detail);
    }
    if (len < 0) {
        return dbr_detail_set(detail, DEBROS_EINVAL, "\"%.*s\" is no value for /%s",
                              (int)value.len, value.len == 0 ? "" : value.text,
                              proto->name);
    }
    return add_component(out, proto, bytes, (size_t)len) ? 0 : too_long(detail);
}

int dbr_multiaddr_parse(struct dbr_multiaddr *out, const char *text,
                        debros_detail *detail)
{
    struct dbr_multiaddr addr = {0};
    struct piece rest = {text, strlen(text)};
    *out = addr;
    if (rest.len >= DBR_MULTIADDR_TEXT_SIZE) {
        return too_long(detail);
    }
    while (rest.len > 0 && rest.text[rest.len - 1] == '/') {
        rest.len--;
    }
    if (rest.len == 0 || rest.text[0] != '/') {
        return dbr_detail_set(detail, DEBROS_EINVAL,
                              "\"%s\" is no multiaddr; write it like "
                              "/ip4/127.0.0.1/tcp/4001",
                              text);
    }
    while (rest.len > 0) {
        int err = parse_component(&addr, &rest, detail);
        if (err < 0) {
            return err;
        }
    }
    int err = dbr_multiaddr_from_bytes(out, dbr_bytes(addr.bytes, addr.len));
    dbr_assert(err == 0 || err == DEBROS_ELIMIT);
    return err < 0 ? too_long(detail) : 0;
}

/* ---- Peer ids --------------------------------------------------------------- */

/* The last component, when it is a /p2p. */
static bool last_peer(const struct dbr_multiaddr *addr, struct component *out)
{
    struct dbr_reader r;
    struct component c;
    bool is_peer = false;
    dbr_reader_init(&r, dbr_bytes(addr->bytes, addr->len));
    size_t offset = 0;
    while (next_component(&r, &c)) {
        *out = c;
        out->offset = offset;
        offset = addr->len - dbr_reader_left(&r);
        is_peer = c.proto->code == DBR_MADDR_P2P;
    }
    return is_peer;
}

bool dbr_multiaddr_peer(const struct dbr_multiaddr *addr, struct dbr_peer_id *peer)
{
    struct component c;
    return last_peer(addr, &c) && dbr_peer_id_from_bytes(peer, c.value) == 0;
}

void dbr_multiaddr_cut_peer(struct dbr_multiaddr *addr)
{
    struct component c;
    if (last_peer(addr, &c)) {
        memset(addr->bytes + c.offset, 0, addr->len - c.offset);
        addr->len = (uint16_t)c.offset;
    }
}

int dbr_multiaddr_set_peer(struct dbr_multiaddr *addr, const struct dbr_peer_id *peer)
{
    dbr_assert(!dbr_peer_id_is_none(peer));
    struct dbr_multiaddr changed = *addr;
    char text[DBR_MULTIADDR_TEXT_SIZE];
    dbr_multiaddr_cut_peer(&changed);
    if (!add_component(&changed, dbr_maddr_by_code(DBR_MADDR_P2P), peer->bytes,
                       peer->len) ||
        format(dbr_bytes(changed.bytes, changed.len), text) < 0) {
        return DEBROS_ELIMIT;
    }
    *addr = changed;
    return 0;
}

/* ---- Endpoints -------------------------------------------------------------- */

/* HOST/tcp/N, with or without /p2p. */
static bool host_and_port(const struct dbr_multiaddr *addr, struct component *host,
                          uint16_t *port)
{
    struct dbr_reader r;
    struct component tcp;
    struct component rest;
    dbr_reader_init(&r, dbr_bytes(addr->bytes, addr->len));
    if (!next_component(&r, host) || !next_component(&r, &tcp) ||
        tcp.proto->code != DBR_MADDR_TCP) {
        return false;
    }
    if (next_component(&r, &rest) &&
        (rest.proto->code != DBR_MADDR_P2P || dbr_reader_left(&r) > 0)) {
        return false;
    }
    *port = (uint16_t)(tcp.value.data[0] << 8 | tcp.value.data[1]);
    return true;
}

bool dbr_multiaddr_endpoint(const struct dbr_multiaddr *addr, struct dbr_endpoint *out)
{
    struct component ip;
    uint16_t port;
    if (!host_and_port(addr, &ip, &port) ||
        (ip.proto->code != DBR_MADDR_IP4 && ip.proto->code != DBR_MADDR_IP6)) {
        return false;
    }
    *out = (struct dbr_endpoint){.is_ip6 = ip.proto->code == DBR_MADDR_IP6, .port = port};
    memcpy(out->ip, ip.value.data, ip.value.len);
    return true;
}

bool dbr_multiaddr_name(const struct dbr_multiaddr *addr, struct dbr_name *out)
{
    struct component name;
    uint16_t port;
    if (!host_and_port(addr, &name, &port) || name.value.len >= DBR_NAME_SIZE ||
        (name.proto->code != DBR_MADDR_DNS && name.proto->code != DBR_MADDR_DNS4 &&
         name.proto->code != DBR_MADDR_DNS6)) {
        return false;
    }
    *out = (struct dbr_name){.port = port};
    out->ip_version = name.proto->code == DBR_MADDR_DNS4   ? 4
                      : name.proto->code == DBR_MADDR_DNS6 ? 6
                                                           : 0;
    memcpy(out->text, name.value.data, name.value.len);
    return true;
}

bool dbr_multiaddr_is_dialable(const struct dbr_multiaddr *addr)
{
    struct dbr_endpoint endpoint;
    struct dbr_name name;
    return dbr_multiaddr_endpoint(addr, &endpoint) || dbr_multiaddr_name(addr, &name);
}

void dbr_multiaddr_from_endpoint(struct dbr_multiaddr *out,
                                 const struct dbr_endpoint *endpoint)
{
    uint8_t port[2] = {(uint8_t)(endpoint->port >> 8), (uint8_t)endpoint->port};
    uint16_t code = endpoint->is_ip6 ? DBR_MADDR_IP6 : DBR_MADDR_IP4;
    *out = (struct dbr_multiaddr){0};
    bool fits = add_component(out, dbr_maddr_by_code(code), endpoint->ip,
                              endpoint->is_ip6 ? 16 : 4) &&
                add_component(out, dbr_maddr_by_code(DBR_MADDR_TCP), port, sizeof(port));
    dbr_assert(fits);
}

/* The four bytes of an IPv4 address, also of one mapped into IPv6 (RFC 4291 2.5.5.2). */
static const uint8_t *ip4_part(const struct dbr_endpoint *endpoint)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (!endpoint->is_ip6) {
        return endpoint->ip;
    }
    return memcmp(endpoint->ip, mapped, sizeof(mapped)) == 0 ? endpoint->ip + 12 : NULL;
}

bool dbr_endpoint_is_loopback(const struct dbr_endpoint *endpoint)
{
    static const uint8_t ip6_loopback[16] = {[15] = 1};
    const uint8_t *ip4 = ip4_part(endpoint);
    return ip4 != NULL ? ip4[0] == 127 : memcmp(endpoint->ip, ip6_loopback, 16) == 0;
}

bool dbr_endpoint_is_wildcard(const struct dbr_endpoint *endpoint)
{
    static const uint8_t zero[16];
    const uint8_t *ip4 = ip4_part(endpoint);
    return ip4 != NULL ? memcmp(ip4, zero, 4) == 0 : memcmp(endpoint->ip, zero, 16) == 0;
}
