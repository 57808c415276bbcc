#include "replay/history.h"

#include <algorithm>

#include "events/base/time.h"
#include "processors/fold/fold.h"
#include "replay/folder.h"

namespace watchword::replay {
namespace {

namespace json = boost::json;
using journal::FrameView;
using journal::Judged;
using journal::Stored;

constexpr size_t kNoLimit = ~size_t{0};
// An id's time is the gateway's clock, the frame's is the partition's: they differ by seconds at most.
constexpr int64_t kClocksApartMs = kMinuteMs;

std::string_view made_id(const v1::Event& event) {
  if (event.jit_token().has_issued()) return event.jit_token().issued().token_id();
  if (event.service_token().has_created()) return event.service_token().created().token_id();
  if (event.alert().has_raised()) return event.alert().raised().alert_id();
  return {};
}

// The principal of the token or alert `id`, if this frame made it.
Result<std::optional<Id>> owner_in(const Stored& stored, const Id& id) {
  std::optional<Id> owner;
  if (stored.bytes.find(id.view()) == std::string_view::npos) return owner;
  const auto view = FrameView::open(stored.bytes);
  if (!view) return view.error();
  const auto read = view->each(
      [&](uint32_t, const v1::Event& event) -> Result<> {
        if (made_id(event) == id.view()) owner = Id::from_view(event.envelope().subject());
        return {};
      },
      [](uint32_t, const Judged&) -> Result<> { return {}; });
  if (!read) return read.error();
  return owner;
}

}  // namespace

Result<> catch_up(const journal::Journal& journal, views::PrincipalIndex& index) {
  const uint64_t from = index.indexed_to() + 1;
  if (from > journal.tail().seq) return {};
  return journal.read(from, [&](const Stored& stored) -> Result<> {
    auto principals = views::principals_of(stored.bytes);
    if (!principals) return principals.error();
    index.add(stored.seq, std::move(*principals));
    return {};
  });
}

Result<int64_t> History::frame_ms(uint64_t seq) const {
  const auto frame = journal_.frame(seq);
  if (!frame) return frame.error();
  const auto view = FrameView::open(*frame);
  if (!view) return view.error();
  return view->header().time_ms;
}

Result<uint64_t> History::seq_at(int64_t time_ms) const {
  const auto tail = journal_.tail();
  if (tail.seq == 0 || tail.time_ms <= time_ms) return tail.seq;
  uint64_t before = 0, after = tail.seq;  // frame `before` is early enough, `after` is not
  while (after - before > 1) {
    const uint64_t middle = before + (after - before) / 2;
    const auto at_ms = frame_ms(middle);
    if (!at_ms) return at_ms.error();
    (*at_ms <= time_ms ? before : after) = middle;
  }
  return before;
}

Result<Past> History::past_of(const Id& principal, const When& when, Reading reading) const {
  Past past;
  past.principal = principal;
  past.tuning = tuning_;
  past.position.partition = partition_;
  past.rows = std::make_unique<fold::State>(partition_, nullptr, 0);
  if (auto opened = past.rows->open(); !opened) return opened.error();
  const auto tail = journal_.tail();
  const auto seq = when.seq       ? Result<uint64_t>(*when.seq)
                   : when.time_ms ? seq_at(*when.time_ms)
                                  : Result<uint64_t>(tail.seq);
  if (!seq) return seq.error();
  if (*seq > tail.seq)
    return Error{Errc::invalid, "history.position",
                 "the journal ends at " + Position{partition_, tail.seq}.text()};
  past.position.seq = *seq;
  past.now_ms = when.time_ms.value_or(0);
  if (*seq == 0) return past;
  const auto at_ms = frame_ms(*seq);
  if (!at_ms) return at_ms.error();
  past.now_ms = std::max(past.now_ms, *at_ms);
  auto folded = reading == Reading::named_frames ? fold_named_frames(past) : fold_every_frame(past);
  if (!folded) return folded.error();
  sweep_all(*past.rows, *at_ms);
  return past;
}

Result<> History::fold_named_frames(Past& past) const {
  auto seqs = index_.frames_of(past.principal, 1, past.position.seq, kNoLimit);
  if (!seqs) return seqs.error();
  std::reverse(seqs->begin(), seqs->end());
  for (const uint64_t seq : *seqs) {
    const auto frame = journal_.frame(seq);
    if (!frame) return frame.error();
    if (auto folded = fold_named(*past.rows, past.principal, *frame); !folded) return folded;
  }
  return {};
}

Result<> History::fold_every_frame(Past& past) const {
  return read_range(journal_, 1, past.position.seq, [&](const Stored& stored) {
    return fold::fold_frame(*past.rows, stored);
  });
}

Result<json::object> History::identity_at(const Id& identity, const When& when,
                                          const publisher::Opener& open) const {
  const auto past = past_of(identity, when);
  if (!past) return past.error();
  if (past->identity() == nullptr)
    return Error{Errc::not_found, "history.identity_unknown", "there was no such identity then"};
  return render_identity(*past, open);
}

Result<json::object> History::token_at(const Id& token, const When& when) const {
  const auto principal = principal_of(token);
  if (!principal) return principal.error();
  const Error unknown{Errc::not_found, "history.token_unknown", "there was no such token then"};
  if (!*principal) return unknown;
  const auto past = past_of(**principal, when);
  if (!past) return past.error();
  for (const auto* row : past->jit_tokens())
    if (row->id() == token.view()) return render_token(*past, *row);
  for (const auto* row : past->service_tokens())
    if (row->id() == token.view()) return render_token(*past, *row);
  return unknown;
}

// The index knows hashes; the frame itself says whether it is this principal.
Result<bool> History::names(const Id& principal) const {
  const auto seqs = index_.frames_of(principal, 1, journal_.tail().seq, 1);
  if (!seqs) return seqs.error();
  if (seqs->empty()) return false;
  const auto frame = journal_.frame(seqs->front());
  if (!frame) return frame.error();
  return frame->find(principal.view()) != std::string::npos;
}

Result<std::optional<Id>> History::principal_of(const Id& id) const {
  const auto named = names(id);
  if (!named) return named.error();
  if (*named) return std::optional(id);
  const auto start = seq_at(id.time_ms() - kClocksApartMs);
  if (!start) return start.error();
  std::optional<Id> owner;
  const auto read = read_while(journal_, *start + 1, [&](const Stored& stored) -> Result<bool> {
    auto found = owner_in(stored, id);
    if (!found) return found.error();
    owner = *found;
    return !owner.has_value();
  });
  if (!read) return read.error();
  return owner;
}

}  // namespace watchword::replay
