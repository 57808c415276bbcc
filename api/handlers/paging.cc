#include "api/handlers/paging.h"

#include <boost/json/serialize.hpp>
#include <charconv>

#include "api/handlers/cursor.h"
#include "api/http/form.h"
#include "processors/publisher/text.h"

namespace watchword::api {
namespace {

constexpr size_t kLooksPerPage = 20'000;  // a filter that matches little ends the page early, with a cursor

// The address and the filter; what is paged by one may not be gone on with by another.
std::string bound_of(const Call& call, const Page& page) {
  std::string bound(call.request.method());
  return bound.append(call.request.path()).append(1, '\0').append(page.filter);
}

bool take_cursor(Api& api, const Call& call, std::string_view text, Page& page) {
  auto cursor =
      read_cursor(text, api.engine.key_file().body_hmac_key().view(), bound_of(call, page));
  if (!cursor || cursor->partition >= api.engine.partitions()) return false;
  page.partition = cursor->partition;
  page.after = std::move(cursor->after);
  return true;
}

struct Portion {
  boost::json::array items;
  std::string after;
  size_t looked = 0;
  bool ended = false;
  Result<> result;
};

Portion portion_of(runtime::PartitionTask& task, const std::string& prefix, std::string after,
                   size_t limit, size_t looks, const Row& row) {
  Portion out;
  out.after = std::move(after);
  if (out.result = serving(task); !out.result) return out;
  while (out.items.size() < limit && out.looked < looks && !out.ended) {
    const size_t step = std::min<size_t>(limit + 1, 256);
    const auto keys = task.rows().index().page(prefix, out.after, step);
    if (!keys) {
      out.result = keys.error();
      return out;
    }
    for (const auto& key : *keys) {
      if (out.items.size() == limit) return out;
      ++out.looked;
      out.after = key;
      if (auto item = row(task, views::id_of_index_key(key))) out.items.push_back(std::move(*item));
    }
    out.ended = keys->size() < step;
  }
  return out;
}

}  // namespace

Result<Page> page_for(Api& api, Call& call, std::string filter) {
  Page page;
  page.filter = std::move(filter);
  const auto query = call.request.query();
  if (!query) return query.error();
  if (const auto limit = (*query)->find("limit")) {
    int64_t number = 0;
    const auto read = std::from_chars(limit->data(), limit->data() + limit->size(), number);
    if (read.ec != std::errc{} || read.ptr != limit->data() + limit->size() || number < 1 ||
        number > kPageMax)
      return Error{Errc::invalid, "api.page.limit", "limit is a number from 1 to 1000"};
    page.limit = static_cast<size_t>(number);
  }
  if (const auto cursor = (*query)->find("cursor"))
    if (!take_cursor(api, call, *cursor, page))
      return Error{Errc::invalid, "api.page.cursor", "this cursor is not of this list and filter"};
  return page;
}

Result<Page> page_of(Api& api, Call& call, std::initializer_list<std::string_view> allowed) {
  const auto query = call.request.query();
  if (!query) return query.error();
  std::vector<std::string_view> names(allowed);
  std::string filter;
  for (const auto name : names)
    if (const auto value = (*query)->find(name))
      filter.append(filter.empty() ? "" : "&").append(name).append("=").append(*value);
  names.insert(names.end(), {"limit", "cursor"});
  if (auto known = (*query)->only(names); !known) return known.error();
  return page_for(api, call, std::move(filter));
}

std::string cursor_of(Api& api, const Call& call, const Page& page) {
  return write_cursor({page.partition, page.after}, api.engine.key_file().body_hmac_key().view(),
                      bound_of(call, page));
}

awaitable<void> answer_page(Api& api, Call& call, Page page, std::string prefix, Row row) {
  boost::json::array items;
  size_t looks = kLooksPerPage;
  bool ended = false;
  while (items.size() < page.limit && looks > 0 && !ended) {
    auto& partition = api.engine.partition(page.partition);
    auto portion = co_await at(api, partition, [&](runtime::PartitionTask& task) {
      return portion_of(task, prefix, page.after, page.limit - items.size(), looks, row);
    });
    if (!portion.result) co_return fail(call, portion.result.error());
    looks -= std::min(looks, portion.looked);
    for (auto& item : portion.items) items.push_back(std::move(item));
    page.after = std::move(portion.after);
    if (!portion.ended) continue;
    ended = ++page.partition == api.engine.partitions();
    page.after.clear();
  }
  boost::json::object out;
  out["items"] = std::move(items);
  out["next_cursor"] = ended ? boost::json::value(nullptr) : boost::json::value(cursor_of(api, call, page));
  out["filter"] = page.filter;
  call.response.body = publisher::to_text(out);
}

std::string_view query_value(Call& call, std::string_view name) {
  const auto query = call.request.query();
  return query ? (*query)->get(name) : std::string_view{};
}

Result<Id> id_in_path(const Call& call) {
  const auto id = Id::parse(call.match.parameter("id"));
  if (!id || id->is_nil())
    return Error{Errc::not_found, "api.id_malformed", "there is nothing with that id"};
  return *id;
}

}  // namespace watchword::api
