// The node processes of `debros dev`.
#pragma once
#include "session.hpp"
#include "signals.hpp"

#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cli
{

struct DevArgs {
    unsigned nodes = 3;
    std::string data_dir;
    unsigned base_port = 0; // 0: ports that the kernel picks
    bool open = false;
    std::string config; // the nodes' file, "": none
};

// Thrown inside start() when a signal asks for the end.
struct Interrupted {
};

class DevCluster
{
  public:
    DevCluster(const DevArgs &args, Signals &signals);
    ~DevCluster(); // kills what stop() did not

    // Starts what DIR holds, adds what is missing, and waits until all answer. Throws
    // Failure or Interrupted.
    void start();
    // Tells of nodes that die, until a signal comes.
    void watch();
    // SIGTERM to each, SIGKILL to what still runs after 10 s.
    void stop();

    size_t size() const
    {
        return members_.size();
    }
    std::string dir(size_t i) const
    {
        return members_[i].dir;
    }

  private:
    struct Member {
        std::string dir;
        pid_t pid = 0; // 0: does not run
        bool joined = false;
        std::unique_ptr<Session> session{};
    };

    void add_members();
    void launch(Member &member, const std::string &invite);
    void await_pid(Member &member);
    std::string invite();
    bool answers(Member &member, bool &votes);
    void await_all();
    void pause(int ms);
    bool reap(bool starting);
    bool running() const;

    DevArgs args_;
    Signals &signals_;
    std::vector<Member> members_;
};

} // namespace cli
