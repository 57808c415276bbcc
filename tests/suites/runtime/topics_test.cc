// What consumers of the public topics rest on (PROTOCOL.md section 7).
#include "processors/publisher/topics.h"

#include <gtest/gtest.h>

#include <set>

#include "events/base/ids.h"
#include "stores/journal/frame.h"

namespace watchword::publisher {
namespace {

std::string frame(uint64_t seq, size_t events) {
  journal::FrameBuilder builder;
  for (size_t i = 0; i < events; ++i) {
    v1::Event event;
    event.mutable_envelope()->set_subject(std::string(mint_id_from(1, 7, i).view()));
    event.mutable_envelope()->set_at_ms(1'790'000'000'000);
    event.mutable_identity()->mutable_suspended()->set_reason("test");
    builder.add(event);
  }
  return builder.finish(0, 1, seq, 1'790'000'000'000);
}

TEST(Topics, TheSequenceRisesWithThePositionAndEveryIdIsItsOwn) {
  std::set<std::string> ids;
  uint64_t last = 0;
  for (uint64_t seq = 2; seq < 12; ++seq) {
    const auto records = records_of(frame(seq, 3), 0, Topic::identity);
    ASSERT_TRUE(records.ok());
    ASSERT_EQ(records->size(), 3u);
    for (const auto& record : *records) {
      const auto envelope = record.envelope();
      const uint64_t sequence = std::stoull(std::string(envelope.at("sequence").as_string()));
      EXPECT_GE(sequence, last);
      EXPECT_EQ(sequence, seq);
      last = sequence;
      EXPECT_TRUE(ids.emplace(envelope.at("id").as_string()).second) << envelope.at("id");
    }
  }
}

TEST(Topics, AnIdLeadsBackToItsPlace) {
  const auto records = records_of(frame(9, 3), 0, Topic::identity);
  ASSERT_TRUE(records.ok());
  const auto place = parse_event_id(event_id(records->back().position, records->back().index));
  ASSERT_TRUE(place.has_value());
  EXPECT_EQ(place->position.seq, 9u);
  EXPECT_EQ(place->index, 2u);
}

}  // namespace
}  // namespace watchword::publisher
