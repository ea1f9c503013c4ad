// What the network calls give, as values.
#pragma once
#include "value.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace debros
{

// Unix time, as nodes tell it.
using UnixTime =
    std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

struct Status {
    std::string node_id;
    std::string cluster_id;
    std::string leader; // peer id, "" unknown
    debros_role role;
    std::uint64_t term;
    std::uint64_t commit_index;
    std::uint64_t applied_index;
    std::uint32_t peer_count;
    std::uint64_t database_size; // bytes
    std::chrono::milliseconds uptime;
    std::uint32_t members; // nodes of the cluster
    std::uint32_t voters;  // of the raft group
    std::uint32_t standbys;
    debros_health_state health;
    std::uint64_t receiving_bytes; // of a snapshot on its way to this node
    std::uint64_t receiving_total; // 0: none
    std::uint64_t sending_bytes;   // and from it
    std::uint64_t sending_total;
    std::uint32_t known_peers;          // connected or not
    std::vector<std::uint32_t> buckets; // peers in each of the routing table
    std::uint32_t values;               // held for the network
    std::uint32_t providers;
};

// One measurement; see debros_health_get() for the names.
struct Check {
    std::string name;
    debros_health_state state;
    std::uint64_t value;
    std::uint64_t limit;
    bool is_floor; // the limit is the least that is healthy, not the most
    std::string unit;
    std::string reason; // "" when healthy
};

struct Health {
    debros_health_state state; // the worst of the checks
    std::string node_id;
    std::vector<Check> checks;
};

struct Peer {
    std::string id;
    std::vector<std::string> addrs;
    std::string agent;
    std::vector<std::string> protocols;
    std::string observed; // our address as the peer sees it
    std::chrono::microseconds rtt{0};
    bool connected = false;
    bool inbound = false;
    bool member = false;
    bool client = false;               // a light client that the cluster lists
    UnixTime since{};                  // connected ever since; the epoch: not connected
    std::vector<std::string> services; // "database", "dht"
};

namespace detail
{

struct NoInputs {
    void fill(debros_req &)
    {
    }
};

struct NetInputs {
    std::string target;
    std::uint32_t ttl_s;
    std::string service{};

    void fill(debros_net &req)
    {
        req.target = target.empty() ? nullptr : target.c_str();
        req.ttl_s = ttl_s;
        req.service = service.empty() ? nullptr : service.c_str();
    }
};

// Whatever a stranger signed: no further than the clock's type goes.
inline UnixTime unix_time(std::uint64_t ms)
{
    constexpr std::uint64_t last = INT64_MAX;
    return UnixTime(std::chrono::milliseconds(
        static_cast<std::int64_t>(ms < last ? ms : last)));
}

inline std::vector<std::string> strings(const char *const *items, std::size_t n)
{
    return std::vector<std::string>(items, items + n);
}

inline Peer from_c(const debros_peer &peer)
{
    Peer out;
    out.id = text(peer.id);
    out.addrs = strings(peer.addrs, peer.n_addrs);
    out.agent = text(peer.agent);
    out.protocols = strings(peer.protocols, peer.n_protocols);
    out.observed = text(peer.observed);
    out.rtt = std::chrono::microseconds(peer.rtt_us);
    out.connected = peer.connected;
    out.inbound = peer.inbound;
    out.member = peer.member;
    out.client = peer.client;
    out.since = UnixTime(std::chrono::milliseconds(peer.since));
    out.services = strings(peer.services, peer.n_services);
    return out;
}

inline Status read_status(const debros_net &req)
{
    const debros_status &s = *req.status;
    return Status{text(s.node_id),
                  text(s.cluster_id),
                  text(s.leader),
                  s.role,
                  s.term,
                  s.commit_index,
                  s.applied_index,
                  s.peer_count,
                  s.database_size,
                  std::chrono::milliseconds(s.uptime_ms),
                  s.members,
                  s.voters,
                  s.standbys,
                  s.health,
                  s.receiving_bytes,
                  s.receiving_total,
                  s.sending_bytes,
                  s.sending_total,
                  s.known_peers,
                  std::vector<std::uint32_t>(s.buckets, s.buckets + s.n_buckets),
                  s.values,
                  s.providers};
}

inline Health read_health(const debros_net &req)
{
    const debros_health &h = *req.health;
    Health out{h.state, text(h.node_id), {}};
    for (std::size_t i = 0; i < h.n_checks; i++) {
        const debros_check &c = h.checks[i];
        out.checks.push_back({text(c.name), c.state, c.value, c.limit, c.is_floor,
                              text(c.unit), text(c.reason)});
    }
    return out;
}

template <typename Req> std::vector<Peer> read_peers(const Req &req)
{
    std::vector<Peer> peers;
    for (std::size_t i = 0; i < req.n_peers; i++) {
        peers.push_back(from_c(req.peers[i]));
    }
    return peers;
}

inline Peer read_peer(const debros_net &req)
{
    return req.n_peers ? from_c(req.peers[0]) : Peer{};
}

inline std::vector<std::string> read_names(const debros_net &req)
{
    return strings(req.names, req.n_names);
}

inline std::string read_text(const debros_net &req)
{
    return text(req.text);
}

inline std::chrono::microseconds read_rtt(const debros_net &req)
{
    return std::chrono::microseconds(req.rtt_us);
}

inline Done read_done(const debros_net &)
{
    return Done{};
}

} // namespace detail
} // namespace debros
