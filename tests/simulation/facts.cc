#include "tests/simulation/facts.h"

namespace watchword::simulation {
namespace {

constexpr int kFirstFact = 10, kPerMessage = 40;

uint32_t number_of(const google::protobuf::FieldDescriptor& outer, const google::protobuf::FieldDescriptor& inner) {
  return static_cast<uint32_t>((outer.number() - kFirstFact) * kPerMessage + inner.number());
}

}  // namespace

uint32_t number_of_fact(const v1::Event& event) {
  const auto* outer = event.GetReflection()->GetOneofFieldDescriptor(event, event.GetDescriptor()->FindOneofByName("fact"));
  if (outer == nullptr) return kJudged;
  const auto& message = event.GetReflection()->GetMessage(event, outer);
  const auto* oneof = message.GetDescriptor()->FindOneofByName("fact");
  const auto* inner = oneof == nullptr ? nullptr : message.GetReflection()->GetOneofFieldDescriptor(message, oneof);
  return inner == nullptr ? kJudged : number_of(*outer, *inner);
}

std::vector<std::pair<uint32_t, std::string>> kinds_of_facts() {
  std::vector<std::pair<uint32_t, std::string>> kinds{{kJudged, "observation"}};
  const auto* facts = v1::Event::descriptor()->FindOneofByName("fact");
  for (int i = 0; i < facts->field_count(); ++i) {
    const auto* oneof = facts->field(i)->message_type()->FindOneofByName("fact");
    for (int j = 0; oneof != nullptr && j < oneof->field_count(); ++j)
      kinds.emplace_back(number_of(*facts->field(i), *oneof->field(j)),
                         facts->field(i)->name() + "." + oneof->field(j)->name());
  }
  return kinds;
}

}  // namespace watchword::simulation
