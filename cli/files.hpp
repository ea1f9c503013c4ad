// Small files in a node's folder.
#pragma once
#include <string>

#include <sys/types.h>

namespace cli
{

bool is_directory(const std::string &path);
bool exists(const std::string &path);
void make_directory(const std::string &path); // also its parents; throws Failure

// The text without its trailing newline; "" when there is no such file.
std::string read_line(const std::string &path);
// All of a file, or of stdin for "-". Throws Failure.
std::string read_all(const std::string &path);
// At most `max` bytes of a file that may be longer, or endless. Throws Failure.
std::string read_some(const std::string &path, size_t max);
// Replaces the file as a whole: readers see the old text or the new one.
void write_file(const std::string &path, const std::string &text, mode_t mode = 0644);
// The same, and what is there after a power cut is it or what was there before. Does
// nothing when the file holds the text already.
void keep_file(const std::string &path, const std::string &text);

// The process id in a pid file, 0: none.
pid_t read_pid(const std::string &path);

} // namespace cli
