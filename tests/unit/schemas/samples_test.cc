// WATCHWORD_ADD_SAMPLES=1 first writes samples for what has none; see schemas/README.md.
#include "tests/unit/schemas/samples.h"

#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

namespace watchword::samples {
namespace {

class Samples : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const char* add = std::getenv("WATCHWORD_ADD_SAMPLES");
    if (!add || std::string_view(add) != "1") return;
    for (const auto& file : add_missing_samples()) std::cout << "wrote schemas/samples/" << file << "\n";
  }

  template <class Check>
  static void for_each(Check check) {
    for (const auto& [subject, samples] : load_samples())
      for (const auto& sample : samples) {
        SCOPED_TRACE(sample.file);
        check(sample);
      }
  }
};

TEST_F(Samples, EveryFactHasOneWithEveryFieldSet) {
  const auto known = load_samples();
  for (const auto& subject : subjects()) {
    const auto found = known.find(subject.name);
    if (found == known.end()) {
      ADD_FAILURE() << subject.name << " has no sample";
      continue;
    }
    std::set<std::string> covered;
    for (const auto& sample : found->second)
      if (const auto message = decode(sample)) covered.merge(set_fields(*message));
    for (const auto& field : all_fields(subject))
      EXPECT_TRUE(covered.contains(field)) << "no sample of " << subject.name << " sets " << field;
  }
}

TEST_F(Samples, EveryOneBelongsToAFact) {
  const auto known = subjects();
  for_each([&](const Sample& sample) {
    EXPECT_TRUE(std::ranges::any_of(known, [&](const Subject& s) { return s.name == sample.subject; }));
  });
}

TEST_F(Samples, DecodeToTheFieldsThatTheirTextNames) {
  for_each([](const Sample& sample) {
    const auto decoded = decode(sample), told = expected(sample);
    ASSERT_TRUE(decoded) << "the bytes do not parse as " << sample.message;
    ASSERT_TRUE(told) << "the text does not parse as " << sample.message;
    std::string difference;
    google::protobuf::util::MessageDifferencer compare;
    compare.ReportDifferencesToString(&difference);
    EXPECT_TRUE(compare.Compare(*told, *decoded)) << difference;
  });
}

TEST_F(Samples, EncodeAgainToTheSameBytes) {
  for_each([](const Sample& sample) {
    const auto decoded = decode(sample), told = expected(sample);
    ASSERT_TRUE(decoded && told);
    EXPECT_EQ(encode(*decoded), sample.bytes);
    EXPECT_EQ(encode(*told), sample.bytes);
  });
}

TEST_F(Samples, AChangedByteIsNoticed) {
  auto sample = load_samples().at("identity.suspended").front();
  const auto told = expected(sample);
  ASSERT_TRUE(told);
  sample.bytes.back() ^= 1;
  const auto decoded = decode(sample);
  EXPECT_FALSE(decoded && google::protobuf::util::MessageDifferencer::Equals(*told, *decoded));
}

}  // namespace
}  // namespace watchword::samples
