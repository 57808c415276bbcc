// From a handler to a partition's task and back: on the same core a plain call, on another a hop there and back.
#pragma once
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "api/handlers/api.h"

namespace watchword::api {

using boost::asio::awaitable;

// GCC 12 destroys a closure that stands inside a co_await expression twice if it holds anything that needs destroying: name
// such a closure first, then move it in.

// Runs `work(task)` on the partition's loop. `work` must not suspend; what it returns must own what it holds.
template <class Work>
auto at(Api& api, runtime::Partition& partition, Work work)
    -> awaitable<std::invoke_result_t<Work, runtime::PartitionTask&>> {
  using Got = std::invoke_result_t<Work, runtime::PartitionTask&>;
  if (api.engine.this_core() == partition.core) co_return work(*partition.task);
  co_return co_await boost::asio::co_spawn(
      api.engine.context_of(partition),
      [&]() -> awaitable<Got> { co_return work(*partition.task); }, boost::asio::use_awaitable);
}

// Runs `work()` on a worker thread, off every loop; unavailable when the workers are behind.
template <class Work>
auto on_worker(Api& api, Work work) -> awaitable<std::invoke_result_t<Work>> {
  using Got = std::invoke_result_t<Work>;  // a Result
  return boost::asio::async_initiate<decltype(boost::asio::use_awaitable), void(Got)>(
      [&api, work = std::move(work)](auto handler) mutable {
        auto executor = boost::asio::get_associated_executor(handler);
        auto kept = std::make_shared<decltype(handler)>(std::move(handler));
        const auto answer = [kept, executor](Got got) {
          boost::asio::post(executor, [kept, got = std::move(got)]() mutable {
            (*kept)(std::move(got));
          });
        };
        if (!api.engine.workers().run(
                [work = std::make_shared<Work>(std::move(work)), answer] { answer((*work)()); }))
          answer(Error{Errc::unavailable, "api.workers_busy", "try again"});
      },
      boost::asio::use_awaitable);
}

// Hands a command to the partition's task and waits for its answer, durable and applied.
awaitable<runtime::Answer> run(Api& api, runtime::Partition& partition, runtime::Command command);

// The same for a call that changes something: takes the Idempotency-Key into account and sets Watchword-Position.
awaitable<runtime::Answer> change(Api& api, Call& call, runtime::Partition& partition,
                                  runtime::Lane lane, runtime::Decide decide);
// Where what a call mints must live: the slot that its Idempotency-Key demands; nullopt without one.
std::optional<Slot> slot_of_key(Api& api, const Call& call);
runtime::Repeatable repeatable(Api& api, const Call& call, std::string_view key);

// Posts observations to their partition; the receipt comes once they are durable.
awaitable<runtime::Receipt> observe(Api& api, runtime::Partition& partition,
                                    runtime::ObservationBatch batch);

// Ok when the partition may serve reads now; else unavailable.
Result<> serving(const runtime::PartitionTask& task);

// Goes on after that time, on the same core.
awaitable<void> pause(Api& api, int64_t delay_us);

// Whether a token has expired by the reader's clock, but not yet by the journal's: write_time() comes before it is told.
template <class Token>
bool newly_expired(const runtime::PartitionTask& task, const Token& token, v1::TokenStatus status) {
  return status == v1::TOKEN_EXPIRED && token.expires_at_ms() > task.durable_ms();
}
// Makes the time durable, so that a clock that is set back after a crash cannot undo what is over by now. One frame for as
// many tokens as are. Errors: those of a command; the answer is then in doubt.
awaitable<Result<>> write_time(Api& api, runtime::Partition& partition);

// A read that names a position waits for it, at most 50 ms. unavailable "api.position_not_reached".
awaitable<Result<>> reach(Api& api, const Position& position);

// The envelope of what this call decides about `subject`.
v1::Envelope envelope_of(const Call& call, const Id& subject);

}  // namespace watchword::api
