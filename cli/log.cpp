#include "log.hpp"

#include "errors.hpp"
#include "output.hpp"

#include <cerrno>
#include <cstring>
#include <ctime>

#include <fcntl.h>
#include <unistd.h>

namespace cli
{
namespace
{

int open_log(const std::string &file)
{
    return ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

} // namespace

std::string utc_text(std::chrono::system_clock::time_point time)
{
    auto ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch())
            .count();
    std::time_t seconds = static_cast<std::time_t>(ms / 1000);
    tm utc{};
    char date[32], text[48];
    gmtime_r(&seconds, &utc);
    std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    std::snprintf(text, sizeof text, "%s.%03dZ", date, static_cast<int>(ms % 1000));
    return text;
}

std::string log_line(const debros::LogRecord &record, bool json)
{
    std::string time = utc_text(record.time);
    std::string level = debros_log_level_name(record.level);
    if (json) {
        return "{\"time\": " + json_string(time) + ", \"level\": " + json_string(level) +
               ", \"module\": " + json_string(record.module) +
               ", \"peer\": " + json_string(record.peer) +
               ", \"message\": " + json_string(record.message) + "}\n";
    }
    return time + " " + level + " " + std::string(record.module) +
           (record.peer.empty() ? "" : " " + std::string(record.peer)) + ": " +
           std::string(record.message) + "\n";
}

LogWriter::LogWriter(std::string file, bool json)
    : file_(std::move(file)), json_(json), fd_(STDERR_FILENO)
{
    if (!file_.empty()) {
        fd_ = open_log(file_);
    }
    if (fd_ < 0) {
        throw Failure(exit_failed, "the log file " + file_ + ": " + std::strerror(errno));
    }
}

LogWriter::~LogWriter()
{
    if (fd_ != STDERR_FILENO) {
        ::close(fd_);
    }
}

void LogWriter::write(const debros::LogRecord &record)
{
    std::string line = log_line(record, json_);
    std::lock_guard<std::mutex> lock(mutex_);
    if (::write(fd_, line.data(), line.size()) != static_cast<ssize_t>(line.size()) &&
        fd_ != STDERR_FILENO) {
        ssize_t ignored = ::write(STDERR_FILENO, line.data(), line.size());
        (void)ignored;
    }
}

bool LogWriter::reopen()
{
    if (file_.empty()) {
        return true;
    }
    int fd = open_log(file_);
    if (fd < 0) {
        return false;
    }
    std::lock_guard<std::mutex> lock(mutex_);
    ::close(fd_);
    fd_ = fd;
    return true;
}

} // namespace cli
