#include "process.hpp"

#include "errors.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cli
{
namespace
{

// Between fork and exec only calls that are safe there.
[[noreturn]] void become(char *const *argv, int log, pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    // Ctrl-C is for the parent, which then stops its children in order.
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() == parent && dup2(log, STDOUT_FILENO) >= 0 &&
        dup2(log, STDERR_FILENO) >= 0) {
        execv("/proc/self/exe", argv);
    }
    _exit(exit_failed);
}

} // namespace

pid_t spawn_self(const std::vector<std::string> &args, const std::string &log)
{
    std::vector<char *> argv = {const_cast<char *>("debros")};
    for (const auto &arg : args) {
        argv.push_back(const_cast<char *>(arg.c_str()));
    }
    argv.push_back(nullptr);
    int fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0) {
        throw Failure(exit_failed, "cannot write " + log + ": " + std::strerror(errno));
    }
    pid_t parent = getpid();
    pid_t pid = ::fork();
    if (pid == 0) {
        become(argv.data(), fd, parent);
    }
    ::close(fd);
    if (pid < 0) {
        throw Failure(exit_failed,
                      std::string("cannot start a process: ") + std::strerror(errno));
    }
    return pid;
}

std::string describe_end(int wait_status)
{
    if (WIFSIGNALED(wait_status)) {
        int number = WTERMSIG(wait_status);
        return "was killed by signal " + std::to_string(number) + " (" +
               strsignal(number) + ")";
    }
    return "exited with " + std::to_string(WEXITSTATUS(wait_status));
}

} // namespace cli
