#include "tests/crash/record.h"

#include <algorithm>

namespace watchword::testing {

void Record::note_position(const std::string& text) {
  const size_t colon = text.find(':');
  if (colon == text.npos) return;
  auto& highest = positions[text.substr(0, colon)];
  highest = std::max<uint64_t>(highest, std::stoull(text.substr(colon + 1)));
}

void Record::end_tokens_of(size_t identity) {
  for (auto& token : tokens)
    if (token.identity == identity) token.ended = true;
}

void Findings::add(std::string what) {
  const std::lock_guard lock(mutex_);
  found_.push_back(std::move(what));
}

bool Findings::none() const {
  const std::lock_guard lock(mutex_);
  return found_.empty();
}

std::string Findings::text() const {
  const std::lock_guard lock(mutex_);
  std::string out;
  for (const auto& line : found_) out += line + "\n";
  return out;
}

}  // namespace watchword::testing
