#include "maddr_proto.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/check.h"
#include "base58.h"
#include "multibase.h"
#include "peer_id.h"

#define IP_TEXT_SIZE 46 /* of the longest IPv6 address, with NUL */

static const struct dbr_maddr_proto protos[] = {
    {DBR_MADDR_IP4, 4, DBR_MADDR_IP4_ADDR, "ip4"},
    {DBR_MADDR_TCP, 2, DBR_MADDR_PORT, "tcp"},
    {DBR_MADDR_IP6, 16, DBR_MADDR_IP6_ADDR, "ip6"},
    {42, DBR_MADDR_PREFIXED, DBR_MADDR_NAME, "ip6zone"},
    {43, 1, DBR_MADDR_BYTE, "ipcidr"},
    {53, DBR_MADDR_PREFIXED, DBR_MADDR_NAME, "dns"},
    {54, DBR_MADDR_PREFIXED, DBR_MADDR_NAME, "dns4"},
    {55, DBR_MADDR_PREFIXED, DBR_MADDR_NAME, "dns6"},
    {56, DBR_MADDR_PREFIXED, DBR_MADDR_NAME, "dnsaddr"},
    {273, 2, DBR_MADDR_PORT, "udp"},
    {280, 0, DBR_MADDR_FLAG, "webrtc-direct"},
    {281, 0, DBR_MADDR_FLAG, "webrtc"},
    {290, 0, DBR_MADDR_FLAG, "p2p-circuit"},
    {400, DBR_MADDR_PREFIXED, DBR_MADDR_PATH, "unix"},
    {DBR_MADDR_P2P, DBR_MADDR_PREFIXED, DBR_MADDR_PEER, "p2p"},
    {448, 0, DBR_MADDR_FLAG, "tls"},
    {449, DBR_MADDR_PREFIXED, DBR_MADDR_NAME, "sni"},
    {454, 0, DBR_MADDR_FLAG, "noise"},
    {460, 0, DBR_MADDR_FLAG, "quic"},
    {461, 0, DBR_MADDR_FLAG, "quic-v1"},
    {465, 0, DBR_MADDR_FLAG, "webtransport"},
    {466, DBR_MADDR_PREFIXED, DBR_MADDR_CERTHASH, "certhash"},
    {477, 0, DBR_MADDR_FLAG, "ws"},
    {478, 0, DBR_MADDR_FLAG, "wss"},
    {480, 0, DBR_MADDR_FLAG, "http"},
    {481, DBR_MADDR_PREFIXED, DBR_MADDR_ESCAPED_PATH, "http-path"},
};

const struct dbr_maddr_proto *dbr_maddr_by_code(uint64_t code)
{
    for (size_t i = 0; i < DBR_COUNT(protos); i++) {
        if (protos[i].code == code) {
            return &protos[i];
        }
    }
    return NULL;
}

const struct dbr_maddr_proto *dbr_maddr_by_name(const char *name, size_t len)
{
    if (len == 4 && memcmp(name, "ipfs", 4) == 0) {
        name = "p2p"; /* its old name */
        len = 3;
    }
    for (size_t i = 0; i < DBR_COUNT(protos); i++) {
        if (strlen(protos[i].name) == len && memcmp(protos[i].name, name, len) == 0) {
            return &protos[i];
        }
    }
    return NULL;
}

/* ---- Text of one kind and its bytes ---------------------------------------- */

/* No blanks and no control bytes: an address is one word and ends at its NUL. */
static bool is_printable(const void *text, size_t len)
{
    const uint8_t *bytes = text;
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] <= 0x20 || bytes[i] == 0x7f) {
            return false;
        }
    }
    return len > 0;
}

static bool is_name(const void *text, size_t len)
{
    return is_printable(text, len) && memchr(text, '/', len) == NULL;
}

/* "/a/b": the trailing '/' of an address means nothing, so a path has none. */
static bool is_path(const void *text, size_t len)
{
    const char *chars = text;
    return is_printable(text, len) && len > 1 && chars[0] == '/' && chars[len - 1] != '/';
}

