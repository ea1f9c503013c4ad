// node: runs a node until SIGINT or SIGTERM.
#include "commands.hpp"
#include "config_args.hpp"
#include "errors.hpp"
#include "files.hpp"
#include "log.hpp"
#include "session.hpp"
#include "signals.hpp"

#include <CLI/CLI.hpp>

#include <chrono>
#include <ctime>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <poll.h>
#include <unistd.h>

namespace cli
{
namespace
{

const int stop_timeout_ms = 8000;  // below the 10 s after which `dev` kills
const int check_interval_ms = 500; // how soon a node that ended by itself is noticed

const std::chrono::seconds members_timeout{5};

using Args = NodeSettings;

struct Command {
    ConfigArgs config;
    bool check_only = false;
};

std::string pid_file(const Args &args)
{
    return args.data_dir + "/node.pid";
}

// The addresses of the last run, without /p2p/ID.
std::vector<std::string> last_listen(const Args &args)
{
    std::vector<std::string> addrs;
    std::ifstream in(args.data_dir + "/peer.info");
    for (std::string line; std::getline(in, line);) {
        addrs.push_back(line.substr(0, line.find("/p2p/")));
    }
    return addrs;
}

bool is_wildcard(const std::string &addr)
{
    return addr.rfind("/ip4/0.0.0.0/", 0) == 0 || addr.rfind("/ip6/::/", 0) == 0;
}

// A wildcard was kept as the addresses that the machine had then; it may have others now.
// `front` ends in /tcp/.
std::string with_last_port(const std::string &front, const std::vector<std::string> &last)
{
    for (const auto &addr : last) {
        size_t port = addr.rfind("/tcp/");
        if (port != addr.npos && addr.compare(0, 5, front, 0, 5) == 0) {
            return front + addr.substr(port + 5);
        }
    }
    return front + "0";
}

// What was asked for, with port 0 replaced by the port of the last run.
std::vector<std::string> wanted_listen(const Args &args)
{
    auto last = last_listen(args);
    if (!args.listen_given) {
        return last.empty() ? args.listen : last;
    }
    auto wanted = args.listen;
    for (size_t i = 0; i < wanted.size(); i++) {
        size_t port = wanted[i].rfind("/tcp/0");
        bool any = port != wanted[i].npos && port + 6 == wanted[i].size();
        if (any && is_wildcard(wanted[i])) {
            wanted[i] = with_last_port(wanted[i].substr(0, port + 5), last);
        } else if (any && i < last.size() &&
                   last[i].compare(0, port + 5, wanted[i], 0, port + 5) == 0) {
            wanted[i] = last[i];
        }
    }
    return wanted;
}

debros::Config node_config(const Args &args, const std::vector<std::string> &listen,
                           LogWriter &log)
{
    debros::Config config;
    config.data_dir = args.data_dir;
    config.listen = listen;
    config.bootstrap = args.bootstrap;
    config.invite = args.invite;
    config.open = args.open;
    config.mdns = args.mdns;
    config.kad_protocol = args.kad_protocol;
    config.advertise = args.advertise;
    config.discovery_interval = args.discovery_interval;
    config.discovery_dials = args.max_dials;
    config.low_water = args.low_water;
    config.high_water = args.high_water;
    config.identity_path = args.identity_file;
    config.max_connections = args.max_connections;
    config.max_pending = args.max_requests;
    config.busy_poll = args.busy_poll;
    config.max_memory = args.max_memory;
    config.request_timeout = args.request_timeout;
    config.election_timeout = args.election_timeout;
    config.snapshot_rate = args.snapshot_rate;
    config.snapshot_chunk = args.snapshot_chunk;
    config.connect_timeout = args.connect_timeout;
    config.retry_delay = args.retry_delay;
    config.callback_thread = false;
    config.log_level = args.log_level;
    config.log = [&log](const debros::LogRecord &record) { log.write(record); };
    return config;
}

using Outcome = std::optional<debros::Result<debros::Done>>;

// Dispatches until `operation` has its outcome. A signal ends the wait when it `listens`
// to them, as does the time (-1: none); the outcome is empty then.
Outcome await(debros::Node &node, Signals &signals,
              debros::Operation<debros::Done> operation, bool listens, int timeout_ms)
{
    auto outcome = std::make_shared<Outcome>();
    std::move(operation).then(
        [outcome](debros::Result<debros::Done> r) { outcome->emplace(std::move(r)); });
    auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    while (!*outcome) {
        int left = timeout_ms;
        if (timeout_ms >= 0) {
            auto rest = end - std::chrono::steady_clock::now();
            left = static_cast<int>(
                std::chrono::duration_cast<std::chrono::milliseconds>(rest).count());
            if (left <= 0) {
                break;
            }
        }
        pollfd fds[] = {{node.event_fd(), POLLIN, 0},
                        {listens ? signals.fd() : -1, POLLIN, 0}};
        ::poll(fds, 2, left);
        if (fds[1].revents & POLLIN) {
            break;
        }
        node.dispatch();
    }
    return *outcome;
}

// A fresh node learns who may talk to it from the first entries of its log; until then it
// would refuse its own operator. Returns false when a signal came first.
bool await_members(debros::Node &node, Signals &signals)
{
    auto end = std::chrono::steady_clock::now() + members_timeout;
    while (std::chrono::steady_clock::now() < end) {
        auto status = node.status().wait();
        if (!status || status->applied_index > 0) {
            break;
        }
        if (signals.next(20) != 0) {
            return false;
        }
    }
    return true;
}

void announce(const Args &args, const debros::Node &node)
{
    std::string lines;
    for (const auto &addr : node.listen_addrs()) {
        lines += addr + "\n";
    }
    // The next run listens there again: the others know no other address.
    keep_file(args.data_dir + "/peer.info", lines);
    write_file(pid_file(args), std::to_string(::getpid()) + "\n");
    std::cout << "ready " << lines.substr(0, lines.find('\n')) << std::endl;
}

// Takes the process's id away, however the node ends.
class PidFile
{
  public:
    explicit PidFile(const Args &args) : args_(args)
    {
    }
    PidFile(const PidFile &) = delete;
    PidFile &operator=(const PidFile &) = delete;
    ~PidFile()
    {
        if (read_pid(pid_file(args_)) == ::getpid()) {
            ::unlink(pid_file(args_).c_str());
        }
    }

