// A fake of debros.h: it answers nothing by itself; the test decides what each request
// that waits is told.
#pragma once
#include <debros.h>

#include <string>
#include <vector>

struct Fake {
    int refuse = 0; // what the next submissions return
    int status = 0; // what completions are told
    const char *detail = nullptr;
    std::size_t failed = 0;
    std::vector<std::string> calls;   // "query default 1: SELECT 1"
    std::vector<debros_value> params; // of the last SQL request
    debros_result result{};
    debros_net net{}; // the output fields of network calls
    debros_dht dht{}; // and of the hash table's
    std::string value; // of the last put
    int ended = 0; // what debros_node_check() tells
    int canceled = 0;
    int released = 0;
    debros_level level = DEBROS_LINEARIZABLE;
    debros_msec freshness = 0;
};

extern Fake fake;
