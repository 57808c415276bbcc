#include "api/handlers/partition.h"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include "events/crypto/hash.h"

namespace watchword::api {
namespace {

constexpr int64_t kPatienceUs = 30'000'000;  // a caller that waited longer has gone
constexpr auto kPositionWait = std::chrono::milliseconds(50);
constexpr std::string_view kIdempotencyKey = "Idempotency-Key";

std::string identity_of_call(const Call& call, std::string_view key) {
  std::string text(call.caller.principal.view());
  text.append(call.match.route->path).push_back('\0');
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
  const auto hmac = crypto::hmac_sha256(api.engine.key_file().body_hmac_key().view(), call.request.body());
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

awaitable<Result<>> reach(Api& api, const Position& position) {
  if (position.partition >= api.engine.partitions())
    co_return Error{Errc::invalid, "api.position_unknown", "Watchword-Position names no partition"};
  auto& partition = api.engine.partition(position.partition);
  if (partition.durable_seq >= position.seq) co_return Result<>{};
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, kPositionWait);
  auto reached = std::make_shared<std::atomic<bool>>(false);
  auto executor = co_await boost::asio::this_coro::executor;
  std::weak_ptr<std::atomic<bool>> waiting = reached;
  boost::asio::dispatch(api.engine.context_of(partition), [&partition, &timer, seq = position.seq,
                                                            waiting, executor] {
    partition.task->when_applied(seq, [waiting, executor, &timer] {
      if (auto flag = waiting.lock()) {
        *flag = true;
        boost::asio::post(executor, [waiting, &timer] {
          if (waiting.lock()) timer.cancel();
        });
      }
    });
  });
  try {
    co_await timer.async_wait(boost::asio::use_awaitable);
  } catch (const boost::system::system_error&) {
    // cancelled: it has come
  }
  if (*reached) co_return Result<>{};
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
