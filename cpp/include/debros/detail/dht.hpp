// The distributed hash table: small signed values, and who has what.
#pragma once
#include "net.hpp"
#include "operation.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace debros
{

// A value, and what its signature vouches for.
struct Record {
    std::string key;   // in full: /debros/app/PEER/NAME
    std::string value; // bytes; of Stored: none
    std::string writer; // peer id
    std::uint64_t version;
    UnixTime expires;
};

// What became of a put.
struct Stored {
    Record record;
    std::uint32_t nodes; // other nodes that have taken it
};

struct TablePeer {
    std::string id;
    bool connected;
    bool outbound;          // the node has dialed it itself
    std::uint32_t failures; // requests without an answer since it was seen
    std::chrono::milliseconds idle;
};

// Peers whose place shares `prefix` bits with the node's.
struct Bucket {
    std::uint32_t prefix;
    std::vector<TablePeer> peers;
};

struct Table {
    std::vector<Bucket> buckets;
    std::uint32_t values; // held for the network
    std::uint32_t keys;   // with providers
    std::uint32_t providers;
};

namespace detail
{

struct DhtInputs {
    std::string key;
    std::string value{};
    std::uint32_t ttl_s = 0;
    std::uint64_t version = 0;
    std::uint32_t want = 0;

    void fill(debros_dht &req)
    {
        req.key = key.c_str();
        req.value = {reinterpret_cast<const std::uint8_t *>(value.data()), value.size()};
        req.ttl_s = ttl_s;
        req.version = version;
        req.want = want;
    }
};

inline Record read_record(const debros_dht &req)
{
    const debros_record &r = *req.record;
    return Record{text(r.key),
                  std::string(reinterpret_cast<const char *>(r.value.data), r.value.len),
                  text(r.writer), r.version, unix_time(r.expires_ms)};
}

inline Stored read_stored(const debros_dht &req)
{
    return Stored{read_record(req), req.stored};
}

inline std::uint32_t read_nodes(const debros_dht &req)
{
    return req.stored;
}

inline Done read_nothing(const debros_dht &)
{
    return Done{};
}

inline Bucket from_c(const debros_bucket &bucket)
{
    Bucket out{bucket.prefix, {}};
    for (std::size_t i = 0; i < bucket.n_peers; i++) {
        const debros_table_peer &p = bucket.peers[i];
        out.peers.push_back({text(p.id), p.connected, p.outbound, p.failures,
                             std::chrono::milliseconds(p.idle_ms)});
    }
    return out;
}

inline Table read_table(const debros_dht &req)
{
    const debros_table &t = *req.table;
    Table out{{}, t.values, t.keys, t.providers};
    for (std::size_t i = 0; i < t.n_buckets; i++) {
        out.buckets.push_back(from_c(t.buckets[i]));
    }
    return out;
}

} // namespace detail

// See debros.h for keys, limits and errors. Cheap to copy; must not outlive its node.
class Dht
{
  public:
    explicit Dht(debros_node *node) : node_(node)
    {
    }

    // `key`: a name of our own, or a full key that names us. 0 seconds: a day; version 0:
    // later than before.
    Operation<Stored> put(std::string key, std::string value,
                          std::chrono::seconds ttl = std::chrono::seconds{0},
                          std::uint64_t version = 0)
    {
        return run<Stored>(debros_dht_put, detail::read_stored,
                           {std::move(key), std::move(value), to_u32(ttl.count()),
                            version});
    }
    // `want`: so many peers must have told the same; 0: the newest of all who are asked.
    Operation<Record> get(std::string key, std::uint32_t want = 0)
    {
        return run<Record>(debros_dht_get, detail::read_record,
                           {std::move(key), {}, 0, 0, want});
    }
    Operation<Done> remove(std::string key)
    {
        return run<Done>(debros_dht_remove, detail::read_nothing, {std::move(key)});
    }
    // Gives how many other nodes have been told.
    Operation<std::uint32_t> provide(std::string key)
    {
        return run<std::uint32_t>(debros_dht_provide, detail::read_nodes,
                                  {std::move(key)});
    }
    Operation<Done> unprovide(std::string key)
    {
        return run<Done>(debros_dht_unprovide, detail::read_nothing, {std::move(key)});
    }
    // `want`: so many are enough; 0: all that are found.
    Operation<std::vector<Peer>> providers(std::string key, std::uint32_t want = 0)
    {
        return run<std::vector<Peer>>(debros_dht_providers,
                                      detail::read_peers<debros_dht>,
                                      {std::move(key), {}, 0, 0, want});
    }
    Operation<Table> table()
    {
        return run<Table>(debros_dht_table, detail::read_table, {{}});
    }

  private:
    using Submit = int (*)(debros_node *, debros_dht *, debros_dht_cb);

    // What is out of range stays so, and is refused.
    static std::uint32_t to_u32(std::int64_t n)
    {
        return n < 0 || n > UINT32_MAX ? UINT32_MAX : static_cast<std::uint32_t>(n);
    }
    template <typename T>
    Operation<T> run(Submit submit, T (*read)(const debros_dht &),
                     detail::DhtInputs inputs)
    {
        using Op = detail::CallOp<T, debros_dht, detail::DhtInputs>;
        return Operation<T>(
            std::make_shared<Op>(node_, submit, read, std::move(inputs)));
    }

    debros_node *node_;
};

} // namespace debros
