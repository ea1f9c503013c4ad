#include "driver/multicast.h"

#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/check.h"
#include "driver/address.h"
#include "driver/inner.h"
#include "driver/links.h"

#define MODULE       "mdns"
#define PORT         5353
#define LOOK_MS      10000
#define TTL          255 /* RFC 6762 section 11: some ignore packets with another one */
#define GROUP_IP4    "224.0.0.251"
#define GROUP_IP6    "ff02::fb"
#define WORDS_SIZE   200
#define LINK_IP_SIZE (DBR_ADDRESS_TEXT_SIZE + DBR_LINK_NAME_SIZE)

/* The socket of one kind of address; libuv holds its memory until it is closed. */
struct group {
    uv_udp_t handle;
    bool is_ip6;
    bool is_waiting; /* for the next turn, with packets to read */
};

struct dbr_multicast {
    struct dbr_loop *loop;
    struct dbr_multicast_config config;
    struct group *groups[2]; /* IPv4, IPv6; NULL: it does not work */
    struct dbr_links links;
    bool joined[DBR_LINKS_MAX]; /* the groups, by the first address of an interface */
    dbr_time look_at;
    unsigned n_read; /* in this turn */
    bool has_looked;
    bool has_warned;
};

void dbr_multicast_config_default(struct dbr_multicast_config *config)
{
    *config = (struct dbr_multicast_config){.port = PORT, .look_ms = LOOK_MS};
}

/* ---- Reading ----------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    struct dbr_loop *loop = handle->loop->data;
    (void)size;
    *buf = uv_buf_init((char *)loop->read_buffer, sizeof(loop->read_buffer));
}

static void on_packet(uv_udp_t *handle, ssize_t len, const uv_buf_t *buf,
                      const struct sockaddr *from, unsigned flags)
{
    struct dbr_loop *loop = handle->loop->data;
    struct dbr_multicast *m = loop->multicast;
    struct group *group = handle->data;
    struct dbr_endpoint source;
    dbr_loop_woke(loop);
    if (len <= 0 || from == NULL) {
        return; /* nothing more to read, or an error that the next send meets too */
    }
    if (++m->n_read >= DBR_MULTICAST_READS) {
        group->is_waiting = true;
        uv_udp_recv_stop(handle);
    }
    if ((flags & UV_UDP_PARTIAL) == 0 && dbr_address_to_endpoint(&source, from) &&
        source.port == m->config.port && dbr_links_reach(&m->links, &source)) {
        debros_bytes packet = {(const uint8_t *)buf->base, (size_t)len};
        loop->handler->multicast(loop->data, packet, dbr_links_own(&m->links, &source),
                                 dbr_loop_now());
    }
}

/* ---- Sockets ------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    dbr_free(handle->data);
}

static void close_groups(struct dbr_multicast *m)
{
    for (int i = 0; i < 2; i++) {
        if (m->groups[i] != NULL) {
            uv_close((uv_handle_t *)&m->groups[i]->handle, on_closed);
            m->groups[i] = NULL;
        }
    }
}

/* An address of the interface, as libuv wants to be told which one is meant. */
static const char *link_text(const struct dbr_link *link, char out[LINK_IP_SIZE])
{
    char ip[DBR_ADDRESS_TEXT_SIZE];
    if (link->address.is_ip6) {
        snprintf(out, LINK_IP_SIZE, "::%%%s", link->name);
    } else {
        snprintf(out, LINK_IP_SIZE, "%s", dbr_address_ip_text(&link->address, ip));
    }
    return out;
}

static bool is_first(const struct dbr_links *links, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (links->items[k].index == links->items[i].index &&
            links->items[k].address.is_ip6 == links->items[i].address.is_ip6) {
            return false;
        }
    }
    return true;
}

