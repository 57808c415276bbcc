#include "api/handlers/uses.h"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <protozero/pbf_writer.hpp>

#include "api/observe/draft.h"
#include "api/observe/utf8.h"
#include "events/policy/cidr.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace watchword::api {
namespace {

uint64_t kind_of(const Use& use) {
  const uint64_t seed = XXH3_64bits(use.token_id.bytes.data(), 16) ^
                        XXH3_64bits(use.address.bytes.data(), 16) * 3 ^
                        static_cast<uint64_t>(use.outcome) << 56;
  return XXH3_64bits_withSeed(use.endpoint.data(), use.endpoint.size(),
                              XXH3_64bits_withSeed(use.user_agent.data(), use.user_agent.size(), seed));
}

void add_text(protozero::pbf_writer& out, protozero::pbf_tag_type tag, std::string_view text) {
  if (!text.empty()) out.add_bytes(tag, text.data(), text.size());
}

// Header values are a stranger's bytes; what is recorded is told again as JSON.
std::string legible(std::string_view text, size_t max_bytes) {
  text = observe::cut_utf8(text, max_bytes);
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t bytes = observe::character_bytes(text);
    out.append(bytes == 0 ? std::string_view("?") : text.substr(0, bytes));
    text.remove_prefix(std::max<size_t>(bytes, 1));
  }
  return out;
}

void encode(const Use& use, std::string& bytes) {
  using Field = v1::Observation;
  protozero::pbf_writer out(bytes);
  add_text(out, Field::kSourceFieldNumber, "watchword");
  add_text(out, Field::kPrincipalFieldNumber, use.principal.view());
  add_text(out, Field::kTokenIdFieldNumber, use.token_id.view());
  add_text(out, Field::kActionFieldNumber, use.action);
  out.add_enum(Field::kOutcomeFieldNumber, use.outcome);
  add_text(out, Field::kNetworkFieldNumber, policy::recorded_network(use.kind, use.address));
  add_text(out, Field::kUserAgentFieldNumber, legible(use.user_agent, observe::kMaxUserAgentBytes));
  add_text(out, Field::kClientIdFieldNumber, use.client_id);
  add_text(out, Field::kEndpointFieldNumber, legible(use.endpoint, observe::kMaxEndpointBytes));
  add_text(out, Field::kScopeFieldNumber, use.scope);
  if (use.response_code != 0) out.add_uint32(Field::kResponseCodeFieldNumber, use.response_code);
  out.add_uint32(Field::kKindFieldNumber, use.kind);
  out.add_bool(Field::kAuthenticatedFieldNumber, use.authenticated);
}

}  // namespace

void Uses::note(const Use& use, int64_t now_ms) {
  const auto [found, first] = kinds_.try_emplace(kind_of(use));
  Kind& kind = found->second;
  kind.last_ms = now_ms;
  if (!first) {
    ++kind.repeats;
    return;
  }
  kind.at = encoded_.size();
  encode(use, encoded_);
  kind.size = encoded_.size() - kind.at;
  kind.partition = engine_.partition_of(use.principal.slot());
  send(kind, now_ms, 1);
  if (std::exchange(ending_, true)) return;
  engine_.loop(core_).after(1'000'000, [this] { end_second(); });
}

void Uses::send(const Kind& kind, int64_t time_ms, uint32_t count) {
  if (batches_.empty()) batches_.resize(engine_.partitions());
  if (prefix_.empty())
    prefix_ = mint_id(time_ms, 0, engine_.entropy()).text().substr(0, 23) + "-" +
              std::to_string(core_) + "-";
  auto& batch = batches_[kind.partition];
  {
    protozero::pbf_writer out(batch.bytes);
    const std::string id = prefix_ + std::to_string(++serial_);
    out.add_string(v1::Observation::kIdFieldNumber, id);
    out.add_fixed64(v1::Observation::kTimeMsFieldNumber, static_cast<uint64_t>(time_ms));
    if (count > 1) out.add_uint32(v1::Observation::kCountFieldNumber, count);
  }
  batch.add(std::string_view(encoded_).substr(kind.at, kind.size));
  flush_soon();
}

void Uses::flush_soon() {
  if (std::exchange(flushing_, true)) return;
  boost::asio::post(engine_.context(core_), [this] { flush(); });
}

void Uses::flush() {
  flushing_ = false;
  for (uint32_t number = 0; number < batches_.size(); ++number) {
    auto batch = std::exchange(batches_[number], {});
    if (batch.ends.empty()) continue;
    const size_t uses = batch.ends.size();
    batch.done = [uses, &lost = lost_](const runtime::Receipt& receipt) {
      if (receipt.error) lost += uses;
    };
    auto& partition = engine_.partition(number);
    boost::asio::dispatch(engine_.context_of(partition),
                          [&partition, batch = std::move(batch)]() mutable {
                            partition.task->submit(std::move(batch));
                          });
  }
}

void Uses::end_second() {
  ending_ = false;
  for (auto& [hash, kind] : kinds_)
    if (kind.repeats > 0) send(kind, kind.last_ms, kind.repeats);
  kinds_.clear();
  encoded_.clear();
}

}  // namespace watchword::api
