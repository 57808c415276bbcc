// The limits of an identity as options, and as the members of a request body.
#pragma once
#include <CLI/App.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "events/base/result.h"

namespace watchword::cli {

struct LimitsOptions {
  std::vector<std::string> scopes, networks, metadata, signals_off;
  std::string hours, time_zone, lifetime, attestation_file;
  bool any_scope_given = false;
};
void add_limits_options(CLI::App& app, LimitsOptions& limits);

// Only what was given. Errors: invalid "cli.hours.malformed", "cli.metadata.malformed",
// "cli.duration.malformed", "cli.attestation.malformed"; io "cli.file.unreadable".
Result<> put_limits(const LimitsOptions& limits, boost::json::object& body);

// "k=v" pairs. Errors: invalid "cli.metadata.malformed".
Result<boost::json::object> metadata_of(const std::vector<std::string>& pairs);
boost::json::array array_of(const std::vector<std::string>& texts);

}  // namespace watchword::cli
