// A light client that is connected to the target of a command.
#pragma once
#include "config.hpp"
#include "options.hpp"
#include "target.hpp"

#include <debros/debros.hpp>

namespace cli
{

// The log on stderr at LOG_LEVEL. Not set: info for a node, nothing for a client.
void configure_log(debros::Config &config);

class Session
{
  public:
    // Connects. Throws Failure with words for people.
    Session(const Target &target, const ClientSettings &settings);
    explicit Session(const Options &options);

    debros::Node &node()
    {
        return node_;
    }
    debros::Sql sql(const std::string &ns) const
    {
        return node_.ns(ns).sql();
    }

  private:
    debros::Node node_;
};

// The client's configuration; an empty target leaves it without a member.
debros::Config client_config(const Target &target, const ClientSettings &settings);

// The configuration's; its time for requests is --timeout's where that is given.
ClientSettings client_settings(const Options &options);

} // namespace cli
