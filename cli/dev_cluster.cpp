#include "dev_cluster.hpp"

#include "errors.hpp"
#include "files.hpp"
#include "process.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <iostream>

#include <sys/wait.h>
#include <unistd.h>

namespace cli
{
namespace
{

using Clock = std::chrono::steady_clock;

const std::chrono::seconds start_timeout{120};
const std::chrono::seconds kill_after{10};
const std::chrono::milliseconds probe_timeout{2000};
const int probe_interval_ms = 100;
const size_t voters_wanted = 3;

std::string node_dir(const DevArgs &args, size_t number)
{
    return args.data_dir + "/node" + std::to_string(number);
}

// A node that has run before has an address and need not join again.
bool has_run(const std::string &dir)
{
    return exists(dir + "/peer.info");
}

ClientSettings probe_settings()
{
    ClientSettings settings;
    settings.request_timeout = probe_timeout;
    return settings;
}

std::string last_line(const std::string &path)
{
    std::string text = exists(path) ? read_all(path) : "";
    while (!text.empty() && text.back() == '\n') {
        text.pop_back();
    }
    return text.substr(text.rfind('\n') + 1);
}

} // namespace

DevCluster::DevCluster(const DevArgs &args, Signals &signals)
    : args_(args), signals_(signals)
{
    size_t n = args.nodes;
    while (has_run(node_dir(args, n + 1))) {
        n++; // the cluster counts on all nodes that it has
    }
    if (n > args.nodes) {
        std::cerr << "debros: dev: " << args.data_dir << " holds " << n
                  << " nodes: starting all of them\n";
    }
    for (size_t i = 1; i <= n; i++) {
        members_.emplace_back();
        members_.back().dir = node_dir(args, i);
        members_.back().joined = has_run(node_dir(args, i));
    }
}

DevCluster::~DevCluster()
{
    for (auto &member : members_) {
        if (member.pid > 0) {
            ::kill(member.pid, SIGKILL);
            ::waitpid(member.pid, nullptr, 0);
        }
    }
}

void DevCluster::launch(Member &member, const std::string &invite)
{
    make_directory(member.dir);
    // What is one node's own does not come from a file or variable that all of them read.
    std::vector<std::string> args = {"node",
                                     "--data-dir",
                                     member.dir,
                                     "--set",
                                     "node.invite=",
                                     "--set",
                                     "node.advertise_addresses=",
                                     "--set",
                                     "security.identity_file=",
                                     "--set",
                                     "logging.output_file=",
                                     "--set",
                                     "discovery.bootstrap_peers="};
    size_t port = 0; // the last run's, or any
    if (args_.base_port != 0) {
        port = args_.base_port + static_cast<size_t>(&member - members_.data());
    }
    args.insert(args.end(), {"--listen", "/ip4/127.0.0.1/tcp/" + std::to_string(port)});
    if (!args_.config.empty()) {
        args.insert(args.end(), {"--config", args_.config});
    }
    for (const auto &other : members_) {
        std::string addr = &other == &member ? "" : read_line(other.dir + "/peer.info");
        if (!addr.empty()) {
            args.insert(args.end(), {"--bootstrap", addr});
        }
    }
    if (!invite.empty()) {
        args.insert(args.end(), {"--invite", invite});
    }
    if (args_.open) {
        args.push_back("--open");
    }
    member.pid = spawn_self(args, member.dir + "/node.log");
}

// node.pid names the process once its node listens.
void DevCluster::await_pid(Member &member)
{
    auto end = Clock::now() + start_timeout;
    while (read_pid(member.dir + "/node.pid") != member.pid) {
        pause(20);
        if (Clock::now() > end) {
            throw Failure(exit_unavailable, member.dir + " does not come up: see " +
                                                member.dir + "/node.log");
        }
    }
}

std::string DevCluster::invite()
{
    auto end = Clock::now() + start_timeout;
    for (;;) {
        try {
            Options options;
            options.node = members_[0].dir;
            Session session(resolve_target(options), probe_settings());
            return session.node().invite().get();
        } catch (const std::exception &) {
            if (Clock::now() > end) {
                throw;
            }
        }
        pause(probe_interval_ms);
    }
}

// One after the other: each change of the members is a step of its own for the cluster.
void DevCluster::add_members()
{
    for (auto &member : members_) {
        if (!member.joined) {
            launch(member, invite());
            await_pid(member);
        }
    }
}

bool DevCluster::answers(Member &member, bool &votes)
{
    try {
        if (!member.session) {
            Options options;
            options.node = member.dir;
            member.session =
                std::make_unique<Session>(resolve_target(options), probe_settings());
        }
        auto &node = member.session->node();
        node.sql().query("SELECT 1").timeout(probe_timeout).get();
        debros_role role = node.status().timeout(probe_timeout).get().role;
        votes = role == DEBROS_ROLE_LEADER || role == DEBROS_ROLE_FOLLOWER ||
                role == DEBROS_ROLE_CANDIDATE;
        return true;
    } catch (const std::exception &) {
        member.session.reset();
        return false;
    }
}

void DevCluster::await_all()
{
    auto end = Clock::now() + start_timeout;
    for (;;) {
        size_t n_answer = 0, n_voters = 0;
        for (auto &member : members_) {
            bool votes = false;
            n_answer += answers(member, votes);
            n_voters += votes;
            pause(0);
        }
        if (n_answer == members_.size() &&
            n_voters >= std::min(members_.size(), voters_wanted)) {
            break;
        }
        if (Clock::now() > end) {
            throw Failure(exit_unavailable,
                          "the cluster does not come up: " + std::to_string(n_answer) +
                              " of " + std::to_string(members_.size()) +
                              " nodes answer, " + std::to_string(n_voters) +
                              " of them vote; see node.log in their folders");
        }
        pause(probe_interval_ms);
    }
    for (auto &member : members_) {
        member.session.reset();
    }
}

void DevCluster::start()
{
    Member &first = members_[0];
    if (!exists(first.dir + "/operator.key")) {
        make_directory(args_.data_dir);
        debros::Config config;
        config.data_dir = first.dir;
        debros::init(config);
    }
    first.joined = true;
    for (auto &member : members_) {
        if (member.joined) {
            launch(member, "");
        }
    }
    for (auto &member : members_) {
        if (member.joined) {
            await_pid(member);
        }
    }
    add_members();
    await_all();
}

// Waits, and looks for nodes that died and for a signal that asks for the end.
void DevCluster::pause(int ms)
{
    reap(true);
    int number = signals_.next(ms);
    if (number != 0 && number != SIGCHLD) {
        throw Interrupted();
    }
}

// Collects dead children. Returns whether there were any; `starting`: they are failures.
bool DevCluster::reap(bool starting)
{
    bool any = false;
    int status = 0;
    for (auto &member : members_) {
        if (member.pid <= 0 || ::waitpid(member.pid, &status, WNOHANG) != member.pid) {
            continue;
        }
        any = true;
        std::string text = member.dir + " (pid " + std::to_string(member.pid) + ") " +
                           describe_end(status);
        member.pid = 0;
        if (starting) {
            int code = WIFEXITED(status) ? WEXITSTATUS(status) : exit_failed;
            throw Failure(code ? code : exit_failed,
                          text + ": " + last_line(member.dir + "/node.log"));
        }
        std::cerr << "debros: dev: " << text
                  << "; the others go on. Its log: " << member.dir
                  << "/node.log; start it again: debros node --data-dir " << member.dir
                  << std::endl;
    }
    return any;
}

bool DevCluster::running() const
{
    return std::any_of(members_.begin(), members_.end(),
                       [](const Member &member) { return member.pid > 0; });
}

void DevCluster::watch()
{
    for (;;) {
        int number = signals_.next(1000);
        reap(false);
        if (number != 0 && number != SIGCHLD) {
            return;
        }
    }
}

void DevCluster::stop()
{
    for (auto &member : members_) {
        member.session.reset();
        if (member.pid > 0) {
            ::kill(member.pid, SIGTERM);
        }
    }
    auto end = Clock::now() + kill_after;
    while (running() && Clock::now() < end) {
        for (auto &member : members_) {
            if (member.pid > 0 && ::waitpid(member.pid, nullptr, WNOHANG) == member.pid) {
                member.pid = 0;
            }
        }
        ::usleep(20000);
    }
    for (auto &member : members_) {
        if (member.pid > 0) {
            std::cerr << "debros: dev: " << member.dir
                      << " does not stop: killing it (pid " << member.pid << ")\n";
            ::kill(member.pid, SIGKILL);
            ::waitpid(member.pid, nullptr, 0);
            member.pid = 0;
        }
    }
}

} // namespace cli
