#include "fake_debros.hpp"

#include <cstring>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

Fake fake;

struct Waiting {
    debros_req *req;
    std::function<void(int)> complete;
};

struct debros_node {
    std::string data_dir;
    std::vector<std::string> listen;
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Waiting> waiting;
    bool ending = false;
    std::thread thread;
};

static bool take(debros_node *node, debros_req *req, Waiting &out)
{
    std::lock_guard<std::mutex> lock(node->mutex);
    for (auto it = node->waiting.begin(); it != node->waiting.end(); ++it) {
        if (!req || it->req == req) {
            out = *it;
            node->waiting.erase(it);
            return true;
        }
    }
    return false;
}

static void run_callbacks(debros_node *node)
{
    std::unique_lock<std::mutex> lock(node->mutex);
    for (;;) {
        node->changed.wait(lock, [&] { return node->ending || !node->waiting.empty(); });
        if (node->ending) {
            break;
        }
        lock.unlock();
        debros_dispatch(node, 0);
        lock.lock();
    }
}

static int submit(debros_node *node, debros_req *req, std::function<void(int)> complete)
{
    if (fake.refuse) {
        return fake.refuse;
    }
    req->detail = fake.detail;
    std::lock_guard<std::mutex> lock(node->mutex);
    node->waiting.push_back({req, std::move(complete)});
    node->changed.notify_all();
    return 0;
}

static int submit_sql(debros_node *node, debros_sql *req, debros_sql_cb cb,
                      const char *verb)
{
    fake.calls.push_back(std::string(verb) + " " + req->ns + " " +
                         std::to_string(req->n_statements) + ": " +
                         req->statements[0].sql);
    const debros_statement &last = req->statements[req->n_statements - 1];
    fake.params.assign(last.params, last.params + last.n_params);
    fake.level = req->level;
    fake.freshness = req->freshness;
    return submit(node, &req->base, [req, cb](int status) {
        req->results = &fake.result;
        req->n_results = 1;
        req->index = 7;
        req->failed = fake.failed;
        if (cb) {
            cb(req, status);
        }
    });
}

static int submit_net(debros_node *node, debros_net *req, debros_net_cb cb,
                      const char *verb)
{
    fake.calls.push_back(std::string(verb) + " " + (req->target ? req->target : "-") +
                         (req->service ? std::string(" ") + req->service : ""));
    return submit(node, &req->base, [req, cb](int status) {
        debros_req base = req->base;
        *req = fake.net;
        req->base = base;
        if (cb) {
            cb(req, status);
        }
    });
}

static int submit_dht(debros_node *node, debros_dht *req, debros_dht_cb cb,
                      const char *verb)
{
    fake.calls.push_back(std::string(verb) + " " + req->key + " " +
                         std::to_string(req->ttl_s) + " " +
                         std::to_string(req->version) + " " + std::to_string(req->want));
    fake.value.assign(reinterpret_cast<const char *>(req->value.data), req->value.len);
    return submit(node, &req->base, [req, cb](int status) {
        debros_req base = req->base;
        *req = fake.dht;
        req->base = base;
        if (cb) {
            cb(req, status);
        }
    });
}