static int copy(void *out, size_t cap, const void *data, size_t len)
{
    if (len > cap) {
        return DEBROS_ELIMIT;
    }
    memcpy(out, data, len);
    return (int)len;
}

/* Text is copied with a NUL after it. */
static int copy_text(char *out, size_t cap, const void *text, size_t len)
{
    if (len >= cap) {
        return DEBROS_ELIMIT;
    }
    memcpy(out, text, len);
    out[len] = '\0';
    return (int)len;
}

static int ip_parse(int family, uint8_t *out, size_t cap, const char *text, size_t len)
{
    char ip[IP_TEXT_SIZE];
    size_t size = family == AF_INET ? 4 : 16;
    if (copy_text(ip, sizeof(ip), text, len) < 0 || strlen(ip) != len) {
        return DEBROS_EINVAL;
    }
    if (size > cap) {
        return DEBROS_ELIMIT;
    }
    return inet_pton(family, ip, out) == 1 ? (int)size : DEBROS_EINVAL;
}

static int ip_text(int family, char *out, size_t cap, debros_bytes value)
{
    char ip[IP_TEXT_SIZE];
    inet_ntop(family, value.data, ip, sizeof(ip));
    return copy_text(out, cap, ip, strlen(ip));
}

/* A decimal number of `size` bytes, big-endian. */
static int number_parse(size_t size, uint8_t *out, size_t cap, const char *text,
                        size_t len)
{
    uint32_t max = size == 1 ? 0xff : 0xffff;
    uint32_t number = 0;
    if (len == 0 || len > 5) {
        return DEBROS_EINVAL;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return DEBROS_EINVAL;
        }
        number = number * 10 + (uint32_t)(text[i] - '0');
    }
    if (number > max) {
        return DEBROS_EINVAL;
    }
    uint8_t bytes[2] = {(uint8_t)(number >> 8), (uint8_t)number};
    return copy(out, cap, bytes + 2 - size, size);
}

static int number_text(char *out, size_t cap, debros_bytes value)
{
    uint32_t number = 0;
    for (size_t i = 0; i < value.len; i++) {
        number = number << 8 | value.data[i];
    }
    int len = snprintf(out, cap, "%u", (unsigned)number);
    return len < 0 || (size_t)len >= cap ? DEBROS_ELIMIT : len;
}

static int peer_parse(uint8_t *out, size_t cap, const char *text, size_t len)
{
    struct dbr_peer_id id;
    if (dbr_peer_id_parse(&id, text, len) < 0) {
        return DEBROS_EINVAL;
    }
    return copy(out, cap, id.bytes, id.len);
}

static int peer_text(char *out, size_t cap, debros_bytes value)
{
    struct dbr_peer_id id;
    char text[DBR_PEER_ID_TEXT_SIZE];
    if (dbr_peer_id_from_bytes(&id, value) < 0) {
        return DEBROS_EPROTO;
    }
    dbr_peer_id_text(&id, text);
    return copy_text(out, cap, text, strlen(text));
}

/* A multihash of one-byte code and length: all that browsers use. */
static bool is_multihash(const uint8_t *data, size_t len)
{
    return len > 2 && data[0] < 0x80 && data[1] == len - 2 && len <= 0x7f;
}

static int certhash_parse(uint8_t *out, size_t cap, const char *text, size_t len)
{
    if (len == 0 || text[0] != 'u') {
        return DEBROS_EINVAL;
    }
    int n = dbr_base64url_decode(out, cap, text + 1, len - 1);
    return n < 0 || is_multihash(out, (size_t)n) ? n : DEBROS_EINVAL;
}

static int certhash_text(char *out, size_t cap, debros_bytes value)
{
    if (!is_multihash(value.data, value.len)) {
        return DEBROS_EPROTO;
    }
    int n = cap < 2 ? DEBROS_ELIMIT : dbr_base64url_encode(out + 1, cap - 1, value);
    if (n < 0) {
        return n;
    }
    out[0] = 'u';
    return n + 1;
}

