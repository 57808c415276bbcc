#include "processors/detectors/observation.h"

#include <gtest/gtest.h>

#include "tests/unit/detectors/life.h"

namespace watchword::detectors {
namespace {

using testing::bytes_of;
using testing::kMonday;
using testing::ordinary;

uint32_t endpoint_hash(std::string_view endpoint) {
  auto observation = ordinary(kMonday);
  observation.set_endpoint(std::string(endpoint));
  const std::string bytes = bytes_of(observation);
  return read_observation(bytes)->endpoint_hash;
}

uint32_t agent_hash(std::string_view user_agent) {
  auto observation = ordinary(kMonday);
  observation.set_user_agent(std::string(user_agent));
  const std::string bytes = bytes_of(observation);
  return read_observation(bytes)->agent_hash;
}

TEST(Observation, is_read_in_place_with_every_field) {
  auto observation = ordinary(kMonday);
  observation.set_device(7);
  observation.set_resource("bucket");
  observation.set_scope("read");
  observation.set_records(1u << 20);
  observation.set_count(3);
  observation.set_country("DE");
  observation.set_asn(64496);
  auto* attribute = observation.add_attributes();
  attribute->set_key("k");
  const std::string bytes = bytes_of(observation);
  const auto seen = read_observation(bytes);
  ASSERT_TRUE(seen.ok());
  EXPECT_EQ(seen->source, "gateway");
  EXPECT_GE(seen->source.data(), bytes.data());
  EXPECT_LT(seen->source.data(), bytes.data() + bytes.size());
  EXPECT_EQ(seen->principal.view(), "0123456789abcdef");
  EXPECT_EQ(seen->time_ms, kMonday);
  EXPECT_EQ(seen->outcome, v1::SUCCESS);
  EXPECT_EQ(seen->device, 7u);
  EXPECT_EQ(seen->records, 1u << 20);
  EXPECT_EQ(seen->count, 3u);
  EXPECT_EQ(seen->country, "DE");
  EXPECT_EQ(seen->asn, 64496u);
  EXPECT_TRUE(seen->authenticated);
  EXPECT_NE(seen->event_hash, 0u);
}

TEST(Observation, cut_anywhere_is_unreadable_or_short_but_never_breaks) {
  const std::string bytes = bytes_of(ordinary(kMonday));
  for (size_t size = 0; size < bytes.size(); ++size) {
    const std::string cut = bytes.substr(0, size);
    if (const auto seen = read_observation(cut); !seen.ok()) {
      EXPECT_EQ(seen.error().reason, "observation.unreadable");
    }
  }
  EXPECT_FALSE(read_observation(bytes.substr(0, bytes.size() - 1)).ok());
}

TEST(Observation, with_a_field_of_the_wrong_wire_type_is_unreadable) {
  EXPECT_FALSE(read_observation(bytes_of(ordinary(kMonday)) + std::string("\x08\x01", 2)).ok());
}

TEST(Observation, keeps_reading_past_fields_of_later_versions) {
  EXPECT_TRUE(read_observation(bytes_of(ordinary(kMonday)) + std::string("\xc0\x3e\x01", 3)).ok());
}

TEST(Observation, without_principal_or_with_an_odd_network_is_unreadable) {
  auto nobody = ordinary(kMonday);
  nobody.set_principal("short");
  EXPECT_FALSE(read_observation(bytes_of(nobody)).ok());
  auto odd = ordinary(kMonday);
  odd.set_network("12345");
  EXPECT_FALSE(read_observation(bytes_of(odd)).ok());
}

TEST(Observation, before_1970_is_unreadable) {
  auto early = ordinary(kMonday);
  early.set_time_ms(static_cast<uint64_t>(-1));
  EXPECT_FALSE(read_observation(bytes_of(early)).ok());
}

TEST(Endpoint, forgets_query_and_ids_but_not_versions) {
  EXPECT_EQ(endpoint_hash("/users/12345/orders?page=2"), endpoint_hash("/users/67890/orders"));
  EXPECT_EQ(endpoint_hash("/t/0198a3c2-7b1e-8f00-8000-000000000001"),
            endpoint_hash("/t/1198a3c2-7b1e-8f00-8000-00000000000f"));
  EXPECT_NE(endpoint_hash("/v1/users"), endpoint_hash("/v2/users"));
  EXPECT_EQ(normalised_endpoint("/users/12345/orders#top"), "/users/{id}/orders");
  EXPECT_EQ(normalised_endpoint("/a/12/b/deadbeefdeadbeef/face-cafe/0123456789abcdefg"),
            "/a/12/b/deadbeefdeadbeef/face-cafe/0123456789abcdefg");
  EXPECT_EQ(normalised_endpoint("/b/deadbeefdeadbee1//777"), "/b/{id}//{id}");
  EXPECT_EQ(endpoint_hash(""), 0u);
}

TEST(Endpoint, of_any_length_is_bounded) {
  EXPECT_LE(normalised_endpoint("/" + std::string(100'000, 'a') + "1/").size(), 260u);
  std::string ids;
  for (int i = 0; i < 1000; ++i) ids += "/123";
  EXPECT_EQ(normalised_endpoint(ids).size(), 64 * 5u);
}

TEST(Agent, family_forgets_versions_and_tells_scripts_from_browsers) {
  EXPECT_EQ(family_of("aws-cli/2.13 Python/3.11"), "aws-cli");
  EXPECT_EQ(agent_hash("curl/7.88"), agent_hash("curl/8.5"));
  const std::string chrome =
      "Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36";
  EXPECT_EQ(family_of(chrome), "Chrome");
  EXPECT_EQ(family_of("Mozilla/5.0 (X11; rv:120.0) Gecko/20100101 Firefox/120.0"), "Firefox");
  EXPECT_EQ(agent_hash(chrome) & 1, 0u);
  EXPECT_EQ(agent_hash("curl/8.5") & 1, 1u);
  EXPECT_EQ(agent_hash(""), 0u);
}

TEST(Network, is_counted_by_its_24_or_48) {
  auto near = ordinary(kMonday), far = ordinary(kMonday);
  near.set_network(std::string("\x0a\x00\x01\xff", 4));
  far.set_network(std::string("\x0a\x00\x02\x07", 4));
  const std::string home = bytes_of(ordinary(kMonday)), same = bytes_of(near),
                    other = bytes_of(far);
  EXPECT_EQ(read_observation(home)->network_hash, read_observation(same)->network_hash);
  EXPECT_NE(read_observation(home)->network_hash, read_observation(other)->network_hash);
  EXPECT_EQ(prefix_text(near.network()), "10.0.1.0/24");
  EXPECT_EQ(prefix_text(""), "unknown");
  EXPECT_EQ(prefix_text(std::string("\x20\x01\x0d\xb8\x00\x01\x00\x02", 8) + std::string(8, '\1')),
            "2001:db8:1::/48");
}

}  // namespace
}  // namespace watchword::detectors
