/* Dials by name: the resolver's addresses, one after the other. */
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/check.h"
#include "driver/conn.h"

struct name_dial {
    UT_hash_handle hh; /* loop->names, while the owner knows it */
    uint64_t id;
    struct dbr_loop *loop;
    struct dbr_name name;
    uv_getaddrinfo_t request;
    bool resolving;
    bool abandoned; /* by the owner, while it was resolving */
    struct addrinfo *found;
    struct addrinfo *next; /* of `found`: to be dialed */
    size_t n_tried;
    dbr_time try_by;
    struct dbr_list trying; /* loop->trying, while another address is left */
};

void dbr_name_init(struct dbr_loop *loop)
{
    dbr_list_init(&loop->trying);
}

static void name_free(struct name_dial *name)
{
    dbr_list_remove(&name->trying);
    uv_freeaddrinfo(name->found);
    dbr_free(name);
}

static void forget(struct name_dial *name)
{
    HASH_DEL(name->loop->names, name);
}

/* Ends it and tells the owner. */
static void give_up(struct name_dial *name, int err)
{
    struct dbr_loop *loop = name->loop;
    uint64_t id = name->id;
    char words[DBR_NAME_SIZE + 200];
    if (name->n_tried == 0) {
        snprintf(words, sizeof(words), "no such host \"%s\": %s", name->name.text,
                 uv_strerror(err));
    } else if (name->n_tried == 1) {
        snprintf(words, sizeof(words), "%s", uv_strerror(err));
    } else {
        snprintf(words, sizeof(words), "none of %zu addresses of %s answers: %s",
                 name->n_tried, name->name.text, uv_strerror(err));
    }
    forget(name);
    name_free(name);
    loop->handler->dial_failed(loop->data, id, words, dbr_loop_now());
}

/* Dials the next address. `err` is what became of the one before. */
static void try_next(struct name_dial *name, int err)
{
    dbr_list_remove(&name->trying);
    while (name->next != NULL && name->n_tried < DBR_TCP_ADDRS) {
        struct addrinfo *info = name->next;
        name->next = info->ai_next;
        name->n_tried++;
        err = dbr_conn_dial(name->loop, name->id, info->ai_addr, name);
        if (err == 0) {
            if (name->next != NULL) {
                name->try_by = dbr_time_add(dbr_loop_now(), DBR_TCP_TRY_MS);
                dbr_list_push_back(&name->loop->trying, &name->trying);
            }
            return;
        }
    }
    give_up(name, err);
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct name_dial *name = request->data;
    dbr_loop_woke(request->loop->data);
    name->resolving = false;
    name->found = found;
    name->next = found;
    if (name->abandoned) {
        name_free(name);
    } else {
        try_next(name, status != 0 ? status : UV_EAI_NODATA);
    }
}

void dbr_tcp_dial_name(struct dbr_loop *loop, uint64_t id, const struct dbr_name *wanted)
{
    struct name_dial *name = dbr_calloc(1, sizeof(*name));
    char port[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    if (name == NULL) {
        loop->handler->dial_failed(loop->data, id, "out of memory", dbr_loop_now());
        return;
    }
    name->id = id;
    name->loop = loop;
    name->name = *wanted;
    name->request.data = name;
    dbr_list_init(&name->trying);
    HASH_ADD(hh, loop->names, id, sizeof(name->id), name);
    if (!dbr_hash_added(name)) {
        dbr_free(name);
        loop->handler->dial_failed(loop->data, id, "out of memory", dbr_loop_now());
        return;
    }
    hints.ai_family = wanted->ip_version == 4   ? AF_INET
                      : wanted->ip_version == 6 ? AF_INET6
                                                : AF_UNSPEC;
    snprintf(port, sizeof(port), "%u", wanted->port);
    int err = uv_getaddrinfo(&loop->uv, &name->request, on_resolved, name->name.text,
                             port, &hints);
    if (err != 0) {
        give_up(name, err);
        return;
    }
    name->resolving = true;
}

void dbr_name_failed(struct name_dial *name, int err)
{
    try_next(name, err);
}

void dbr_name_reached(struct name_dial *name)
{
    forget(name);
    name_free(name);
}

/* The owner knows it no more. */
static void abandon(struct name_dial *name)
{
    struct tcp_conn *conn = dbr_tcp_find(name->loop, name->id);
    if (conn != NULL) {
        dbr_conn_abandon(conn);
    }
    forget(name);
    if (name->resolving) {
        name->abandoned = true;
        uv_cancel((uv_req_t *)&name->request); /* unless it is under way already */
    } else {
        name_free(name);
    }
}

bool dbr_name_close(struct dbr_loop *loop, uint64_t id)
{
    struct name_dial *name;
    HASH_FIND(hh, loop->names, &id, sizeof(id), name);
    if (name != NULL) {
        abandon(name);
    }
    return name != NULL;
}

void dbr_name_kill_all(struct dbr_loop *loop)
{
    struct name_dial *name;
    struct name_dial *tmp;
    HASH_ITER(hh, loop->names, name, tmp)
    {
        abandon(name);
    }
}

dbr_time dbr_name_deadline(const struct dbr_loop *loop)
{
    return dbr_list_is_empty(&loop->trying)
               ? DBR_TIME_NEVER
               : DBR_LIST_ENTRY(loop->trying.next, struct name_dial, trying)->try_by;
}

void dbr_name_expire(struct dbr_loop *loop, dbr_time now)
{
    while (!dbr_list_is_empty(&loop->trying) && dbr_name_deadline(loop) <= now) {
        struct name_dial *name =
            DBR_LIST_ENTRY(loop->trying.next, struct name_dial, trying);
        dbr_conn_abandon(dbr_tcp_find(loop, name->id));
        try_next(name, UV_ETIMEDOUT);
    }
}
