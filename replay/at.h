// What was true of one principal, token or alert at any moment, from a node's folder alone; the node may run or not.
#pragma once
#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "events/base/ids.h"
#include "events/base/result.h"
#include "processors/publisher/render.h"

namespace watchword::replay {

struct Asked {
  // An id (of a principal, a token or an alert), the name of an identity or of a service token, or a foreign subject.
  std::string subject;
  std::optional<int64_t> time_ms;    // neither: now, at the journal's end
  std::optional<Position> position;
};

// The members of replay::render(Past), and "token" or "alert" when the id asked for is one. Reads the frames that name the
// principal, those that no index covers yet, and the whole journal when a name is asked for. What is sealed for a person
// stays so unless `open` opens it. Errors: not_found "replay.no_folder", "replay.subject_unknown"; invalid
// "replay.position" (of another partition than the subject's), "history.position"; those of the journal.
Result<boost::json::object> at(const std::string& directory, const Asked& asked,
                               const publisher::Opener& open = {});

}  // namespace watchword::replay