extern "C" {

const char *debros_strerror(int err)
{
    return err == DEBROS_ESQL ? "the database rejected the statement" : "some error";
}

void debros_config_default(debros_config *config)
{
    *config = debros_config{};
    config->size = sizeof *config;
    config->max_connections = 256;
    config->high_water = 64;
}

int debros_init(const debros_config *config, debros_detail *detail)
{
    if (!config->data_dir) {
        std::string("no data_dir").copy(detail->text, sizeof detail->text);
        return DEBROS_EINVAL;
    }
    return 0;
}

int debros_config_check(const debros_config *config, debros_detail *detail)
{
    return debros_init(config, detail);
}

int debros_node_create(debros_node **out, const debros_config *config,
                       debros_detail *detail)
{
    if (config->max_connections != 256) {
        std::string("max_connections").copy(detail->text, sizeof detail->text);
        return DEBROS_EINVAL;
    }
    auto *node = new debros_node;
    node->data_dir = config->data_dir ? config->data_dir : "";
    for (size_t i = 0; i < config->n_listen; i++) {
        node->listen.push_back(config->listen[i]);
    }
    if (config->log) {
        debros_log_record record = {1500, DEBROS_LOG_INFO, "fake", "abcd1234", "created"};
        config->log(config->log_data, &record);
    }
    if (config->callback_thread) {
        node->thread = std::thread(run_callbacks, node);
    }
    *out = node;
    return 0;
}

void debros_node_destroy(debros_node *node)
{
    if (!node) {
        return;
    }
    {
        std::lock_guard<std::mutex> lock(node->mutex);
        node->ending = true;
        node->changed.notify_all();
    }
    if (node->thread.joinable()) {
        node->thread.join();
    }
    for (Waiting next; take(node, nullptr, next);) {
        next.complete(DEBROS_ECANCELED);
    }
    delete node;
}

void debros_cancel(debros_node *, debros_req *)
{
    fake.canceled++;
    fake.status = DEBROS_ECANCELED;
}

int debros_event_fd(const debros_node *)
{
    return 42;
}

int debros_dispatch(debros_node *node, size_t max)
{
    int n = 0;
    for (Waiting next; (max == 0 || n < (int)max) && take(node, nullptr, next); n++) {
        next.complete(fake.status);
    }
    return n;
}

int debros_wait(debros_node *node, debros_req *req)
{
    Waiting next;
    if (take(node, req, next)) {
        next.complete(fake.status);
    }
    return fake.status;
}

void debros_release(debros_node *, debros_req *)
{
    fake.released++;
}

int debros_start(debros_node *node, debros_req *req, debros_req_cb cb)
{
    fake.calls.push_back("start");
    return submit(node, req, [req, cb](int status) {
        if (cb) {
            cb(req, status);
        }
    });
}

int debros_stop(debros_node *node, debros_req *req, debros_req_cb cb)
{
    return debros_start(node, req, cb);
}

int debros_node_check(debros_node *, debros_detail *detail)
{
    if (fake.ended != 0) {
        std::strcpy(detail->text, "the disk failed");
    }
    return fake.ended;
}

const char *debros_node_peer_id(const debros_node *)
{
    return "12D3KooW";
}

const char *debros_node_listen_addr(const debros_node *node, size_t i)
{
    return i < node->listen.size() ? node->listen[i].c_str() : nullptr;
}

int debros_identity_read(const char *path, char peer_id[64], debros_detail *)
{
    std::string text = std::string("id of ") + path;
    peer_id[text.copy(peer_id, 63)] = '\0';
    return 0;
}

int debros_sql_exec(debros_node *node, debros_sql *req, debros_sql_cb cb)
{
    return submit_sql(node, req, cb, "exec");
}

int debros_sql_query(debros_node *node, debros_sql *req, debros_sql_cb cb)
{
    return submit_sql(node, req, cb, "query");
}

#define NET(function, verb)                                                              \
    int function(debros_node *node, debros_net *req, debros_net_cb cb)                   \
    {                                                                                    \
        return submit_net(node, req, cb, verb);                                          \
    }
NET(debros_status_get, "status")
NET(debros_health_get, "health")
NET(debros_peers, "peers")
NET(debros_connect, "connect")
NET(debros_ping, "ping")
NET(debros_identify, "identify")
NET(debros_ns_create, "ns_create")
NET(debros_ns_list, "ns_list")
NET(debros_invite, "invite")
NET(debros_find_peer, "find_peer")
NET(debros_disconnect, "disconnect")

#define DHT(verb)                                                                        \
    int debros_dht_##verb(debros_node *node, debros_dht *req, debros_dht_cb cb)          \
    {                                                                                    \
        return submit_dht(node, req, cb, #verb);                                         \
    }
DHT(put)
DHT(get)
DHT(remove)
DHT(provide)
DHT(unprovide)
DHT(providers)
DHT(table)
}
