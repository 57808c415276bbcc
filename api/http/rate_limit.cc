#include "api/http/rate_limit.h"

#include <algorithm>
#include <bit>

#include "api/http/problem.h"
#include "events/policy/cidr.h"

namespace watchword::http {
namespace {

using policy::Cidr;

constexpr int64_t kNsPerS = 1'000'000'000;

uint32_t seconds_up(int64_t ns) {
  return static_cast<uint32_t>((std::max<int64_t>(ns, 0) + kNsPerS - 1) / kNsPerS);
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_trusted(const Address& address, std::span<const Cidr> proxies) {
  return std::any_of(proxies.begin(), proxies.end(),
                     [&](const Cidr& proxy) { return proxy.contains(address); });
}

// Walks one header line from its right end. True when `client` is settled.
Result<bool> walk_hops(std::string_view line, std::span<const Cidr> proxies, Address& client) {
  while (true) {
    const size_t comma = line.rfind(',');
    const auto hop = Address::parse(trimmed(line.substr(comma == line.npos ? 0 : comma + 1)));
    if (!hop) return Error{Errc::invalid, "http.forwarded.malformed", "X-Forwarded-For"};
    client = *hop;
    if (!is_trusted(client, proxies)) return true;
    if (comma == line.npos) return false;
    line = line.substr(0, comma);
  }
}

}  // namespace

RateLimiter::RateLimiter(Rate rate, size_t entries)
    : rate_(rate),
      interval_ns_(kNsPerS / std::max<uint32_t>(rate.per_s, 1)),
      burst_ns_(interval_ns_ * std::max<uint32_t>(rate.burst, 1)),
      mask_(std::bit_ceil(std::max<size_t>(entries / kWays, 1)) - 1),
      entries_(new Entry[(mask_ + 1) * kWays]) {}

RateVerdict RateLimiter::verdict(int64_t free_at_ns, int64_t now_ns) const {
  const int64_t owed = std::max<int64_t>(free_at_ns - now_ns, 0);
  RateVerdict verdict;
  verdict.allowed = owed + interval_ns_ <= burst_ns_;
  verdict.remaining = static_cast<uint32_t>((burst_ns_ - std::min(owed, burst_ns_)) / interval_ns_);
  verdict.reset_s = seconds_up(owed);
  if (!verdict.allowed)
    verdict.retry_after_s = std::max<uint32_t>(seconds_up(owed + interval_ns_ - burst_ns_), 1);
  return verdict;
}

const RateLimiter::Entry* RateLimiter::find(uint64_t key) const {
  const Entry* bucket = &entries_[(key & mask_) * kWays];
  for (size_t i = 0; i < kWays; ++i)
    if (bucket[i].key.load(std::memory_order_relaxed) == key) return &bucket[i];
  return nullptr;
}

RateLimiter::Entry& RateLimiter::entry_for(uint64_t key) {
  if (const Entry* found = find(key)) return const_cast<Entry&>(*found);
  Entry* bucket = &entries_[(key & mask_) * kWays];
  Entry& oldest = *std::min_element(bucket, bucket + kWays, [](const Entry& a, const Entry& b) {
    return a.free_at_ns.load(std::memory_order_relaxed) <
           b.free_at_ns.load(std::memory_order_relaxed);
  });
  oldest.free_at_ns.store(0, std::memory_order_relaxed);
  oldest.key.store(key, std::memory_order_relaxed);
  return oldest;
}

RateVerdict RateLimiter::take(uint64_t key, int64_t now_us) {
  const int64_t now_ns = now_us * 1000;
  Entry& entry = entry_for(key);
  int64_t free_at = entry.free_at_ns.load(std::memory_order_relaxed);
  while (true) {
    if (const auto refused = verdict(free_at, now_ns); !refused.allowed) return refused;
    const int64_t next = std::max(free_at, now_ns) + interval_ns_;
    if (!entry.free_at_ns.compare_exchange_weak(free_at, next, std::memory_order_relaxed)) continue;
    RateVerdict taken = verdict(next, now_ns);
    taken.allowed = true;
    taken.retry_after_s = 0;
    return taken;
  }
}

RateVerdict RateLimiter::look(uint64_t key, int64_t now_us) const {
  const Entry* entry = find(key);
  return verdict(entry ? entry->free_at_ns.load(std::memory_order_relaxed) : 0, now_us * 1000);
}

uint64_t rate_key(std::string_view bytes) {
  // FNV-1a, then a mix, so that ids that differ in their last byte spread over all buckets.
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : bytes) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  hash = (hash ^ hash >> 31) * 0xbf58476d1ce4e5b9u;
  return (hash ^ hash >> 29) | 1;  // 0 marks a free entry
}

uint64_t rate_key(const Address& client) {
  return rate_key(client.is_ipv4() ? client.view() : client.truncated(64).view());
}

void set_rate_headers(std::string_view name, const Rate& rate, const RateVerdict& verdict,
                      Response& response) {
  const uint32_t window_s =
      std::max<uint32_t>((rate.burst + rate.per_s - 1) / std::max<uint32_t>(rate.per_s, 1), 1);
  const std::string quoted = '"' + std::string(name) + '"';
  WATCHWORD_CHECK(response.set("RateLimit-Policy", quoted + ";q=" + std::to_string(rate.burst) +
                                                       ";w=" + std::to_string(window_s)));
  WATCHWORD_CHECK(response.set("RateLimit", quoted + ";r=" + std::to_string(verdict.remaining) +
                                                ";t=" + std::to_string(verdict.reset_s)));
}

void answer_rate_exceeded(std::string_view name, const Rate& rate, const RateVerdict& verdict,
                          Request& request, Response& response) {
  Problem problem{429, "http.rate.exceeded", "too many requests", {}, verdict.retry_after_s};
  answer_problem(problem, request, response);
  set_rate_headers(name, rate, verdict, response);
}

Result<Address> client_address(const Request& request, std::span<const Cidr> trusted_proxies) {
  Address client = request.remote();
  if (!is_trusted(client, trusted_proxies)) return client;
  const Head& head = request.head();
  for (size_t i = head.field_count; i-- > 0;) {
    if (head.fields[i].known != Known::x_forwarded_for) continue;
    const auto settled = walk_hops(head.value(head.fields[i]), trusted_proxies, client);
    if (!settled) return settled.error();
    if (*settled) break;
  }
  return client;
}

}  // namespace watchword::http
