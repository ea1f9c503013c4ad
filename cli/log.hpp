// The log of a node: lines for people or for programs, on stderr or in a file.
#pragma once
#include <debros/debros.hpp>

#include <mutex>
#include <string>

namespace cli
{

// "2026-11-23T04:05:06.789Z".
std::string utc_text(std::chrono::system_clock::time_point time);

// With its newline. Text: TIME LEVEL MODULE [PEER]: MESSAGE. JSON: an object of strings.
std::string log_line(const debros::LogRecord &record, bool json);

// Each line is one write, so that a file can be moved away at any time. Any thread.
class LogWriter
{
  public:
    // "": stderr. Throws Failure when the file cannot be opened.
    LogWriter(std::string file, bool json);
    ~LogWriter();
    LogWriter(const LogWriter &) = delete;
    LogWriter &operator=(const LogWriter &) = delete;

    // What the file does not take, a full disk's say, goes to stderr.
    void write(const debros::LogRecord &record);
    // Opens the file by its name again: the old one was moved away. False: it cannot be
    // opened, and the old one stays in use.
    bool reopen();
    bool has_file() const noexcept
    {
        return !file_.empty();
    }

  private:
    std::string file_;
    bool json_;
    std::mutex mutex_;
    int fd_;
};

} // namespace cli
