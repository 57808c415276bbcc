#include "api/observe/reading.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

namespace watchword::observe {
namespace {

constexpr uint64_t kMaxNumber = std::numeric_limits<int64_t>::max();
constexpr uint64_t kMaxWord = std::numeric_limits<uint32_t>::max();

// In the order of Field.
constexpr std::array kFields{
    FieldRule{"id", Field::id, Takes::text, kMaxIdBytes},
    FieldRule{"time", Field::time, Takes::text, 64},
    FieldRule{"source", Field::source, Takes::text, kMaxSourceBytes},
    FieldRule{"identity_id", Field::identity_id, Takes::text, 36},
    FieldRule{"subject", Field::subject, Takes::text, kMaxSubjectBytes},
    FieldRule{"token_id", Field::token_id, Takes::text, kMaxReferenceBytes},
    FieldRule{"session_id", Field::session_id, Takes::text, kMaxReferenceBytes},
    FieldRule{"action", Field::action, Takes::text, kMaxActionBytes},
    FieldRule{"outcome", Field::outcome, Takes::text, 16},
    FieldRule{"source_ip", Field::source_ip, Takes::text, 45},
    FieldRule{"user_agent", Field::user_agent, Takes::text, kMaxUserAgentBytes},
    FieldRule{"device_id", Field::device_id, Takes::text, kMaxReferenceBytes},
    FieldRule{"client_id", Field::client_id, Takes::text, kMaxReferenceBytes},
    FieldRule{"endpoint", Field::endpoint, Takes::text, kMaxEndpointBytes},
    FieldRule{"resource", Field::resource, Takes::text, kMaxResourceBytes},
    FieldRule{"scope", Field::scope, Takes::text, kMaxEndpointBytes},
    FieldRule{"response_code", Field::response_code, Takes::number, kMaxWord},
    FieldRule{"request_size", Field::request_size, Takes::number, kMaxNumber},
    FieldRule{"response_size", Field::response_size, Takes::number, kMaxNumber},
    FieldRule{"records", Field::records, Takes::number, kMaxNumber},
    FieldRule{"latency_ms", Field::latency_ms, Takes::number, kMaxWord},
    FieldRule{"actor", Field::actor, Takes::text, kMaxSubjectBytes},
    FieldRule{"attributes", Field::attributes, Takes::map, kMaxAttributes},
    FieldRule{"count", Field::count, Takes::number, kMaxCount},
};

constexpr bool in_order() {
  for (size_t i = 0; i < kFields.size(); ++i)
    if (kFields[i].field != static_cast<Field>(i)) return false;
  return true;
}
static_assert(in_order());

// Length and two characters tell all names apart, so one comparison decides.
constexpr size_t bucket_of(std::string_view name) {
  return (name.size() + static_cast<uint8_t>(name[0]) * 18 +
          static_cast<uint8_t>(name[name.size() * 3 / 4]) * 25) %
         64;
}
constexpr auto kBuckets = [] {
  std::array<uint8_t, 64> buckets{};
  for (size_t i = 0; i < kFields.size(); ++i)
    buckets[bucket_of(kFields[i].name)] = static_cast<uint8_t>(i + 1);
  return buckets;
}();
constexpr bool no_collision() {
  for (size_t i = 0; i < kFields.size(); ++i)
    if (kBuckets[bucket_of(kFields[i].name)] != i + 1) return false;
  return true;
}
static_assert(no_collision());

bool is_word(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || letter == '_' ||
         letter == '-';
}

}  // namespace

const FieldRule* find_field(std::string_view name) {
  if (name.empty()) return nullptr;
  const uint8_t found = kBuckets[bucket_of(name)];
  return found != 0 && kFields[found - 1].name == name ? &kFields[found - 1] : nullptr;
}

const FieldRule& rule_of(Field field) { return kFields[static_cast<size_t>(field)]; }

bool is_action(std::string_view text) {
  bool dotted = false, word = false;
  if (text.empty() || text[0] < 'a' || text[0] > 'z') return false;
  for (const char letter : text) {
    if (letter == '.' && !word) return false;
    if (letter != '.' && !is_word(letter)) return false;
    word = letter != '.';
    dotted |= letter == '.';
  }
  return dotted && word;
}

Id foreign_reference(std::string_view source, std::string_view text) {
  const XXH128_hash_t hash =
      XXH3_128bits_withSeed(text.data(), text.size(), XXH3_64bits(source.data(), source.size()));
  Id id;
  std::memcpy(id.bytes.data(), &hash.low64, 8);
  std::memcpy(id.bytes.data() + 8, &hash.high64, 8);
  id.bytes[6] |= 0xf0;  // version 15 is never minted
  return id;
}

void Reading::begin(size_t index) {
  draft_ = Draft{};
  draft_.index = index;
  attributes_.clear();
  token_text_ = session_text_ = {};
  seen_ = 0;
  has_time_ = false;
  code_ = {};
  detail_.clear();
}

void Reading::reject(std::string_view code, std::string detail) {
  if (rejected()) return;
  code_ = code;
  detail_ = std::move(detail);
}

void Reading::reject_field(std::string_view code, std::string_view field, std::string_view what) {
  if (rejected()) return;
  reject(code, std::string(cut_utf8(field, kMaxAttributeKeyBytes)).append(" ").append(what));
}

bool Reading::first_sight(const FieldRule& rule) {
  const uint32_t bit = 1u << static_cast<unsigned>(rule.field);
  if (seen_ & bit) {
    reject_field("duplicate_field", rule.name, "stands twice");
    return false;
  }
  seen_ |= bit;
  return true;
}

std::string_view Reading::keep(std::string_view text) {
  if (text.empty()) return {};
  auto* copy = static_cast<char*>(batch_.arena->allocate(text.size(), 1));
  std::memcpy(copy, text.data(), text.size());
  return {copy, text.size()};
}

void Reading::set_text(const FieldRule& rule, std::string_view text) {
  if (rule.takes != Takes::text) return reject_field("wrong_type", rule.name, "must not be a text");
  if (text.empty()) return;
  if (rule.field == Field::user_agent) {
    draft_.user_agent = cut_utf8(text, rule.limit);
    return;
  }
  if (text.size() > rule.limit)
    return reject_field("too_long", rule.name,
                        "must have at most " + std::to_string(rule.limit) + " bytes");
  set_checked(rule, text);
}

void Reading::set_checked(const FieldRule& rule, std::string_view text) {
  switch (rule.field) {
    case Field::id:
      draft_.id = text;
      break;
    case Field::source:
      draft_.source = text;
      break;
    case Field::client_id:
      draft_.client_id = text;
      break;
    case Field::endpoint:
      draft_.endpoint = text;
      break;
    case Field::resource:
      draft_.resource = text;
      break;
    case Field::scope:
      draft_.scope = text;
      break;
    case Field::outcome:
      set_outcome(text);
      break;
    case Field::subject:
      draft_.subject = text;
      break;
    case Field::identity_id:
    case Field::actor:
      set_principal(rule, text);
      break;
    case Field::token_id:
    case Field::session_id:
      set_reference(rule, text);
      break;
    case Field::device_id:
      draft_.device = XXH3_64bits(text.data(), text.size());
      break;
    case Field::action:
      draft_.action = text;
      if (!is_action(text))
        reject_field("invalid_value", rule.name,
                     "must be lower-case words joined by dots, such as auth.login");
      break;
    case Field::time:
      if (const auto time_ms = parse_rfc3339(text))
        set_time_ms(*time_ms);
      else
        reject_field("invalid_value", rule.name, "must be an RFC 3339 date and time");
      break;
    case Field::source_ip:
      if (const auto address = Address::parse(text))
        draft_.source_ip = *address;
      else
        reject_field("invalid_value", rule.name, "must be an IPv4 or IPv6 address");
      break;
    case Field::user_agent:
    case Field::response_code:
    case Field::request_size:
    case Field::response_size:
    case Field::records:
    case Field::latency_ms:
    case Field::attributes:
    case Field::count:
      break;
  }
}

void Reading::set_outcome(std::string_view text) {
  if (text == "success")
    draft_.outcome = v1::SUCCESS;
  else if (text == "failure")
    draft_.outcome = v1::FAILURE;
  else if (text == "denied")
    draft_.outcome = v1::DENIED;
  else
    reject_field("invalid_value", "outcome", "must be success, failure or denied");
}

void Reading::set_reference(const FieldRule& rule, std::string_view text) {
  const auto id = Id::parse(text);
  const bool token = rule.field == Field::token_id;
  if (!id) return void((token ? token_text_ : session_text_) = text);
  (token ? draft_.token_id : draft_.session_id) = *id;
}

void Reading::set_principal(const FieldRule& rule, std::string_view text) {
  const auto id = Id::parse(text);
  if (rule.field == Field::actor) {
    if (id)
      draft_.actor = *id;
    else
      draft_.actor_subject = text;
    return;
  }
  if (id && !id->is_nil())
    draft_.principal = *id;
  else
    reject_field("invalid_value", rule.name,
                 "must be the id of an identity; others are named by subject");
}

void Reading::set_number(const FieldRule& rule, uint64_t number) {
  if (rule.takes != Takes::number)
    return reject_field("wrong_type", rule.name, "must not be a number");
  if (number > rule.limit)
    return reject_field("invalid_value", rule.name,
                        "must be at most " + std::to_string(rule.limit));
  switch (rule.field) {
    case Field::response_code:
      draft_.response_code = number;
      break;
    case Field::request_size:
      draft_.request_size = number;
      break;
    case Field::response_size:
      draft_.response_size = number;
      break;
    case Field::records:
      draft_.records = number;
      break;
    case Field::latency_ms:
      draft_.latency_ms = number;
      break;
    case Field::count:
      draft_.count = number;
      break;
    case Field::id:
    case Field::time:
    case Field::source:
    case Field::identity_id:
    case Field::subject:
    case Field::token_id:
    case Field::session_id:
    case Field::action:
    case Field::outcome:
    case Field::source_ip:
    case Field::user_agent:
    case Field::device_id:
    case Field::client_id:
    case Field::endpoint:
    case Field::resource:
    case Field::scope:
    case Field::actor:
    case Field::attributes:
      break;
  }
}

void Reading::add_attribute(std::string_view key, std::string_view value) {
  if (key.empty() || key.size() > kMaxAttributeKeyBytes)
    return reject_field("invalid_value", "attributes", "must have keys of 1 to 64 bytes");
  if (key.find('\0') != key.npos)
    return reject_field("invalid_value", "attributes", "must not hold a NUL");
  if (value.size() > kMaxAttributeValueBytes)
    return reject_field("too_long", "attributes", "must have values of at most 1024 bytes");
  const auto same = [&](const Attribute& other) { return other.key == key; };
  if (std::ranges::any_of(attributes_, same))
    return reject_field("duplicate_field", "attributes", "has the same key twice");
  if (attributes_.size() == kMaxAttributes)
    return reject_field("too_long", "attributes", "must have at most 16 entries");
  attributes_.push_back({key, value});
}

void Reading::finish_references() {
  if (!token_text_.empty()) draft_.token_id = foreign_reference(draft_.source, token_text_);
  if (!session_text_.empty()) draft_.session_id = foreign_reference(draft_.source, session_text_);
}

void Reading::require_all() {
  if (draft_.id.empty()) reject_field("missing_field", "id", "is missing");
  if (draft_.source.empty()) reject_field("missing_field", "source", "is missing");
  if (!has_time_) reject_field("missing_field", "time", "is missing");
  const bool known = !draft_.principal.is_nil(), foreign = !draft_.subject.empty();
  if (!known && !foreign) reject("missing_field", "identity_id or subject is missing");
  if (known && foreign) reject("invalid_value", "subject must be absent where identity_id stands");
}

void Reading::check_time() {
  if (draft_.time_ms > now_ms_ + kMaxAheadMs)
    reject_field("time_out_of_range", "time", "lies more than 10 minutes ahead");
  else if (draft_.time_ms < kEarliestMs)
    reject_field("time_out_of_range", "time", "lies before the year 2000");
}

void Reading::end(std::string_view event_id, std::string_view event_source,
                  std::string_view event_time) {
  if (draft_.id.empty()) set_text(rule_of(Field::id), event_id);
  if (draft_.source.empty()) set_text(rule_of(Field::source), event_source);
  if (!has_time_) set_text(rule_of(Field::time), event_time);
  require_all();
  if (!rejected()) check_time();
  if (rejected() && code_ != "time_out_of_range") return push_rejection();
  finish_references();
  if (!attributes_.empty()) {
    const size_t count = attributes_.size();
    auto* kept = static_cast<Attribute*>(
        batch_.arena->allocate(count * sizeof(Attribute), alignof(Attribute)));
    std::uninitialized_copy_n(attributes_.begin(), count, kept);
    draft_.attributes = {kept, count};
  }
  if (rejected()) return push_rejection();
  batch_.drafts.push_back(std::move(draft_));
}

void Reading::push_rejection() {
  Rejection rejection{.index = draft_.index,
                      .code = code_,
                      .detail = std::move(detail_),
                      .id = std::string(draft_.id),
                      .source = std::string(draft_.source),
                      .original = {}};
  if (code_ == "time_out_of_range") {
    draft_.principal = draft_.actor = Id{};
    draft_.source_ip = Address{};
    rejection.original = finish(draft_, v1::FOREIGN, false, false);
  }
  batch_.rejections.push_back(std::move(rejection));
}

}  // namespace watchword::observe
