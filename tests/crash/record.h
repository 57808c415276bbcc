// What a client was told, and the one thing that it asked for and was not answered: what the node
// must agree with after a crash.
#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace watchword::testing {

struct KnownIdentity {
  std::string id, team;  // a team of its own, by which it is found in lists
  std::string status = "active";
  bool odd = false;  // one of its ended tokens was presented: what it may do is no longer certain
};

struct KnownToken {
  std::string id, text;
  size_t identity = 0;
  int64_t max_uses = 0, uses = 0;  // max_uses 0: without a limit
  bool ended = false;
};

struct KnownServiceToken {
  std::string id, secret;
  bool revoked = false;
};

struct KnownAlert {
  std::string id, status;
};

// An identity of which events were reported; it has no tokens, so that nothing else observes it.
struct KnownWatched {
  std::string id;
  std::vector<std::string> events;  // their ids, accepted
};

// A call that may be repeated, and what its answer said at `pointer`.
struct KnownCall {
  std::string target, body, key, pointer, told;
};

enum class Act : uint8_t {
  register_identity,
  watch,
  issue,
  use,
  revoke,
  suspend,
  reactivate,
  retire,
  triage,
  create_service_token,
  revoke_service_token,
  observe,
  observe_strangers,
};

struct Pending {
  Act act{};
  size_t index = 0;  // of what it is about
  KnownCall call;    // its key may be empty
  std::string to;    // the status asked for
  std::vector<std::string> events;
};

// Of one client, which asks for one thing at a time.
struct Record {
  std::vector<KnownIdentity> identities;
  std::vector<KnownToken> tokens;
  std::vector<KnownServiceToken> service_tokens;
  std::vector<KnownAlert> alerts;
  std::vector<KnownWatched> watched;
  std::vector<KnownCall> calls;
  std::vector<KnownCall> batches;  // of strangers' events, the last few
  std::optional<Pending> pending;
  std::map<std::string, uint64_t> positions;  // the highest told, by partition
  uint64_t answered = 0, unanswered = 0;

  void note_position(const std::string& text);  // "<partition>:<seq>"; "" is none
  // All tokens of an identity that was suspended or retired.
  void end_tokens_of(size_t identity);
};

// A token that all clients use at once.
struct SharedToken {
  std::string id, text;
  int64_t max_uses = 0;
  std::atomic<int64_t> asked = 0, granted = 0;
};

// What did not agree. Thread-safe.
class Findings {
 public:
  void add(std::string what);
  bool none() const;
  std::string text() const;  // a line each

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> found_;
};

}  // namespace watchword::testing
