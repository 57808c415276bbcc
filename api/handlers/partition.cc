#include "api/handlers/partition.h"

#include <optional>

#include "events/crypto/hash.h"

namespace watchword::api {
namespace {

constexpr int64_t kPatienceUs = 30'000'000;  // a caller that waited longer has gone
constexpr int64_t kPositionWaitUs = 50'000;
constexpr std::string_view kIdempotencyKey = "Idempotency-Key";

// The whole path, not its pattern: what was done to one resource is no answer for another.
std::string identity_of_call(const Call& call, std::string_view key) {
  std::string text(call.caller.principal.view());
  text.append(call.request.path()).push_back('\0');
  return text.append(call.request.method()).append(1, '\0').append(key);
}

std::string_view view(const crypto::Digest& digest) { return crypto::view(digest); }

}  // namespace

awaitable<runtime::Answer> run(Api& api, runtime::Partition& partition, runtime::Command command) {
  return boost::asio::async_initiate<decltype(boost::asio::use_awaitable), void(runtime::Answer)>(
      [&api, &partition, command = std::move(command)](auto handler) mutable {
        auto executor = boost::asio::get_associated_executor(handler);
        auto kept = std::make_shared<decltype(handler)>(std::move(handler));
        command.deadline_us = api.engine.clock().boottime_us() + kPatienceUs;
        command.done = [kept, executor](runtime::Answer answer) {
          boost::asio::post(executor, [kept, answer = std::move(answer)]() mutable {
            (*kept)(std::move(answer));
          });
        };
        boost::asio::dispatch(api.engine.context_of(partition),
                              [&partition, command = std::move(command)]() mutable {
                                partition.task->submit(std::move(command));
                              });
      },
      boost::asio::use_awaitable);
}

runtime::Repeatable repeatable(Api& api, const Call& call, std::string_view key) {
  runtime::Repeatable out;
  out.key = Id::from_view(
      view(crypto::sha256(identity_of_call(call, key))).substr(0, 16));
  std::string asked(call.request.head().query);  // a reason may stand there
  asked.append(1, '\0').append(call.request.body());
  const auto hmac = crypto::hmac_sha256(api.engine.key_file().body_hmac_key().view(), asked);
  out.body_hmac = view(hmac).substr(0, 16);
  return out;
}

std::optional<Slot> slot_of_key(Api&, const Call& call) {
  const auto key = call.request.header(kIdempotencyKey);
  if (!key) return std::nullopt;
  return slot_of_digest(view(crypto::sha256(identity_of_call(call, *key))));
}

awaitable<runtime::Answer> change(Api& api, Call& call, runtime::Partition& partition,
                                  runtime::Lane lane, runtime::Decide decide) {
  runtime::Command command;
  command.lane = lane;
  command.decide = std::move(decide);
  if (const auto key = call.request.header(kIdempotencyKey)) {
    if (key->empty() || key->size() > 256) {
      runtime::Answer refused;
      refused.body = Error{Errc::invalid, "api.idempotency_key",
                           "an Idempotency-Key has 1 to 256 characters"};
      co_return refused;
    }
    command.repeatable = repeatable(api, call, *key);
  }
  auto answer = co_await run(api, partition, std::move(command));
  if (answer.body) {
    (void)call.response.set("Watchword-Position", answer.position.text());
    if (answer.repeated) (void)call.response.set("Idempotency-Replayed", "true");
  }
  co_return answer;
}

awaitable<runtime::Receipt> observe(Api& api, runtime::Partition& partition,
                                    runtime::ObservationBatch batch) {
  return boost::asio::async_initiate<decltype(boost::asio::use_awaitable), void(runtime::Receipt)>(
      [&api, &partition, batch = std::move(batch)](auto handler) mutable {
        auto executor = boost::asio::get_associated_executor(handler);
        auto kept = std::make_shared<decltype(handler)>(std::move(handler));
        batch.done = [kept, executor](runtime::Receipt receipt) {
          boost::asio::post(executor, [kept, receipt = std::move(receipt)]() mutable {
            (*kept)(std::move(receipt));
          });
        };
        boost::asio::dispatch(api.engine.context_of(partition),
                              [&partition, batch = std::move(batch)]() mutable {
                                partition.task->submit(std::move(batch));
                              });
      },
      boost::asio::use_awaitable);
}

Result<> serving(const runtime::PartitionTask& task) {
  if (task.not_serving().empty()) return {};
  return Error{Errc::unavailable, "api.not_serving", "this partition is being recovered"};
}

awaitable<void> pause(Api& api, int64_t delay_us) {
  return boost::asio::async_initiate<decltype(boost::asio::use_awaitable), void()>(
      [&api, delay_us](auto handler) {
        auto kept = std::make_shared<decltype(handler)>(std::move(handler));
        api.engine.loop(api.engine.this_core()).after(delay_us, [kept] { (*kept)(); });
      },
      boost::asio::use_awaitable);
}

awaitable<Result<>> write_time(Api& api, runtime::Partition& partition) {
  runtime::Command command;
  command.decide = [](fold::Ahead&, const runtime::Moment&) -> Result<runtime::Decided> {
    v1::Event event;
    event.mutable_control()->mutable_time_advanced();
    return runtime::Decided{{std::move(event)}, ""};
  };
  const auto answer = co_await run(api, partition, std::move(command));
  if (!answer.body) co_return answer.body.error();
  co_return Result<>{};
}

awaitable<Result<>> reach(Api& api, const Position& position) {
  if (position.partition >= api.engine.partitions())
    co_return Error{Errc::invalid, "api.position_unknown", "Watchword-Position names no partition"};
  auto& partition = api.engine.partition(position.partition);
  if (partition.durable_seq >= position.seq) co_return Result<>{};
  const bool reached = co_await boost::asio::async_initiate<decltype(boost::asio::use_awaitable), void(bool)>(
      [&api, &partition, seq = position.seq](auto handler) {
        auto executor = boost::asio::get_associated_executor(handler);
        auto kept = std::make_shared<std::optional<decltype(handler)>>(std::move(handler));
        const auto settle = [kept, executor](bool is_there) {
          boost::asio::post(executor, [kept, is_there] {
            if (auto first = std::exchange(*kept, std::nullopt)) (*first)(is_there);
          });
        };
        api.engine.loop(api.engine.this_core()).after(kPositionWaitUs, [settle] { settle(false); });
        boost::asio::dispatch(api.engine.context_of(partition), [&partition, seq, settle] {
          partition.task->when_applied(seq, [settle] { settle(true); });
        });
      },
      boost::asio::use_awaitable);
  if (reached) co_return Result<>{};
  co_return Error{Errc::unavailable, "api.position_not_reached",
                  "the position asked for is not reached yet"};
}

v1::Envelope envelope_of(const Call& call, const Id& subject) {
  v1::Envelope envelope;
  envelope.set_actor(std::string(call.caller.principal.view()));
  if (!subject.is_nil()) envelope.set_subject(std::string(subject.view()));
  envelope.set_token(std::string(call.caller.token_id.view()));
  envelope.set_network(std::string(call.client.view()));
  envelope.set_correlation(std::string(call.request.id()));
  return envelope;
}

}  // namespace watchword::api
