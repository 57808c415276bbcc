// GET …/{id}/metrics: activity, and what is usual, in words and numbers.
#include <boost/json/serialize.hpp>

#include "api/handlers/handlers.h"
#include "api/handlers/paging.h"
#include "events/base/time.h"
#include "processors/publisher/render.h"
#include "processors/publisher/text.h"

namespace watchword::api::identities {
namespace {

namespace json = boost::json;
using publisher::time_or_null;

json::object render_usual(const detectors::Usual& usual) {
  json::array networks, hours;
  for (const auto& network : usual.networks)
    networks.push_back(json::object{{"network", network.value},
                                    {"share_percent", network.share_percent},
                                    {"last_used", time_or_null(network.last_used_ms)}});
  for (const auto hour : usual.hours_of_week) hours.emplace_back(hour);
  return {{"networks", std::move(networks)},
          {"user_agent", usual.top_agent},
          {"endpoint", usual.top_endpoint},
          {"distinct", json::object{{"user_agents", usual.agents},
                                    {"clients", usual.clients},
                                    {"devices", usual.devices},
                                    {"endpoints", usual.endpoints}}},
          {"rate", json::object{{"per_minute", usual.per_minute},
                                {"per_hour", usual.per_hour},
                                {"per_day", usual.per_day}}},
          {"hours_of_week_utc", std::move(hours)}};
}

struct Read {
  detectors::Baseline baseline{};
  bool learned = false;
  uint64_t settled = 0;
};

}  // namespace

// A baseline is changed in place, ahead of what is durable: it is shown once all that it holds is.
awaitable<void> metrics(Api& api, Call& call) {
  const auto id = id_in_path(call);
  if (!id) co_return fail(call, id.error());
  auto& owner = api.engine.owner(*id);
  auto read = co_await at(api, owner, [&](runtime::PartitionTask& task) -> Result<Read> {
    if (auto serves = serving(task); !serves) return serves.error();
    if (task.rows().find<v1::IdentityState>(*id) == nullptr)
      return Error{Errc::not_found, "identity.unknown", "there is no identity with that id"};
    Read out;
    if (const auto* row = task.rows().find<detectors::Baseline>(*id)) {
      out.baseline = *row;
      out.learned = detectors::learned(*row, api.settings.tuning);
    }
    out.settled = task.last_appended();
    return out;
  });
  if (!read) co_return fail(call, read.error());
  if (auto durable = co_await reach(api, {owner.number, read->settled}); !durable)
    co_return fail(call, durable.error());
  const auto usual = detectors::describe(read->baseline);
  json::object out{{"identity_id", id->text()},
                   {"baseline_established", read->learned},
                   {"successes", usual.successes},
                   {"failures", usual.failures},
                   {"first_seen", time_or_null(usual.first_seen_ms)},
                   {"last_seen", time_or_null(usual.last_seen_ms)},
                   {"last_success", time_or_null(usual.last_success_ms)},
                   {"active_days", usual.active_days},
                   {"active_hours", usual.active_hours},
                   {"baseline", render_usual(usual)}};
  call.response.body = publisher::to_text(out);
}

}  // namespace watchword::api::identities
