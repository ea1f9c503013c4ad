// Signals as events: blocked, and read from a descriptor.
#pragma once
#include <initializer_list>

#include <csignal>

namespace cli
{

// Make it before the first thread: threads inherit the mask.
class Signals
{
  public:
    explicit Signals(std::initializer_list<int> numbers);
    ~Signals();
    Signals(const Signals &) = delete;
    Signals &operator=(const Signals &) = delete;

    int fd() const noexcept
    {
        return fd_;
    }
    // The next signal that waits; 0: none came within the time. -1 waits for ever.
    int next(int timeout_ms);

  private:
    int fd_;
};

// For client commands: Ctrl-C ends the program at once with 130.
void exit_on_interrupt();

} // namespace cli
