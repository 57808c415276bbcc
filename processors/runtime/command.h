// What enters a partition task, and what comes back.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "events/base/ids.h"
#include "events/base/result.h"
#include "processors/fold/ahead.h"
#include "schemas/frame.pb.h"

namespace watchword::runtime {

// The order in which waiting work is taken: what revokes goes first; each other lane keeps a minimum share.
enum class Lane : uint8_t { revoke, command, observation };

// When and where a decision stands: the frame's time, and the position that its events will have.
struct Moment {
  int64_t now_ms = 0;
  Position position;
};

// What a decision gives: facts, and the answer (JSON without secrets) that a repeated call gets again.
struct Decided {
  std::vector<v1::Event> events;
  std::string answer;
};

// Pure: reads rows, uses no clock, random source, disk or thread. Its envelope's time is set by the task.
using Decide = std::function<Result<Decided>(fold::Ahead& rows, const Moment& moment)>;

struct Answer {
  Result<std::string> body{std::string{}};
  Position position;      // up to which the decision's ground is durable
  bool repeated = false;  // the first call's answer, given again
};

// A call that may come twice: the key is kept for 24 h with its answer.
struct Repeatable {
  Id key;                 // 16 bytes of SHA-256(caller, route, Idempotency-Key)
  std::string body_hmac;  // another body under the same key: 422
};

struct Command {
  Lane lane = Lane::command;
  Decide decide;
  std::function<void(Answer)> done;  // called on the loop, once
  std::optional<Repeatable> repeatable;
  int64_t deadline_us = 0;  // boottime; a command whose caller has gone is dropped undecided. 0: none
};

struct Receipt {
  uint32_t accepted = 0, duplicates = 0;
  std::vector<std::pair<uint32_t, std::string>> rejected;  // index in the batch, why
  Position position;
  std::optional<Error> error;  // set: none of them was taken
};

// Serialised v1::Observation messages, one behind the other.
struct ObservationBatch {
  std::string bytes;
  std::vector<uint32_t> ends;
  // For principals that the gateway may not have met: sealed subject (bytes of v1::Sealed) of the item.
  std::vector<std::pair<uint32_t, std::string>> subjects;
  std::function<void(Receipt)> done;  // called on the loop once all of them are durable; may be empty

  void add(std::string_view observation) {
    bytes.append(observation);
    ends.push_back(static_cast<uint32_t>(bytes.size()));
  }
};

}  // namespace watchword::runtime