  private:
    const Args &args_;
};

// Starts with `listen`; the node is empty when a signal came first.
std::unique_ptr<debros::Node> start(const Args &args, Signals &signals, LogWriter &log,
                                    const std::vector<std::string> &listen)
{
    auto node = std::make_unique<debros::Node>(node_config(args, listen, log));
    auto starting =
        node->start().timeout(time_to_start(args.request_timeout, args.connect_timeout));
    Outcome outcome = await(*node, signals, std::move(starting), true, -1);
    if (!outcome) {
        return nullptr;
    }
    std::move(*outcome).value();
    return node;
}

// The port of the last run may be taken meanwhile: then any port, if none was asked for.
std::unique_ptr<debros::Node> start_anywhere(const Args &args, Signals &signals,
                                             LogWriter &log)
{
    auto wanted = wanted_listen(args);
    try {
        return start(args, signals, log, wanted);
    } catch (const debros::Error &error) {
        if (error.err() != DEBROS_EBUSY || wanted == args.listen) {
            throw;
        }
    }
    return start(args, signals, log, args.listen);
}

// An invite in a file or in the environment stays there when it has done its work: a node
// that is a member has no use for it. One on the command line is meant for this run.
std::unique_ptr<debros::Node> start_or_join(const Args &args, Signals &signals,
                                            LogWriter &log)
{
    try {
        return start_anywhere(args, signals, log);
    } catch (const debros::Error &error) {
        if (error.err() != DEBROS_EEXISTS || args.invite.empty() || args.invite_by_flag) {
            throw;
        }
    }
    Args member = args;
    member.invite.clear();
    return start_anywhere(member, signals, log);
}

// SIGHUP: the log file was moved away. Without a file it ends the node, as a terminal
// that closes does.
bool reopens(LogWriter &log, int signal)
{
    if (signal != SIGHUP || !log.has_file()) {
        return false;
    }
    if (!log.reopen()) {
        std::cerr << "debros: node: the log file cannot be opened again: the old one "
                     "stays in use\n";
    }
    return true;
}

// A busy moment's memory goes back to the system once little happens.
class Thrift
{
  public:
    Thrift()
    {
#ifdef __GLIBC__
        ::mallopt(M_ARENA_MAX, 2); // each thread's own would hold what only it had once
#endif
    }

    void look()
    {
        auto now = std::chrono::steady_clock::now();
        if (now - looked_ < interval) {
            return;
        }
        std::clock_t used = std::clock();
#ifdef __GLIBC__
        if (used - used_ < idle_clocks) {
            ::malloc_trim(0);
        }
#endif
        looked_ = now;
        used_ = used;
    }

  private:
    static constexpr std::chrono::seconds interval{20};
    static constexpr std::clock_t idle_clocks = CLOCKS_PER_SEC; // of processor time, 5 %
    std::chrono::steady_clock::time_point looked_ = std::chrono::steady_clock::now();
    std::clock_t used_ = std::clock();
};

int run_node(const Args &args)
{
    Signals signals({SIGINT, SIGTERM, SIGHUP});
    Thrift thrift;
    LogWriter log(args.log_file, args.log_json);
    if (!args.invite.empty()) {
        make_directory(args.data_dir);
    }
    auto node = start_or_join(args, signals, log);
    if (!node) {
        return exit_interrupted;
    }
    PidFile pid(args);
    if (await_members(*node, signals)) {
        announce(args, *node);
        int signal = 0;
        while (signal == 0 || reopens(log, signal)) {
            node->check(); // throws: the node ended by itself
            thrift.look();
            signal = signals.next(check_interval_ms);
        }
    }
    await(*node, signals, node->stop(), false, stop_timeout_ms);
    return exit_done;
}

int run(const Command &command)
{
    Configuration config = checked_configuration(command.config, "node");
    if (command.check_only) {
        std::cout << "the configuration is valid" << std::endl;
        return exit_done;
    }
    NodeSettings settings = config.node();
    need_data_dir(settings.data_dir);
    return run_node(settings);
}

} // namespace

void add_node_command(CLI::App &app, Run &chosen)
{
    auto args = std::make_shared<Command>();
    auto *command = app.add_subcommand("node", "run a node until Ctrl-C or SIGTERM");
    add_node_options(*command, args->config);
    command->add_flag("--check-config", args->check_only,
                      "check the configuration and exit: 0 valid, 2 not");
    command->callback([&chosen, args] { chosen = [args] { return run(*args); }; });
}

} // namespace cli
