// A child process that runs this program again.
#pragma once
#include <string>
#include <vector>

#include <sys/types.h>

namespace cli
{

// Starts this program with `args` (without its name), stdout and stderr appended to
// `log`. The child ends when this process does. Throws Failure.
pid_t spawn_self(const std::vector<std::string> &args, const std::string &log);

// How a process ended: "exited with 5" or "was killed by signal 9 (Killed)".
std::string describe_end(int wait_status);

} // namespace cli
