// What happened, and what was true: read from the journal on a worker, never from a loop.
#include "replay/history.h"

#include <boost/json/serialize.hpp>

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

// A page of history: where it goes on is a place in the journal, signed like every cursor.
struct Asked {
  Page page;
  std::optional<Cursor> cursor;
};

Result<Asked> asked_of(Api& api, Call& call, std::initializer_list<std::string_view> filters) {
  auto page = page_of(api, call, filters);
  if (!page) return page.error();
  Asked asked;
  if (!page->after.empty()) asked.cursor = Cursor::parse(page->after);
  asked.page = std::move(*page);
  return asked;
}

// Of a principal that nobody ever saw there is no history.
awaitable<Result<Id>> known_principal(Api& api, Call& call) {
  const auto id = id_in_path(call);
  if (!id) co_return id.error();
  const bool known = co_await at(api, api.engine.owner(*id), [&](runtime::PartitionTask& task) {
    return task.rows().find<v1::IdentityState>(*id) != nullptr;
  });
  if (!known) co_return Error{Errc::not_found, "identity.unknown", "there is no identity with that id"};
  co_return *id;
}

History history_of(const Api& api, runtime::Partition& partition) {
  return History(partition.number, *partition.journal, *partition.index, api.settings.tuning);
}

void answer(Api& api, Call& call, Page asked, const Result<replay::Page>& page) {
  if (!page) return fail(call, page.error());
  json::array items;
  for (const auto& item : page->items) items.push_back(item);
  json::object out;
  out["items"] = std::move(items);
  out["next_cursor"] = nullptr;
  if (page->next) {
    asked.partition = page->next->partition;
    asked.after = page->next->text();
    out["next_cursor"] = cursor_of(api, call, asked);
  }
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

Result<replay::AuditQuery> audit_query(Call& call, const Asked& asked) {
  replay::AuditQuery query;
  query.from = asked.cursor;
  query.limit = asked.page.limit;
  query.action = query_value(call, "action");
  query.outcome = query_value(call, "outcome");
  const auto order = query_value(call, "order");
  if (!order.empty() && order != "oldest" && order != "newest")
    return Error{Errc::invalid, "audit.order", "order is newest or oldest"};
  query.oldest_first = order == "oldest";
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
    return history_of(api, partition).identity_at(
        id, when, [&api](const Id& principal, const v1::Sealed& sealed) {
          return api.open_sealed(principal, sealed);
        });
  });
  if (!found) co_return fail(call, found.error());
  call.response.body = publisher::to_text(*found);
}

awaitable<void> answer_token_at(Api& api, Call& call, const Id& id, replay::When when) {
  auto& partition = api.engine.owner(id);
  auto found = co_await on_worker(api, [&api, &partition, id, when]() -> Result<json::object> {
    return history_of(api, partition).token_at(id, when);
  });
  if (!found) co_return fail(call, found.error());
  call.response.body = publisher::to_text(*found);
}

awaitable<void> identities::timeline(Api& api, Call& call) {
  const auto id = co_await known_principal(api, call);
  if (!id) co_return fail(call, id.error());
  const auto asked = asked_of(api, call, {"type"});
  if (!asked) co_return fail(call, asked.error());
  replay::TimelineQuery query{asked->cursor, asked->page.limit, words_of(query_value(call, "type"))};
  auto& partition = api.engine.owner(*id);
  auto work = [&]() -> Result<replay::Page> { return history_of(api, partition).timeline(*id, query); };
  const auto page = co_await on_worker(api, work);
  answer(api, call, asked->page, page);
}

awaitable<void> identities::risk(Api& api, Call& call) {
  const auto id = co_await known_principal(api, call);
  if (!id) co_return fail(call, id.error());
  const auto asked = asked_of(api, call, {});
  if (!asked) co_return fail(call, asked.error());
  auto& partition = api.engine.owner(*id);
  auto work = [&]() -> Result<replay::Page> {
    return history_of(api, partition).risk(*id, asked->cursor, asked->page.limit);
  };
  const auto page = co_await on_worker(api, work);
  answer(api, call, asked->page, page);
}

// Partition after partition: the cursor says where it goes on.
awaitable<void> audit::events(Api& api, Call& call) {
  const auto asked = asked_of(
      api, call, {"actor", "target", "service_token", "action", "outcome", "from", "to", "order"});
  if (!asked) co_return fail(call, asked.error());
  auto query = audit_query(call, *asked);
  if (!query) co_return fail(call, query.error());
  replay::Page all;
  uint32_t number = query->from ? query->from->partition : 0;
  const size_t limit = query->limit;
  for (; number < api.engine.partitions(); ++number) {
    auto& partition = api.engine.partition(number);
    query->limit = limit - all.items.size();
    auto work = [&]() -> Result<replay::Page> {
      return history_of(api, partition).administrative(*query);
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
  answer(api, call, asked->page, all);
}

}  // namespace watchword::api
