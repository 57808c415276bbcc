// Rates: how often a principal may call, and how often a network may fail to authenticate.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "api/http/request.h"
#include "api/http/response.h"
#include "events/base/address.h"
#include "events/base/result.h"

namespace watchword::policy {
struct Cidr;
}

namespace watchword::http {

struct Rate {
  uint32_t per_s = 50'000;  // 1..1,000,000; sustained
  uint32_t burst = 50'000;  // calls that may come at once after a pause; at least 1
};

struct RateVerdict {
  bool allowed = true;
  uint32_t remaining = 0;      // calls that would be allowed at once now
  uint32_t reset_s = 0;        // until the whole burst is free again, rounded up
  uint32_t retry_after_s = 0;  // when refused: at least 1
};

// A token bucket per key, kept as one time (GCRA, ITU-T I.371). Thread-safe without locks, shared
// by all cores, and of a fixed size: `entries` keys of 16 bytes; when a bucket of four is full the
// key that is nearest to being free again gives way, which can only allow more, never less. Two
// keys that are taken at the same instant on two cores may be charged to each other once.
class RateLimiter {
 public:
  RateLimiter(Rate rate, size_t entries);

  // Charges one call to `key` at `now_us` (any clock that does not go back). A refused call is not
  // charged.
  RateVerdict take(uint64_t key, int64_t now_us);
  // The same without charging.
  RateVerdict look(uint64_t key, int64_t now_us) const;

  const Rate& rate() const { return rate_; }
  size_t bytes() const { return (mask_ + 1) * kWays * sizeof(Entry); }

 private:
  static constexpr size_t kWays = 4;
  struct Entry {
    std::atomic<uint64_t> key{0};
    std::atomic<int64_t> free_at_ns{0};  // the theoretical arrival time of GCRA
  };

  Entry& entry_for(uint64_t key);
  const Entry* find(uint64_t key) const;
  RateVerdict verdict(int64_t free_at_ns, int64_t now_ns) const;

  Rate rate_;
  int64_t interval_ns_, burst_ns_;
  size_t mask_;
  std::unique_ptr<Entry[]> entries_;
};

// Keys: a principal's id, and the network of a client (IPv4 whole, IPv6 by /64).
uint64_t rate_key(std::string_view bytes);
uint64_t rate_key(const Address& client);

// RateLimit-Policy: "name";q=burst;w=seconds and RateLimit: "name";r=remaining;t=reset
// (draft-ietf-httpapi-ratelimit-headers-09).
void set_rate_headers(std::string_view name, const Rate& rate, const RateVerdict& verdict,
                      Response& response);
// 429 problem with Retry-After and the headers above.
void answer_rate_exceeded(std::string_view name, const Rate& rate, const RateVerdict& verdict,
                          Request& request, Response& response);

// Whose call it is: the socket's peer, or, when that is a trusted proxy, the rightmost hop of
// X-Forwarded-For that is not one (the leftmost when all are). Elements are bare addresses; several
// header lines count as one list (RFC 9110 5.2). invalid, http.forwarded.malformed: a trusted proxy
// sent an element that is no address before an untrusted hop was met.
Result<Address> client_address(const Request& request,
                               std::span<const policy::Cidr> trusted_proxies);

}  // namespace watchword::http
