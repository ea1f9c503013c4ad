/* The listening half of tcp.h. */
#include "base/alloc.h"
#include "base/detail.h"
#include "driver/address.h"
#include "driver/conn.h"

struct tcp_listener {
    struct dbr_list link;
    uv_tcp_t handle;
};

static void on_listener_closed(uv_handle_t *handle)
{
    dbr_free(handle->data);
}

static void on_connection(uv_stream_t *server, int status)
{
    dbr_loop_woke(server->loop->data);
    /* Out of descriptors or memory: the peer sees a closed connection and tries again. */
    if (status == 0) {
        dbr_conn_accept(server->loop->data, server);
    }
}

static int explain(int err, const struct dbr_endpoint *endpoint, debros_detail *detail)
{
    char ip[DBR_ADDRESS_TEXT_SIZE];
    dbr_address_ip_text(endpoint, ip);
    switch (err) {
    case UV_EADDRINUSE:
        return dbr_detail_set(detail, DEBROS_EBUSY,
                              "port %u on %s is in use by another program (ss -ltnp "
                              "tells which): stop it, or listen on another port",
                              endpoint->port, ip);
    case UV_EADDRNOTAVAIL:
        return dbr_detail_set(detail, DEBROS_EINVAL, "%s is no address of this machine",
                              ip);
    case UV_EACCES:
    case UV_EPERM:
        return dbr_detail_set(detail, DEBROS_EACCES, "port %u on %s needs more rights",
                              endpoint->port, ip);
    case UV_EAFNOSUPPORT:
        return dbr_detail_set(detail, DEBROS_EINVAL, "this machine has no %s",
                              endpoint->is_ip6 ? "IPv6" : "IPv4");
    default:
        return dbr_detail_set(detail, DEBROS_EIO, "cannot listen on port %u of %s: %s",
                              endpoint->port, ip, uv_strerror(err));
    }
}

static int bind_and_listen(uv_tcp_t *handle, struct dbr_endpoint *endpoint)
{
    struct sockaddr_storage address;
    dbr_address_from_endpoint(&address, endpoint);
    /* An IPv6 wildcard leaves IPv4's port to a listener of its own. */
    int err = uv_tcp_bind(handle, (const struct sockaddr *)&address,
                          endpoint->is_ip6 ? UV_TCP_IPV6ONLY : 0);
    if (err == 0) {
        err = uv_listen((uv_stream_t *)handle, DBR_TCP_BACKLOG, on_connection);
    }
    int len = sizeof(address);
    if (err == 0) {
        err = uv_tcp_getsockname(handle, (struct sockaddr *)&address, &len);
    }
    if (err == 0) {
        dbr_address_to_endpoint(endpoint, (const struct sockaddr *)&address);
    }
    return err;
}

int dbr_tcp_listen(struct dbr_loop *loop, struct dbr_endpoint *endpoint,
                   debros_detail *detail)
{
    struct tcp_listener *listener = dbr_calloc(1, sizeof(*listener));
    if (listener == NULL) {
        return dbr_detail_set(detail, DEBROS_ENOMEM, "out of memory");
    }
    int err = uv_tcp_init(&loop->uv, &listener->handle);
    if (err != 0) {
        dbr_free(listener);
        return explain(err, endpoint, detail);
    }
    listener->handle.data = listener;
    dbr_list_push_back(&loop->listeners, &listener->link);
    err = bind_and_listen(&listener->handle, endpoint);
    if (err != 0) {
        dbr_list_remove(&listener->link);
        uv_close((uv_handle_t *)&listener->handle, on_listener_closed);
        return explain(err, endpoint, detail);
    }
    return 0;
}

void dbr_tcp_stop_listening(struct dbr_loop *loop)
{
    struct dbr_list *item;
    while ((item = dbr_list_pop_front(&loop->listeners)) != NULL) {
        struct tcp_listener *listener = DBR_LIST_ENTRY(item, struct tcp_listener, link);
        uv_close((uv_handle_t *)&listener->handle, on_listener_closed);
    }
}

/* fe80::/10 says nothing without the name of a link. */
static bool is_link_local(const struct dbr_endpoint *e)
{
    return e->is_ip6 && e->ip[0] == 0xfe && (e->ip[1] & 0xc0) == 0x80;
}

size_t dbr_tcp_interfaces(struct dbr_endpoint *out, size_t max,
                          const struct dbr_endpoint *wildcard)
{
    uv_interface_address_t *all = NULL;
    int n_all = 0;
    if (uv_interface_addresses(&all, &n_all) != 0) {
        return 0;
    }
    size_t n = 0;
    for (int loopback = 0; loopback <= 1; loopback++) {
        for (int i = 0; i < n_all && n < max; i++) {
            struct dbr_endpoint e;
            const struct sockaddr *address = (const struct sockaddr *)&all[i].address;
            if (!dbr_address_to_endpoint(&e, address) || e.is_ip6 != wildcard->is_ip6 ||
                is_link_local(&e) || dbr_endpoint_is_loopback(&e) != (loopback == 1)) {
                continue;
            }
            e.port = wildcard->port;
            out[n++] = e;
        }
    }
    uv_free_interface_addresses(all, n_all);
    return n;
}
