// debros.hpp - the C++17 face of debros.h; C++20 adds co_await.
//
//     debros::Node node(config);
//     node.start().get();
//     auto sql = node.ns("shop").sql();
//     sql.exec("INSERT INTO item(name, price) VALUES (?, ?)", "cup", 450).get();
//     for (auto row : sql.query("SELECT name, price FROM item").get()) {
//         use(row["name"].as<std::string>(), row["price"].as<std::int64_t>());
//     }
//
// Each call gives an Operation; it runs when you say how you want the outcome:
// then(done), future(), wait(), get() or co_await.
#pragma once
#include "detail/config.hpp"
#include "detail/dht.hpp"
#include "detail/error.hpp"
#include "detail/net.hpp"
#include "detail/operation.hpp"
#include "detail/sql.hpp"
#include "detail/value.hpp"

namespace debros
{

// Everything inside one namespace. Cheap to copy; must not outlive its node.
class Namespace
{
  public:
    Namespace(debros_node *node, std::string name) : node_(node), name_(std::move(name))
    {
    }
    Sql sql() const
    {
        return Sql(node_, name_);
    }
    const std::string &name() const noexcept
    {
        return name_;
    }

  private:
    debros_node *node_;
    std::string name_;
};

// A node or, with Config::client, a light client. Its destructor stops it, completes
// what is pending with ECANCELED, and blocks; never destroy it in a callback.
class Node
{
  public:
    explicit Node(const Config &config) : log_(std::make_unique<Log>(config.log))
    {
        debros_node *node = nullptr;
        debros_detail detail{};
        detail::ConfigView view(config, log_.get());
        if (int err = debros_node_create(&node, view.get(), &detail)) {
            throw Error(err, detail.text);
        }
        node_.reset(node);
    }

    Operation<Done> start()
    {
        return life(debros_start);
    }
    // Leaves politely. The node can only be destroyed afterwards.
    Operation<Done> stop()
    {
        return life(debros_stop);
    }

    Namespace ns(std::string name) const
    {
        return Namespace(node_.get(), std::move(name));
    }
    Sql sql() const
    {
        return ns("default").sql();
    }

    Dht dht() const
    {
        return Dht(node_.get());
    }

    Operation<Status> status()
    {
        return net<Status>(debros_status_get, detail::read_status);
    }
    // Measured now; of a client: its member's.
    Operation<Health> health()
    {
        return net<Health>(debros_health_get, detail::read_health);
    }
    // All peers, or those that offer a service: "database", "dht".
    Operation<std::vector<Peer>> peers(std::string service = "")
    {
        return net<std::vector<Peer>>(debros_peers, detail::read_peers<debros_net>, "", 0,
                                      std::move(service));
    }
    // By its peer id: where it is.
    Operation<Peer> find_peer(std::string peer)
    {
        return net<Peer>(debros_find_peer, detail::read_peer, std::move(peer));
    }
    // By its peer id. Members are soon dialed again.
    Operation<Done> disconnect(std::string peer)
    {
        return net<Done>(debros_disconnect, detail::read_done, std::move(peer));
    }
    // Gives the peer id that answered.
    Operation<std::string> connect(std::string addr)
    {
        return net<std::string>(debros_connect, detail::read_text, std::move(addr));
    }
    Operation<std::chrono::microseconds> ping(std::string addr)
    {
        return net<std::chrono::microseconds>(debros_ping, detail::read_rtt,
                                              std::move(addr));
    }
    Operation<Peer> identify(std::string addr)
    {
        return net<Peer>(debros_identify, detail::read_peer, std::move(addr));
    }
    Operation<Done> create_namespace(std::string name)
    {
        return net<Done>(debros_ns_create, detail::read_done, std::move(name));
    }
    Operation<std::vector<std::string>> namespaces()
    {
        return net<std::vector<std::string>>(debros_ns_list, detail::read_names);
    }
    // A one-time invite; 0 seconds: an hour.
    Operation<std::string> invite(std::chrono::seconds ttl = std::chrono::seconds{0})
    {
        return net<std::string>(debros_invite, detail::read_text, "",
                                static_cast<std::uint32_t>(ttl.count()));
    }

    // Throws why a node that was started has ended by itself: its disk failed, say.
    void check() const
    {
        debros_detail detail = {};
        if (int err = debros_node_check(node_.get(), &detail)) {
            throw Error(err, detail.text);
        }
    }
    // "" until the identity is known: see debros_node_peer_id().
    std::string peer_id() const
    {
        return debros_node_peer_id(node_.get());
    }
    std::vector<std::string> listen_addrs() const
    {
        std::vector<std::string> addrs;
        while (const char *addr = debros_node_listen_addr(node_.get(), addrs.size())) {
            addrs.emplace_back(addr);
        }
        return addrs;
    }

    // For programs with a loop of their own and Config::callback_thread = false.
    int event_fd() const
    {
        return debros_event_fd(node_.get());
    }
    int dispatch(std::size_t max = 0)
    {
        return debros_dispatch(node_.get(), max);
    }

    // For what debros.h offers and this class does not.
    debros_node *handle() const noexcept
    {
        return node_.get();
    }

  private:
    using Life = int (*)(debros_node *, debros_req *, debros_req_cb);
    using Net = int (*)(debros_node *, debros_net *, debros_net_cb);

    Operation<Done> life(Life submit)
    {
        using Op = detail::CallOp<Done, debros_req, detail::NoInputs>;
        return Operation<Done>(std::make_shared<Op>(
            node_.get(), submit, [](const debros_req &) { return Done{}; },
            detail::NoInputs{}));
    }
    template <typename T>
    Operation<T> net(Net submit, T (*read)(const debros_net &), std::string target = "",
                     std::uint32_t ttl_s = 0, std::string service = "")
    {
        using Op = detail::CallOp<T, debros_net, detail::NetInputs>;
        return Operation<T>(std::make_shared<Op>(
            node_.get(), submit, read,
            detail::NetInputs{std::move(target), ttl_s, std::move(service)}));
    }

    struct Destroy {
        void operator()(debros_node *node) const
        {
            debros_node_destroy(node);
        }
    };
    std::unique_ptr<Log> log_; // outlives the node
    std::unique_ptr<debros_node, Destroy> node_;
};

// Makes a cluster of one node in config.data_dir. Throws Error.
inline void init(const Config &config)
{
    debros_detail detail{};
    detail::ConfigView view(config, nullptr);
    if (int err = debros_init(view.get(), &detail)) {
        throw Error(err, detail.text);
    }
}

// Throws what is wrong with `config`, as the constructor of a Node would; touches
// nothing.
inline void check(const Config &config)
{
    debros_detail detail{};
    detail::ConfigView view(config, nullptr);
    if (int err = debros_config_check(view.get(), &detail)) {
        throw Error(err, detail.text);
    }
}

// The peer id of a key file. Throws Error.
inline std::string identity(const std::string &path)
{
    char peer_id[64];
    debros_detail detail{};
    if (int err = debros_identity_read(path.c_str(), peer_id, &detail)) {
        throw Error(err, detail.text);
    }
    return peer_id;
}

} // namespace debros
