// The public topics: what consumers read of the journal. CloudEvents 1.0 around the JSON of the HTTP contract; the id comes
// from the position, so a record that is published again is recognisable.
#pragma once
#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "events/base/result.h"
#include "processors/publisher/render.h"

namespace watchword::publisher {

enum class Topic : uint8_t { identity, token, session, alert, dead_letter };
std::optional<Topic> topic_named(std::string_view name);

struct Record {
  Position position;
  uint32_t index = 0;
  std::string key;      // the principal, as text; orders records
  std::string type;     // "watchword.alert.raised"
  std::string subject;
  int64_t time_ms = 0;
  boost::json::object data;
  // The record as a CloudEvent in structured mode.
  boost::json::object envelope() const;
};

// The records of one stored frame that belong to `topic`, in order.
Result<std::vector<Record>> records_of(std::string_view frame, uint32_t partition, Topic topic);

struct Place {
  Position position;
  uint32_t index = 0;
};
std::optional<Place> parse_event_id(std::string_view id);

}  // namespace watchword::publisher