/* On every interface once; some cannot. 0, or why none could. */
static int join(struct dbr_multicast *m, struct group *group)
{
    int err = UV_ENODEV;
    int first_err = 0;
    for (size_t i = 0; i < m->links.n; i++) {
        char text[LINK_IP_SIZE];
        if (m->links.items[i].address.is_ip6 != group->is_ip6 ||
            !is_first(&m->links, i)) {
            continue;
        }
        int e = uv_udp_set_membership(
            &group->handle, group->is_ip6 ? GROUP_IP6 : GROUP_IP4,
            link_text(&m->links.items[i], text), UV_JOIN_GROUP);
        m->joined[i] = e == 0;
        first_err = first_err != 0 ? first_err : e;
        err = e == 0 ? 0 : err;
    }
    return err == 0 || first_err == 0 ? err : first_err;
}

/* Other programs of this machine have the port too. Some ask for SO_REUSEADDR and some
 * for SO_REUSEPORT of all that share it; the kernel gives each its copy either way. */
static int bind_shared(uv_udp_t *handle, bool is_ip6, uint16_t port)
{
    struct dbr_endpoint any = {.is_ip6 = is_ip6, .port = port};
    struct sockaddr_storage address;
    unsigned flags = UV_UDP_REUSEADDR | (is_ip6 ? UV_UDP_IPV6ONLY : 0);
    dbr_address_from_endpoint(&address, &any);
#ifdef SO_REUSEPORT
    uv_os_fd_t fd;
    int on = 1;
    if (uv_fileno((const uv_handle_t *)handle, &fd) == 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    }
#endif
    return uv_udp_bind(handle, (const struct sockaddr *)&address, flags);
}

static int open_group(struct dbr_multicast *m, bool is_ip6)
{
    struct group *group = dbr_calloc(1, sizeof(*group));
    if (group == NULL) {
        return UV_ENOMEM;
    }
    int err =
        uv_udp_init_ex(&m->loop->uv, &group->handle, is_ip6 ? AF_INET6 : AF_INET);
    if (err != 0) {
        dbr_free(group);
        return err;
    }
    group->handle.data = group;
    group->is_ip6 = is_ip6;
    m->groups[is_ip6] = group;
    err = bind_shared(&group->handle, is_ip6, m->config.port);
    err = err != 0 ? err : join(m, group);
    err = err != 0 ? err : uv_udp_set_multicast_ttl(&group->handle, TTL);
    err = err != 0 ? err : uv_udp_set_multicast_loop(&group->handle, 1);
    err = err != 0 ? err : uv_udp_recv_start(&group->handle, on_alloc, on_packet);
    if (err != 0) {
        uv_close((uv_handle_t *)&group->handle, on_closed);
        m->groups[is_ip6] = NULL;
    }
    return err;
}

/* ---- Looks ----------------------------------------------------------------------- */

static void warn(struct dbr_multicast *m, int err)
{
    char words[WORDS_SIZE];
    if (m->has_warned) {
        return;
    }
    m->has_warned = true;
    if (err == UV_EADDRINUSE) {
        snprintf(words, sizeof(words),
                 "another program does not share UDP port %u (ss -ulnp tells which)",
                 m->config.port);
    } else if (err == UV_ENODEV) {
        snprintf(words, sizeof(words), "no network interface is up");
    } else {
        snprintf(words, sizeof(words), "multicast on UDP port %u: %s", m->config.port,
                 uv_strerror(err));
    }
    dbr_log(m->config.logger, DEBROS_LOG_WARN, MODULE,
            "nobody is found on the local network: %s; the node goes on, and tries again "
            "every %u s",
            words, m->config.look_ms / 1000);
}

/* Those that are not open. One kind of address is enough. */
static void open_groups(struct dbr_multicast *m)
{
    int err = 0;
    for (int i = 1; i >= 0; i--) {
        err = m->groups[i] == NULL ? open_group(m, i == 1) : 0;
    }
    if (m->groups[0] == NULL && m->groups[1] == NULL) {
        warn(m, err);
    } else if (m->has_warned) {
        m->has_warned = false;
        dbr_log(m->config.logger, DEBROS_LOG_INFO, MODULE,
                "the local network is asked again");
    }
}

