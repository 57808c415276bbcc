// The audit trail of a partition: events that somebody asked for.
#include <algorithm>

#include "replay/folder.h"
#include "replay/history.h"

namespace watchword::replay {
namespace {

namespace json = boost::json;

// Frames are copied in runs of this many: one seek each, at most 16 MiB.
constexpr uint64_t kRunFrames = 64;

struct Kept {
  uint64_t seq = 0;
  int64_t time_ms = 0;
  std::string bytes;
};

const v1::AdminActed* act_of(const v1::Event& event) {
  return event.control().has_admin_acted() ? &event.control().admin_acted() : nullptr;
}

std::string outcome_of(const v1::Event& event) {
  const auto* act = act_of(event);
  return act != nullptr && !act->outcome().empty() ? act->outcome() : "success";
}

bool is_part_of(std::string_view part, std::string_view type) {
  return type == part || (type.starts_with(part) && type[part.size()] == '.');
}

bool matches_id(const std::optional<Id>& wanted, std::string_view raw) {
  return !wanted || wanted->view() == raw;
}

bool matches(const AuditQuery& query, const v1::Event& event) {
  const auto& envelope = event.envelope();
  if (envelope.actor().empty()) return false;
  if (!matches_id(query.actor, envelope.actor())) return false;
  if (!matches_id(query.target, envelope.subject())) return false;
  if (!matches_id(query.token, envelope.token())) return false;
  if (query.from_ms && envelope.at_ms() < *query.from_ms) return false;
  if (query.to_ms && envelope.at_ms() >= *query.to_ms) return false;
  if (!query.outcome.empty() && outcome_of(event) != query.outcome) return false;
  if (query.action.empty() || is_part_of(query.action, publisher::type_of(event))) return true;
  const auto* act = act_of(event);
  return act != nullptr && is_part_of(query.action, act->action());
}

json::object show(const v1::Event& event, const Position& position, uint32_t index) {
  json::object out = publisher::render(event, position, index);
  const auto* act = act_of(event);
  out["action"] = act != nullptr ? act->action() : publisher::type_of(event);
  if (act != nullptr && !act->target().empty()) out["target"] = act->target();
  out["outcome"] = outcome_of(event);
  return out;
}

using Shown = std::vector<std::pair<uint32_t, json::object>>;

Result<Shown> show_frame(const AuditQuery& query, const Kept& kept, uint32_t partition) {
  Shown shown;
  const auto view = journal::FrameView::open(kept.bytes);
  if (!view) return view.error();
  const auto read = view->each(
      [&](uint32_t index, const v1::Event& event) -> Result<> {
        if (matches(query, event))
          shown.emplace_back(index, show(event, {partition, kept.seq}, index));
        return {};
      },
      [](uint32_t, const journal::Judged&) -> Result<> { return {}; });
  if (!read) return read.error();
  return shown;
}

Result<std::vector<Kept>> keep_run(const journal::Journal& journal, uint64_t from, uint64_t to) {
  std::vector<Kept> run;
  const auto read = read_range(journal, from, to, [&](const journal::Stored& stored) -> Result<> {
    run.push_back({stored.seq, stored.time_ms, std::string(stored.bytes)});
    return {};
  });
  if (!read) return read.error();
  return run;
}

// Goes over the frames in one of the two directions and fills a page.
class Walk {
 public:
  Walk(const AuditQuery& query, const journal::Journal& journal, uint32_t partition)
      : query_(query), journal_(journal), partition_(partition) {}

  Result<Page> run(uint64_t first, uint64_t last) {
    for (uint64_t read = 0; first <= last && !full_; read += kRunFrames) {
      if (read >= History::kMaxFramesRead) return page_.next = at_, page_;
      const uint64_t span = std::min(kRunFrames, last - first + 1);
      const uint64_t from = query_.oldest_first ? first : last - span + 1;
      auto run = keep_run(journal_, from, from + span - 1);
      if (!run) return run.error();
      if (!query_.oldest_first) std::reverse(run->begin(), run->end());
      for (const Kept& kept : *run) {
        if (full_ || is_past_the_time(kept)) return page_;
        if (auto taken = take(kept); !taken) return taken.error();
      }
      (query_.oldest_first ? first : last) = query_.oldest_first ? from + span : from - 1;
    }
    return page_;
  }

 private:
  bool is_past_the_time(const Kept& kept) const {
    return query_.oldest_first ? query_.to_ms && kept.time_ms >= *query_.to_ms
                               : query_.from_ms && kept.time_ms < *query_.from_ms;
  }

  // Whether the entry stands on this page's side of the cursor.
  bool is_ahead(uint64_t seq, uint32_t index) const {
    if (!query_.from || query_.from->seq != seq) return true;
    return query_.oldest_first ? index > query_.from->index : index < query_.from->index;
  }

  Result<> take(const Kept& kept) {
    auto shown = show_frame(query_, kept, partition_);
    if (!shown) return shown.error();
    if (!query_.oldest_first) std::reverse(shown->begin(), shown->end());
    for (auto& [index, object] : *shown) {
      if (!is_ahead(kept.seq, index)) continue;
      if (page_.items.size() == query_.limit) {
        page_.next = at_;
        full_ = true;
        return {};
      }
      at_ = {partition_, kept.seq, index};
      page_.items.push_back(std::move(object));
    }
    at_ = {partition_, kept.seq, query_.oldest_first ? ~0u : 0};
    return {};
  }

  const AuditQuery& query_;
  const journal::Journal& journal_;
  const uint32_t partition_;
  Page page_;
  Cursor at_;
  bool full_ = false;
};

}  // namespace

Result<Page> History::administrative(const AuditQuery& query) const {
  if (query.from && query.from->partition != partition_)
    return Error{Errc::invalid, "history.cursor", "this cursor is of another partition"};
  uint64_t first = 1, last = journal_.tail().seq;
  if (query.from) (query.oldest_first ? first : last) = std::min(query.from->seq, last);
  if (query.from_ms && query.oldest_first) {
    const auto before = seq_at(*query.from_ms - 1);
    if (!before) return before.error();
    first = std::max(first, *before + 1);
  }
  if (query.to_ms && !query.oldest_first) {
    const auto before = seq_at(*query.to_ms);
    if (!before) return before.error();
    last = std::min(last, *before);
  }
  return Walk(query, journal_, partition_).run(std::max<uint64_t>(first, 1), last);
}

}  // namespace watchword::replay
