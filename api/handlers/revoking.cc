#include "api/handlers/revoking.h"

#include "events/domain/jit_token.h"
#include "events/domain/service_token.h"

namespace watchword::api {
namespace {

template <class Fact>
void wrap(runtime::Decided& out, const v1::Envelope& envelope, Fact fact) {
  auto& event = out.events.emplace_back();
  *event.mutable_envelope() = envelope;
  if constexpr (std::is_same_v<Fact, v1::JitTokenEvent>)
    *event.mutable_jit_token() = std::move(fact);
  else
    *event.mutable_service_token() = std::move(fact);
}

// The row's principal becomes the subject: known only where the row is.
template <class State, class Command>
runtime::Decide deciding(v1::Envelope envelope, Id token_id, Command command) {
  return [envelope = std::move(envelope), token_id, command = std::move(command)](
             fold::Ahead& rows, const runtime::Moment&) mutable -> Result<runtime::Decided> {
    const auto* row = rows.find<State>(token_id);
    auto decided = [&] {
      if constexpr (std::is_same_v<State, v1::JitTokenState>)
        return domain::jit_token::decide(row, command);
      else
        return domain::service_token::decide(row, command);
    }();
    if (!decided) return decided.error();
    envelope.set_subject(row->identity_id());
    runtime::Decided out;
    for (auto& fact : *decided) wrap(out, envelope, std::move(fact));
    return out;
  };
}

}  // namespace

awaitable<runtime::Answer> revoke_jit(Api& api, Call& call, const Id& token_id, std::string reason) {
  domain::jit_token::Revoke command{std::move(reason)};
  auto decide =
      deciding<v1::JitTokenState>(envelope_of(call, {}), token_id, std::move(command));
  auto answer = co_await change(api, call, api.engine.owner(token_id), runtime::Lane::revoke,
                                std::move(decide));
  if (answer.body) api.metrics.token_revoked("requested");
  co_return answer;
}

awaitable<runtime::Answer> revoke_service_token(Api& api, Call& call, const Id& token_id,
                                                std::string reason) {
  domain::service_token::Revoke command{std::move(reason)};
  auto decide =
      deciding<v1::ServiceTokenState>(envelope_of(call, {}), token_id, std::move(command));
  auto answer = co_await change(api, call, api.engine.owner(token_id), runtime::Lane::revoke,
                                std::move(decide));
  if (answer.body) api.metrics.token_revoked("requested");
  co_return answer;
}

}  // namespace watchword::api
