#include <boost/json/serialize.hpp>

#include "api/handlers/handlers.h"
#include "api/handlers/paging.h"
#include "api/http/json.h"
#include "api/http/problem.h"
#include "events/domain/alert.h"
#include "processors/publisher/render.h"
#include "processors/publisher/text.h"

namespace watchword::api::alerts {
namespace {

namespace json = boost::json;

std::optional<v1::AlertStatus> status_named(std::string_view name) {
  if (name == "open") return v1::OPEN;
  if (name == "acknowledged") return v1::ACKNOWLEDGED;
  if (name == "closed") return v1::CLOSED;
  return std::nullopt;
}

std::optional<v1::Verdict> verdict_named(std::string_view name) {
  for (int value = v1::TRUE_POSITIVE; value <= v1::ACCEPTED_RISK; ++value)
    if (publisher::name_of(static_cast<v1::Verdict>(value)) == name)
      return static_cast<v1::Verdict>(value);
  return std::nullopt;
}

domain::alert::Triage read_triage(http::Fields& fields) {
  domain::alert::Triage triage;
  if (fields.has("status"))
    triage.status = status_named(fields.choice("status", {"open", "acknowledged", "closed"}));
  if (const auto assignee = fields.optional_text("assignee", {0, 256, false})) triage.assignee = *assignee;
  if (fields.has("verdict"))
    triage.verdict = verdict_named(fields.choice(
        "verdict", {"true_positive", "false_positive", "benign", "duplicate", "accepted_risk"}));
  triage.note = fields.optional_text("note", {0, 8'192, true}).value_or("");
  return triage;
}

}  // namespace

awaitable<void> list(Api& api, Call& call) {
  const auto page = page_of(api, call, {"status", "severity", "identity_id"});
  if (!page) co_return fail(call, page.error());
  const std::string status(query_value(call, "status")), severity(query_value(call, "severity"));
  const auto principal = Id::parse(query_value(call, "identity_id"));
  if (!principal && !query_value(call, "identity_id").empty())
    co_return fail(call, {Errc::invalid, "alerts.identity_id", "identity_id is no id"});
  if (!status.empty() && !status_named(status))
    co_return fail(call, {Errc::invalid, "alerts.status", "status is open, acknowledged or closed"});
  std::string prefix = views::index_prefix(views::Index::alert_all);
  if (const auto wanted = status_named(status))
    prefix = views::index_prefix(views::Index::alert_by_status, *wanted);
  if (principal)
    prefix = views::index_prefix(views::Index::alert_by_principal, views::index_value(principal->view()));
  co_await answer_page(api, call, *page, prefix,
                       [&](runtime::PartitionTask& task, const Id& id) -> std::optional<json::object> {
                         const auto* row = task.rows().find<v1::AlertState>(id);
                         if (row == nullptr) return std::nullopt;
                         if (!status.empty() && publisher::name_of(row->status()) != status) return std::nullopt;
                         if (!severity.empty() && publisher::name_of(row->severity()) != severity)
                           return std::nullopt;
                         return publisher::render(*row);
                       });
}

awaitable<void> show(Api& api, Call& call) {
  const auto id = id_in_path(call);
  if (!id) co_return fail(call, id.error());
  auto found = co_await at(
      api, api.engine.owner(*id), [&](runtime::PartitionTask& task) -> Result<json::object> {
        if (auto serves = serving(task); !serves) return serves.error();
        const auto* row = task.rows().find<v1::AlertState>(*id);
        if (row == nullptr)
          return Error{Errc::not_found, "alert.unknown", "there is no alert with that id"};
        return publisher::render(*row);
      });
  if (!found) co_return fail(call, found.error());
  call.response.body = publisher::to_text(*found);
}

awaitable<void> triage(Api& api, Call& call) {
  const auto id = id_in_path(call);
  if (!id) co_return fail(call, id.error());
  auto body = http::JsonBody::parse(call.request.body());
  if (!body) co_return fail(call, body.error());
  auto fields = body->fields();
  auto command = read_triage(fields);
  if (!body->done(fields)) co_return http::answer_problem(body->problem(), call.request, call.response);
  runtime::Decide decide =
      [id = *id, envelope = envelope_of(call, {}), command = std::move(command)](
          fold::Ahead& rows, const runtime::Moment&) mutable -> Result<runtime::Decided> {
        const auto* row = rows.find<v1::AlertState>(id);
        auto decided = domain::alert::decide(row, command);
        if (!decided) return decided.error();
        envelope.set_subject(row->principal());
        runtime::Decided out;
        for (auto& fact : *decided) {
          fact.mutable_triaged()->set_alert_id(id.bytes.data(), 16);
          auto& event = out.events.emplace_back();
          *event.mutable_envelope() = envelope;
          *event.mutable_alert() = std::move(fact);
        }
        return out;
      };
  auto answer =
      co_await change(api, call, api.engine.owner(*id), runtime::Lane::command, std::move(decide));
  if (!answer.body) co_return fail(call, answer.body.error());
  co_await show(api, call);
}

}  // namespace watchword::api::alerts
