// Pages of lists that go over all partitions: partition after partition, in the order of an index. A cursor belongs to one
// address, filter and installation; any other is refused.
#pragma once
#include <boost/json/array.hpp>
#include <functional>
#include <string>
#include <vector>

#include "api/handlers/partition.h"
#include "stores/views/ordered_index.h"

namespace watchword::api {

inline constexpr int64_t kPageDefault = 50, kPageMax = 1'000;

struct Page {
  size_t limit = kPageDefault;
  uint32_t partition = 0;  // where it goes on
  std::string after;       // index key of the last item given
  std::string filter;      // echoed; what the cursor is bound to
};

// Reads `limit` and `cursor` of the query; `allowed`: the route's own filter names, echoed in `filter`.
// invalid "api.page.limit", "api.page.cursor", and unknown query members.
Result<Page> page_of(Api& api, Call& call, std::initializer_list<std::string_view> allowed);
// The same with a filter of the route's own making, and the query's other members checked by it.
Result<Page> page_for(Api& api, Call& call, std::string filter);
std::string cursor_of(Api& api, const Call& call, const Page& page);

// One row of a list: nullopt when the filters leave it out. Runs on the partition's loop.
using Row = std::function<std::optional<boost::json::object>(runtime::PartitionTask&, const Id&)>;

// Walks the index keys with `prefix` (newest last) over all partitions and answers {"items":…,"next_cursor":…,"filter":…}.
awaitable<void> answer_page(Api& api, Call& call, Page page, std::string prefix, Row row);

// A query member as text; empty when absent.
std::string_view query_value(Call& call, std::string_view name);
// The {id} of the path, as an id of ours. not_found "api.id_malformed".
Result<Id> id_in_path(const Call& call);

}  // namespace watchword::api