static void look(struct dbr_multicast *m, dbr_time now)
{
    struct dbr_links links;
    struct dbr_loop *loop = m->loop;
    m->look_at = dbr_time_add(now, m->config.look_ms);
    dbr_links_look(&links);
    bool changed = !dbr_links_equal(&links, &m->links);
    bool is_news = changed && m->has_looked;
    m->has_looked = true;
    if (changed) {
        close_groups(m);
        memset(m->joined, 0, sizeof(m->joined));
        m->links = links;
    }
    open_groups(m);
    if (is_news) {
        loop->handler->network_changed(loop->data, now);
    }
}

int dbr_multicast_open(struct dbr_loop *loop, const struct dbr_multicast_config *config)
{
    dbr_assert(loop->multicast == NULL && config->look_ms > 0);
    struct dbr_multicast *m = dbr_calloc(1, sizeof(*m));
    if (m == NULL) {
        return DEBROS_ENOMEM;
    }
    m->loop = loop;
    m->config = *config;
    loop->multicast = m;
    look(m, dbr_loop_now());
    return 0;
}

void dbr_multicast_close(struct dbr_loop *loop)
{
    if (loop->multicast != NULL) {
        close_groups(loop->multicast);
        dbr_free(loop->multicast);
        loop->multicast = NULL;
    }
}

dbr_time dbr_multicast_deadline(const struct dbr_loop *loop)
{
    const struct dbr_multicast *m = loop->multicast;
    if (m == NULL) {
        return DBR_TIME_NEVER;
    }
    for (int i = 0; i < 2; i++) {
        if (m->groups[i] != NULL && m->groups[i]->is_waiting) {
            return 0;
        }
    }
    return m->look_at;
}

void dbr_multicast_expire(struct dbr_loop *loop, dbr_time now)
{
    struct dbr_multicast *m = loop->multicast;
    if (m == NULL) {
        return;
    }
    m->n_read = 0;
    for (int i = 0; i < 2; i++) {
        if (m->groups[i] != NULL && m->groups[i]->is_waiting) {
            m->groups[i]->is_waiting = false;
            (void)uv_udp_recv_start(&m->groups[i]->handle, on_alloc, on_packet);
        }
    }
    if (m->look_at <= now) {
        look(m, now);
    }
}

/* ---- Writing --------------------------------------------------------------------- */

/* One that is lost, because the interface has just gone or its queue is full, is sent
 * again by whoever wants an answer. */
static void send_on(struct group *group, const struct dbr_link *link, uint16_t port,
                    debros_bytes packet)
{
    char text[LINK_IP_SIZE];
    union {
        struct sockaddr any;
        struct sockaddr_in ip4;
        struct sockaddr_in6 ip6;
    } to;
    int err;
    if (group->is_ip6) {
        err = uv_ip6_addr(GROUP_IP6, port, &to.ip6);
        to.ip6.sin6_scope_id = link->index;
    } else {
        err = uv_ip4_addr(GROUP_IP4, port, &to.ip4);
        err = err != 0 ? err
                       : uv_udp_set_multicast_interface(&group->handle,
                                                        link_text(link, text));
    }
    if (err == 0) {
        /* libuv does not write to it. */
        uv_buf_t buf =
            uv_buf_init((char *)(uintptr_t)packet.data, (unsigned)packet.len);
        (void)uv_udp_try_send(&group->handle, &buf, 1, &to.any);
    }
}

/* A machine without any network may have peers of its own all the same. */
static bool has_network(const struct dbr_multicast *m)
{
    for (size_t i = 0; i < m->links.n; i++) {
        const struct dbr_link *link = &m->links.items[i];
        if (m->groups[link->address.is_ip6] != NULL && m->joined[i] &&
            !link->is_loopback) {
            return true;
        }
    }
    return false;
}

void dbr_multicast_send(struct dbr_loop *loop, debros_bytes packet, bool same_host)
{
    struct dbr_multicast *m = loop->multicast;
    if (m == NULL) {
        return;
    }
    bool loopback = same_host || !has_network(m);
    for (size_t i = 0; i < m->links.n; i++) {
        const struct dbr_link *link = &m->links.items[i];
        struct group *group = m->groups[link->address.is_ip6];
        if (group != NULL && m->joined[i] && link->is_loopback == loopback) {
            send_on(group, link, m->config.port, packet);
        }
    }
}