/* RFC 3986 section 2.3. */
static bool is_unreserved(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '-' || c == '.' || c == '_' || c == '~';
}

static int escaped_parse(uint8_t *out, size_t cap, const char *text, size_t len)
{
    size_t n = 0;
    if (!is_name(text, len)) {
        return DEBROS_EINVAL;
    }
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = (uint8_t)text[i];
        if (byte == '%') {
            char digits[3] = {0};
            memcpy(digits, text + i + 1, len - i > 2 ? 2 : len - i - 1);
            if (dbr_hex_decode(&byte, 1, digits) < 0) {
                return DEBROS_EINVAL;
            }
            i += 2;
        }
        if (n == cap) {
            return DEBROS_ELIMIT;
        }
        out[n++] = byte;
    }
    return (int)n;
}

static int escaped_text(char *out, size_t cap, debros_bytes value)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t n = 0;
    if (value.len == 0) {
        return DEBROS_EPROTO;
    }
    for (size_t i = 0; i < value.len; i++) {
        uint8_t byte = value.data[i];
        if (cap - n < 4) {
            return DEBROS_ELIMIT;
        }
        if (is_unreserved(byte)) {
            out[n++] = (char)byte;
        } else {
            out[n++] = '%';
            out[n++] = digits[byte >> 4];
            out[n++] = digits[byte & 0x0f];
        }
    }
    out[n] = '\0';
    return (int)n;
}

/* ---- By kind ---------------------------------------------------------------- */

int dbr_maddr_value_parse(const struct dbr_maddr_proto *proto, uint8_t *out, size_t cap,
                          const char *text, size_t len)
{
    switch (proto->kind) {
    case DBR_MADDR_FLAG:
        return len == 0 ? 0 : DEBROS_EINVAL;
    case DBR_MADDR_IP4_ADDR:
        return ip_parse(AF_INET, out, cap, text, len);
    case DBR_MADDR_IP6_ADDR:
        return ip_parse(AF_INET6, out, cap, text, len);
    case DBR_MADDR_PORT:
    case DBR_MADDR_BYTE:
        return number_parse((size_t)proto->size, out, cap, text, len);
    case DBR_MADDR_NAME:
        return is_name(text, len) ? copy(out, cap, text, len) : DEBROS_EINVAL;
    case DBR_MADDR_PATH:
        return is_path(text, len) ? copy(out, cap, text, len) : DEBROS_EINVAL;
    case DBR_MADDR_ESCAPED_PATH:
        return escaped_parse(out, cap, text, len);
    case DBR_MADDR_PEER:
        return peer_parse(out, cap, text, len);
    case DBR_MADDR_CERTHASH:
        return certhash_parse(out, cap, text, len);
    }
    dbr_unreachable();
}

int dbr_maddr_value_text(const struct dbr_maddr_proto *proto, char *out, size_t cap,
                         debros_bytes value)
{
    dbr_assert(proto->size < 0 || value.len == (size_t)proto->size);
    switch (proto->kind) {
    case DBR_MADDR_FLAG:
        return copy_text(out, cap, "", 0);
    case DBR_MADDR_IP4_ADDR:
        return ip_text(AF_INET, out, cap, value);
    case DBR_MADDR_IP6_ADDR:
        return ip_text(AF_INET6, out, cap, value);
    case DBR_MADDR_PORT:
    case DBR_MADDR_BYTE:
        return number_text(out, cap, value);
    case DBR_MADDR_NAME:
        return is_name(value.data, value.len) ? copy_text(out, cap, value.data, value.len)
                                              : DEBROS_EPROTO;
    case DBR_MADDR_PATH:
        return is_path(value.data, value.len) ? copy_text(out, cap, value.data, value.len)
                                              : DEBROS_EPROTO;
    case DBR_MADDR_ESCAPED_PATH:
        return escaped_text(out, cap, value);
    case DBR_MADDR_PEER:
        return peer_text(out, cap, value);
    case DBR_MADDR_CERTHASH:
        return certhash_text(out, cap, value);
    }
    dbr_unreachable();
}
