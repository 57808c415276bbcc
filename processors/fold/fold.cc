#include "processors/fold/fold.h"

#include <algorithm>
#include <cstring>

#include "events/domain/alert.h"
#include "events/domain/identity.h"
#include "events/domain/jit_token.h"
#include "events/domain/service_token.h"

namespace watchword::fold {
namespace {

template <class Row, class Rows>
Row current(Rows& rows, const Id& id) {
  const Row* row = rows.template find<Row>(id);
  return row != nullptr ? *row : Row{};
}

template <class Rows>
void fold_identity(Rows& rows, const v1::Envelope& envelope, const v1::IdentityEvent& event) {
  const Id id = Id::from_view(envelope.subject());
  if (event.fact_case() == v1::IdentityEvent::kAttestationUsed) {
    v1::AttestationState used;
    used.set_expires_at_ms(event.attestation_used().expires_at_ms());
    rows.save(Id::from_view(std::string_view(event.attestation_used().jti_hash()).substr(0, 16)),
              std::move(used));
    return;
  }
  rows.save(id, domain::identity::evolve(current<v1::IdentityState>(rows, id), envelope, event));
}

Id token_of(const v1::JitTokenEvent& event) {
  switch (event.fact_case()) {
    case v1::JitTokenEvent::kIssued: return Id::from_view(event.issued().token_id());
    case v1::JitTokenEvent::kUsed: return Id::from_view(event.used().token_id());
    case v1::JitTokenEvent::kExhausted: return Id::from_view(event.exhausted().token_id());
    case v1::JitTokenEvent::kRevoked: return Id::from_view(event.revoked().token_id());
    case v1::JitTokenEvent::FACT_NOT_SET: break;
  }
  return {};
}

Id token_of(const v1::ServiceTokenEvent& event) {
  switch (event.fact_case()) {
    case v1::ServiceTokenEvent::kCreated: return Id::from_view(event.created().token_id());
    case v1::ServiceTokenEvent::kRevoked: return Id::from_view(event.revoked().token_id());
    case v1::ServiceTokenEvent::FACT_NOT_SET: break;
  }
  return {};
}

Id alert_of(const v1::AlertEvent& event) {
  switch (event.fact_case()) {
    case v1::AlertEvent::kRaised: return Id::from_view(event.raised().alert_id());
    case v1::AlertEvent::kJoined: return Id::from_view(event.joined().alert_id());
    case v1::AlertEvent::kTriaged: return Id::from_view(event.triaged().alert_id());
    case v1::AlertEvent::FACT_NOT_SET: break;
  }
  return {};
}

// When a token was asked for or made, its identity authenticated or rotated.
template <class Rows, class TokenEvent>
void touch_identity(Rows& rows, const v1::Envelope& envelope, const TokenEvent& event) {
  const Id id = Id::from_view(envelope.subject());
  const auto* row = rows.template find<v1::IdentityState>(id);
  if (row != nullptr) rows.save(id, domain::identity::evolve(*row, envelope, event));
}

template <class Rows>
void fold_jit_token(Rows& rows, const v1::Envelope& envelope, const v1::JitTokenEvent& event) {
  const Id id = token_of(event);
  rows.save(id, domain::jit_token::evolve(current<v1::JitTokenState>(rows, id), envelope, event));
  if (event.has_issued()) touch_identity(rows, envelope, event);
}

template <class Rows>
void fold_service_token(Rows& rows, const v1::Envelope& envelope,
                        const v1::ServiceTokenEvent& event) {
  const Id id = token_of(event);
  if (event.has_created()) {
    v1::SecretState secret;
    secret.set_token_id(event.created().token_id());
    secret.set_sha256(event.created().secret_sha256());
    rows.save(Id::from_view(std::string_view(event.created().secret_sha256()).substr(0, 16)),
              std::move(secret));
  }
  rows.save(id, domain::service_token::evolve(current<v1::ServiceTokenState>(rows, id), envelope,
                                              event));
  touch_identity(rows, envelope, event);
}

template <class Row, class Rows>
bool mark_misuse(Rows& rows, const Id& token, const std::string& subject) {
  const Row* row = rows.template find<Row>(token);
  if (row == nullptr || row->misuse_alerted() || row->identity_id() != subject) return row != nullptr;
  Row marked = *row;
  marked.set_misuse_alerted(true);
  rows.save(token, std::move(marked));
  return true;
}

// The use of an ended token is told once a token.
template <class Rows, class Alert>
void note_misuse(Rows& rows, const v1::Envelope& envelope, const Alert& alert) {
  const Id token = Id::from_view(envelope.token());
  if (token.is_nil()) return;
  for (const auto& signal : alert.signals())
    if (signal.name() == detectors::kUseAfterEnd) {
      if (!mark_misuse<v1::JitTokenState>(rows, token, envelope.subject()))
        mark_misuse<v1::ServiceTokenState>(rows, token, envelope.subject());
      return;
    }
}

template <class Rows>
void fold_alert(Rows& rows, const v1::Envelope& envelope, const v1::AlertEvent& event) {
  const Id id = alert_of(event);
  const Id principal = Id::from_view(envelope.subject());
  if (event.has_raised()) note_misuse(rows, envelope, event.raised());
  if (event.has_joined()) note_misuse(rows, envelope, event.joined());
  rows.save(id, domain::alert::evolve(current<v1::AlertState>(rows, id), envelope, event));
  rows.save(principal,
            domain::alert::evolve(current<v1::OpenAlerts>(rows, principal), envelope, event));
}

template <class Rows>
void keep_result(Rows& rows, const v1::ResultKept& kept, uint64_t seq) {
  v1::ResultState row;
  row.set_body_hmac(kept.body_hmac());
  row.set_status(kept.status());
  row.set_sealed(kept.sealed());
  row.set_forget_at_ms(kept.forget_at_ms());
  row.set_seq(seq);
  rows.save(Id::from_view(kept.key()), std::move(row));
}

template <class Rows>
void fold_name(Rows& rows, const std::string& hash, const std::string& owner, bool confirmed,
               uint64_t seq) {
  v1::NameState row;
  row.set_owner(owner);
  row.set_confirmed(confirmed);
  row.set_seq(seq);
  rows.save(Id::from_view(std::string_view(hash).substr(0, 16)), std::move(row));
}

template <class Rows>
void release_name(Rows& rows, const v1::NameReleased& released) {
  const Id id = Id::from_view(std::string_view(released.name_hash()).substr(0, 16));
  const auto* row = rows.template find<v1::NameState>(id);
  if (row != nullptr && row->owner() == released.owner()) rows.template erase<v1::NameState>(id);
}

template <class Rows>
void fold_installation(Rows& rows, const v1::ControlEvent& event) {
  auto row = current<v1::ControlState>(rows, Id{});
  if (event.has_initialised()) {
    row.set_cluster_id(event.initialised().cluster_id());
    row.set_partitions(event.initialised().partitions());
    row.set_regions(event.initialised().regions());
  } else if (event.has_signing_key_added()) {
    *row.add_keys() = event.signing_key_added();
  } else {
    auto& keys = *row.mutable_keys();
    const auto retired = std::remove_if(keys.begin(), keys.end(), [&](const auto& key) {
      return key.key_id() == event.signing_key_retired().key_id();
    });
    keys.erase(retired, keys.end());
  }
  rows.save(Id{}, std::move(row));
}

template <class Rows>
void fold_control(Rows& rows, const v1::ControlEvent& event, uint64_t seq) {
  switch (event.fact_case()) {
    case v1::ControlEvent::kInitialised:
    case v1::ControlEvent::kSigningKeyAdded:
    case v1::ControlEvent::kSigningKeyRetired: return fold_installation(rows, event);
    case v1::ControlEvent::kResultKept: return keep_result(rows, event.result_kept(), seq);
    case v1::ControlEvent::kNameTaken:
      return fold_name(rows, event.name_taken().name_hash(), event.name_taken().owner(), false,
                       seq);
    case v1::ControlEvent::kNameConfirmed:
      return fold_name(rows, event.name_confirmed().name_hash(), event.name_confirmed().owner(),
                       true, seq);
    case v1::ControlEvent::kNameReleased: return release_name(rows, event.name_released());
    case v1::ControlEvent::kFoldVersion:
    case v1::ControlEvent::kTimeAdvanced:
    case v1::ControlEvent::kInputGap:
    case v1::ControlEvent::kDigest:
    case v1::ControlEvent::kAdminActed:
    case v1::ControlEvent::kDeadLettered:
    case v1::ControlEvent::FACT_NOT_SET: break;  // they tell; no row changes
  }
}

void count_use(State& state, const detectors::Seen& seen, const v1::JitTokenState& token) {
  Usage& usage = state.edit<Usage>(seen.token_id);
  if (usage.count == 0) {
    usage.first_used_ms = seen.time_ms;
    usage.forget_at_ms = token.forget_at_ms();
    state.remind_in_place({usage.forget_at_ms, rows::Table::usage, seen.token_id});
  }
  usage.count += seen.count;
  usage.last_used_ms = std::max(usage.last_used_ms, seen.time_ms);
  if (seen.network.empty()) return;  // a free slot must stay free: the next network takes it over
  for (auto& network : usage.networks) {
    const bool same = network.size == seen.network.size() &&
                      std::memcmp(network.bytes, seen.network.data(), network.size) == 0;
    if (network.size != 0 && !same) continue;
    std::memcpy(network.bytes, seen.network.data(), std::min<size_t>(16, seen.network.size()));
    network.size = static_cast<uint8_t>(std::min<size_t>(16, seen.network.size()));
    network.count += seen.count;
    return;
  }
}

}  // namespace

template <class Rows>
void fold_event(Rows& rows, const v1::Event& event, uint64_t seq) {
  switch (event.fact_case()) {
    case v1::Event::kIdentity: return fold_identity(rows, event.envelope(), event.identity());
    case v1::Event::kJitToken: return fold_jit_token(rows, event.envelope(), event.jit_token());
    case v1::Event::kServiceToken:
      return fold_service_token(rows, event.envelope(), event.service_token());
    case v1::Event::kAlert: return fold_alert(rows, event.envelope(), event.alert());
    case v1::Event::kControl: return fold_control(rows, event.control(), seq);
    case v1::Event::FACT_NOT_SET: break;
  }
}
template void fold_event<State>(State&, const v1::Event&, uint64_t);
template void fold_event<Ahead>(Ahead&, const v1::Event&, uint64_t);

void fold_in_place(State& state, const v1::Event& event) {
  if (!event.has_identity()) return;
  const Id id = Id::from_view(event.envelope().subject());
  if (event.identity().has_baseline_established())
    detectors::establish(state.edit<detectors::Baseline>(id), event.envelope().at_ms());
  if (event.identity().has_baseline_reset())
    detectors::reset(state.edit<detectors::Baseline>(id));
}

void fold_in_place(State& state, const detectors::Seen& seen, detectors::Learning learning,
                   const v1::JitTokenState* token, int64_t frame_time_ms) {
  detectors::fold(state.edit<detectors::Baseline>(seen.principal), seen, learning);
  // Of a token that another principal's observation names, nothing is counted: whoever has no part in it could say so.
  if (token != nullptr && token->identity_id() == seen.principal.view() &&
      token->forget_at_ms() > frame_time_ms && seen.outcome == v1::SUCCESS)
    count_use(state, seen, *token);
}

void sweep(State& state, int64_t frame_time_ms) {
  for (size_t done = 0; done < kSweepRows && !state.due().empty(); ++done) {
    const Due due = *state.due().begin();
    if (due.at_ms > frame_time_ms) return;
    if (due.table == rows::Table::jit_token) {
      const auto* row = state.find<v1::JitTokenState>(due.id);
      if (row == nullptr) return;  // the store is broken; the task stops on it
      if (row->forget_at_ms() <= frame_time_ms) {
        state.erase<v1::JitTokenState>(due.id);
      } else {
        auto expired = *row;
        expired.set_status(v1::TOKEN_EXPIRED);
        state.save(due.id, std::move(expired));
      }
    } else if (due.table == rows::Table::service_token) {
      auto expired = current<v1::ServiceTokenState>(state, due.id);
      expired.set_status(v1::TOKEN_EXPIRED);
      state.save(due.id, std::move(expired));
    } else if (due.table == rows::Table::result) {
      state.erase<v1::ResultState>(due.id);
    } else {
      state.erase<v1::AttestationState>(due.id);
    }
    if (state.broken()) return;
  }
}

void sweep_in_place(State& state, int64_t frame_time_ms) {
  for (size_t done = 0; done < kSweepRows && !state.due_in_place().empty(); ++done) {
    const Due due = *state.due_in_place().begin();
    if (due.at_ms > frame_time_ms) return;
    state.erase<Usage>(due.id);
    state.forget_in_place(due);
  }
}

Result<> fold_frame(State& state, const journal::Stored& stored) {
  if (stored.is_claim) {  // who writes, nothing else
    state.advance(stored.seq, stored.time_ms);
    return {};
  }
  const auto view = journal::FrameView::open(stored.bytes);
  if (!view) return view.error();
  sweep_in_place(state, stored.time_ms);
  sweep(state, stored.time_ms);
  const auto folded = view->each(
      [&](uint32_t, const v1::Event& event) -> Result<> {
        fold_event(state, event, stored.seq);
        fold_in_place(state, event);
        return {};
      },
      [&](uint32_t, const journal::Judged& judged) -> Result<> {
        const auto seen = detectors::read_observation(judged.observation);
        if (!seen) return seen.error();
        const v1::JitTokenState* token =
            seen->token_id.is_nil() ? nullptr : state.find<v1::JitTokenState>(seen->token_id);
        fold_in_place(state, *seen, static_cast<detectors::Learning>(judged.conclusion & 3), token,
                      stored.time_ms);
        return {};
      });
  if (!folded) return folded.error();
  if (state.broken()) return Error{Errc::corrupt, "fold.rows", state.failure()};
  state.advance(stored.seq, stored.time_ms);
  return {};
}

}  // namespace watchword::fold
