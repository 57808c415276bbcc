// What happened, and what was true: read from the journal on a worker, never from a loop.
#include "replay/history.h"

#include <boost/json/serialize.hpp>
#include <charconv>

#include "api/handlers/handlers.h"
#include "api/handlers/paging.h"
#include "api/handlers/past.h"
#include "api/http/form.h"
#include "events/base/time.h"
#include "processors/publisher/text.h"

namespace watchword::api {
namespace {

namespace json = boost::json;
using replay::Cursor;
using replay::History;

struct Asked {
  std::optional<Cursor> cursor;
  size_t limit = kPageDefault;
};

Result<Asked> asked_of(Call& call) {
  Asked asked;
  if (const auto text = query_value(call, "cursor"); !text.empty()) {
    asked.cursor = Cursor::parse(text);
    if (!asked.cursor) return Error{Errc::invalid, "api.page.cursor", "this cursor is not of this list"};
  }
  if (const auto text = query_value(call, "limit"); !text.empty()) {
    const auto read = std::from_chars(text.data(), text.data() + text.size(), asked.limit);
    if (read.ec != std::errc{} || read.ptr != text.data() + text.size() || asked.limit < 1 ||
        asked.limit > static_cast<size_t>(kPageMax))
      return Error{Errc::invalid, "api.page.limit", "limit is a number from 1 to 1000"};
  }
  return asked;
}

Result<> only(Call& call, std::initializer_list<std::string_view> names) {
  const auto query = call.request.query();
  if (!query) return query.error();
  return (*query)->only(std::vector<std::string_view>(names));
}

History history_of(runtime::Partition& partition) {
  return History(partition.number, *partition.journal, *partition.index);
}

void answer(Call& call, const Result<replay::Page>& page) {
  if (!page) return fail(call, page.error());
  json::array items;
  for (const auto& item : page->items) items.push_back(item);
  json::object out;
  out["items"] = std::move(items);
  out["next_cursor"] = page->next ? json::value(page->next->text()) : json::value(nullptr);
  call.response.body = publisher::to_text(out);
}

std::vector<std::string> words_of(std::string_view list) {
  std::vector<std::string> out;
  while (!list.empty()) {
    const size_t end = std::min(list.find(','), list.size());
    if (end > 0) out.emplace_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return out;
}

Result<std::optional<Id>> optional_id(Call& call, std::string_view name) {
  const auto text = query_value(call, name);
  if (text.empty()) return std::optional<Id>{};
  const auto id = Id::parse(text);
  if (!id) return Error{Errc::invalid, "audit.id", std::string(name) + " is no id"};
  return id;
}

Result<std::optional<int64_t>> optional_time(Call& call, std::string_view name) {
  const auto text = query_value(call, name);
  if (text.empty()) return std::optional<int64_t>{};
  const auto time = parse_rfc3339(text);
  if (!time) return Error{Errc::invalid, "audit.time", std::string(name) + " is no RFC 3339 time"};
  return time;
}

Result<replay::AuditQuery> audit_query(Call& call) {
  const auto asked = asked_of(call);
  if (!asked) return asked.error();
  replay::AuditQuery query;
  query.from = asked->cursor;
  query.limit = asked->limit;
  query.action = query_value(call, "action");
  query.outcome = query_value(call, "outcome");
  query.oldest_first = query_value(call, "order") == "oldest";
  for (auto [name, into] : {std::pair{"actor", &query.actor}, {"target", &query.target},
                            {"service_token", &query.token}}) {
    auto id = optional_id(call, name);
    if (!id) return id.error();
    *into = *id;
  }
  for (auto [name, into] : {std::pair{"from", &query.from_ms}, {"to", &query.to_ms}}) {
    auto time = optional_time(call, name);
    if (!time) return time.error();
    *into = *time;
  }
  return query;
}

}  // namespace

Result<std::optional<replay::When>> when_of(Call& call, const runtime::Partition& partition) {
  const auto text = query_value(call, "at");
  if (text.empty()) return std::optional<replay::When>{};
  replay::When when;
  if (const auto position = Position::parse(text)) {
    if (position->partition != partition.number)
      return Error{Errc::invalid, "api.at.partition",
                   "this position is of another partition than the subject"};
    when.seq = position->seq;
    return std::optional(when);
  }
  when.time_ms = parse_rfc3339(text);
  if (!when.time_ms)
    return Error{Errc::invalid, "api.at", "at is an RFC 3339 time or <partition>:<seq>"};
  return std::optional(when);
}

awaitable<void> answer_identity_at(Api& api, Call& call, const Id& id, replay::When when) {
  auto& partition = api.engine.owner(id);
  auto found = co_await on_worker(api, [&api, &partition, id, when]() -> Result<json::object> {
    return history_of(partition).identity_at(
        id, when, [&api](const Id& principal, const v1::Sealed& sealed) {
          return api.open_sealed(principal, sealed);
        });
  });
  if (!found) co_return fail(call, found.error());
  call.response.body = publisher::to_text(*found);
}

awaitable<void> answer_token_at(Api& api, Call& call, const Id& id, replay::When when) {
  auto& partition = api.engine.owner(id);
  auto found = co_await on_worker(api, [&partition, id, when]() -> Result<json::object> {
    return history_of(partition).token_at(id, when);
  });
  if (!found) co_return fail(call, found.error());
  call.response.body = publisher::to_text(*found);
}

awaitable<void> identities::timeline(Api& api, Call& call) {
  const auto id = id_in_path(call);
  if (!id) co_return fail(call, id.error());
  if (auto known = only(call, {"limit", "cursor", "type"}); !known) co_return fail(call, known.error());
  const auto asked = asked_of(call);
  if (!asked) co_return fail(call, asked.error());
  replay::TimelineQuery query{asked->cursor, asked->limit, words_of(query_value(call, "type"))};
  auto& partition = api.engine.owner(*id);
  auto work = [&]() -> Result<replay::Page> { return history_of(partition).timeline(*id, query); };
  const auto page = co_await on_worker(api, work);
  answer(call, page);
}

awaitable<void> identities::risk(Api& api, Call& call) {
  const auto id = id_in_path(call);
  if (!id) co_return fail(call, id.error());
  if (auto known = only(call, {"limit", "cursor"}); !known) co_return fail(call, known.error());
  const auto asked = asked_of(call);
  if (!asked) co_return fail(call, asked.error());
  auto& partition = api.engine.owner(*id);
  auto work = [&]() -> Result<replay::Page> {
    return history_of(partition).risk(*id, asked->cursor, asked->limit);
  };
  const auto page = co_await on_worker(api, work);
  answer(call, page);
}

// Partition after partition: the cursor says where it goes on.
awaitable<void> audit::events(Api& api, Call& call) {
  if (auto known = only(call, {"limit", "cursor", "actor", "target", "service_token", "action", "outcome",
                               "from", "to", "order"});
      !known)
    co_return fail(call, known.error());
  auto query = audit_query(call);
  if (!query) co_return fail(call, query.error());
  replay::Page all;
  uint32_t number = query->from ? query->from->partition : 0;
  const size_t limit = query->limit;
  for (; number < api.engine.partitions(); ++number) {
    auto& partition = api.engine.partition(number);
    query->limit = limit - all.items.size();
    auto work = [&]() -> Result<replay::Page> {
      return history_of(partition).administrative(*query);
    };
    auto page = co_await on_worker(api, work);
    if (!page) co_return fail(call, page.error());
    for (auto& item : page->items) all.items.push_back(std::move(item));
    all.next = page->next;
    query->from.reset();
    if (all.next) break;
    if (all.items.size() == limit && number + 1 < api.engine.partitions()) {
      all.next = Cursor{number + 1, query->oldest_first ? 0 : ~uint64_t{0}, 0};
      break;
    }
  }
  answer(call, all);
}

}  // namespace watchword::api
