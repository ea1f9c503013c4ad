#include "files.hpp"

#include "errors.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include <fcntl.h>
#include <unistd.h>

namespace cli
{
namespace
{

[[noreturn]] void fail(const std::string &what)
{
    int code = errno == ENOSPC ? exit_unavailable : exit_failed;
    throw Failure(code, what + ": " + std::strerror(errno));
}

std::ifstream open_file(const std::string &path)
{
    std::ifstream in(path, std::ios::binary);
    if (in && is_directory(path)) {
        in.setstate(std::ios::failbit);
        errno = EISDIR;
    }
    if (!in) {
        int code = errno == ENOENT ? exit_not_found : exit_failed;
        throw Failure(code, "cannot read " + path + ": " + std::strerror(errno));
    }
    return in;
}

} // namespace

bool is_directory(const std::string &path)
{
    std::error_code error;
    return std::filesystem::is_directory(path, error);
}

bool exists(const std::string &path)
{
    return ::access(path.c_str(), F_OK) == 0;
}

void make_directory(const std::string &path)
{
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error || !is_directory(path)) {
        throw Failure(exit_failed,
                      "cannot create the folder " + path + ": " +
                          (error ? error.message() : "a file is in the way"));
    }
}

std::string read_line(const std::string &path)
{
    std::ifstream in(path);
    std::string line;
    std::getline(in, line);
    return line;
}

std::string read_all(const std::string &path)
{
    std::ostringstream text;
    if (path == "-") {
        text << std::cin.rdbuf();
        return text.str();
    }
    std::ifstream in = open_file(path);
    text << in.rdbuf();
    return text.str();
}

std::string read_some(const std::string &path, size_t max)
{
    std::ifstream in = open_file(path);
    std::string text(max, '\0');
    in.read(text.data(), static_cast<std::streamsize>(max));
    text.resize(static_cast<size_t>(in.gcount()));
    return text;
}

namespace
{

void replace_file(const std::string &path, const std::string &text, mode_t mode,
                  bool durable)
{
    std::string draft = path + ".new";
    int fd = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0) {
        fail("cannot write " + draft);
    }
    bool written =
        ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
        (!durable || ::fsync(fd) == 0);
    bool closed = ::close(fd) == 0;
    if (!written || !closed || ::rename(draft.c_str(), path.c_str()) != 0) {
        fail("cannot write " + path);
    }
}

void sync_folder_of(const std::string &path)
{
    size_t slash = path.rfind('/');
    std::string folder = slash == path.npos ? "." : path.substr(0, slash + 1);
    int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || ::fsync(fd) != 0) {
        fail("cannot make " + path + " durable");
    }
    ::close(fd);
}

} // namespace

void write_file(const std::string &path, const std::string &text, mode_t mode)
{
    replace_file(path, text, mode, false);
}

void keep_file(const std::string &path, const std::string &text)
{
    if (exists(path) && read_all(path) == text) {
        return;
    }
    replace_file(path, text, 0644, true);
    sync_folder_of(path);
}

pid_t read_pid(const std::string &path)
{
    return static_cast<pid_t>(std::atol(read_line(path).c_str()));
}

} // namespace cli
