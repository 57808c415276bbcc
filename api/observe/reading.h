// One observation while it is being read: the table of fields, and the rules that JSON and Protobuf
// share.
#pragma once
#include <string_view>
#include <vector>

#include "api/observe/draft.h"
#include "api/observe/utf8.h"

namespace watchword::observe {

enum class Field : uint8_t {
  id,
  time,
  source,
  identity_id,
  subject,
  token_id,
  session_id,
  action,
  outcome,
  source_ip,
  user_agent,
  device_id,
  client_id,
  endpoint,
  resource,
  scope,
  response_code,
  request_size,
  response_size,
  records,
  latency_ms,
  actor,
  attributes,
  count,
};
enum class Takes : uint8_t { text, number, map };

struct FieldRule {
  std::string_view name;
  Field field;
  Takes takes;
  uint64_t limit;  // bytes of a text, greatest value of a number
};

// nullptr: no field of an observation.
const FieldRule* find_field(std::string_view name);
const FieldRule& rule_of(Field field);

bool is_action(std::string_view text);  // lower-case words joined by dots: auth.login

// Collects one draft. The first problem is kept and later ones are ignored; every setter may be
// called after it.
class Reading {
 public:
  explicit Reading(Batch& batch, int64_t now_ms) : batch_(batch), now_ms_(now_ms) {}

  void begin(size_t index);
  // Pushes the draft or its rejection onto the batch. `id`, `source`, `time` of an enclosing event
  // fill what is absent.
  void end(std::string_view event_id = {}, std::string_view event_source = {},
           std::string_view event_time = {});

  bool rejected() const { return !code_.empty(); }
  void reject(std::string_view code, std::string detail);
  void reject_field(std::string_view code, std::string_view field, std::string_view what);
  // True the first time that a field is met; else rejects.
  bool first_sight(const FieldRule& rule);

  void set_text(const FieldRule& rule, std::string_view text);
  void set_number(const FieldRule& rule, uint64_t number);
  void add_attribute(std::string_view key, std::string_view value);
  void set_time_ms(int64_t time_ms) { draft_.time_ms = time_ms, has_time_ = true; }
  Draft& draft() { return draft_; }
  // A copy that lives as long as the batch.
  std::string_view keep(std::string_view text);

 private:
  void set_reference(const FieldRule& rule, std::string_view text);
  void set_principal(const FieldRule& rule, std::string_view text);
  void set_outcome(std::string_view text);
  void set_checked(const FieldRule& rule, std::string_view text);
  void finish_references();
  void require_all();
  void check_time();
  void push_rejection();

  Batch& batch_;
  int64_t now_ms_;
  Draft draft_;
  std::vector<Attribute> attributes_;
  std::string_view token_text_, session_text_;  // foreign, hashed once the source is known
  uint32_t seen_ = 0;
  bool has_time_ = false;
  std::string_view code_;
  std::string detail_;
};

Result<Batch> read_json(Form form, std::string_view body, int64_t now_ms);
Result<Batch> read_protobuf(std::string_view body, int64_t now_ms);

}  // namespace watchword::observe
