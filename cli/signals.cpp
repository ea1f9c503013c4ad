#include "signals.hpp"

#include "errors.hpp"

#include <cerrno>
#include <cstring>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace cli
{

Signals::Signals(std::initializer_list<int> numbers)
{
    sigset_t set;
    sigemptyset(&set);
    for (int number : numbers) {
        sigaddset(&set, number);
    }
    sigprocmask(SIG_BLOCK, &set, nullptr);
    fd_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd_ < 0) {
        throw Failure(exit_failed, std::string("signalfd: ") + std::strerror(errno));
    }
}

Signals::~Signals()
{
    ::close(fd_);
}

int Signals::next(int timeout_ms)
{
    pollfd waiting{fd_, POLLIN, 0};
    signalfd_siginfo info;
    if (::poll(&waiting, 1, timeout_ms) <= 0 ||
        ::read(fd_, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) {
        return 0;
    }
    return static_cast<int>(info.ssi_signo);
}

static void interrupted(int)
{
    static const char text[] = "\ndebros: interrupted; a write that was under way may "
                               "or may not have happened\n";
    ssize_t ignored = ::write(STDERR_FILENO, text, sizeof text - 1);
    (void)ignored;
    ::_exit(exit_interrupted);
}

void exit_on_interrupt()
{
    struct sigaction action {
    };
    action.sa_handler = interrupted;
    sigaction(SIGINT, &action, nullptr);
}

} // namespace cli
