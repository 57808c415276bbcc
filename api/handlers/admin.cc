// The admin listener: /livez (the process runs), /readyz (it serves reads and writes, and why not), /metrics.
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "api/handlers/handlers.h"
#include "api/handlers/partition.h"
#include "api/http/problem.h"
#include "processors/publisher/text.h"

namespace watchword::api {
namespace {

namespace json = boost::json;

awaitable<void> livez(Api&, Call& call) {
  call.response.body = R"({"status":"alive"})";
  co_return;
}

awaitable<void> readyz(Api& api, Call& call) {
  co_await system::status(api, call);
  auto told = json::parse(call.response.body).as_object();
  bool ready = told["status"] == "ok";
  for (const auto& partition : told["partitions"].as_array()) {
    const auto& one = partition.as_object();
    ready = ready && one.at("clock_doubt").is_null() && one.at("disk") == "normal";
  }
  told["ready"] = ready;
  call.response.status = ready ? 200 : 503;
  if (!ready) (void)call.response.set("Retry-After", "1");
  call.response.body = publisher::to_text(told);
}

constexpr http::Route kAdminRoutes[] = {
    {http::Verb::get, "/livez", http::Permission::none, &livez, "Whether the process runs"},
    {http::Verb::get, "/readyz", http::Permission::none, &readyz, "Whether it serves, and why not"},
    {http::Verb::get, "/metrics", http::Permission::none, &system::metrics, "Prometheus metrics"},
};

}  // namespace

http::Handler make_admin_handler(Api& api) {
  auto router = std::make_shared<http::Router>(kAdminRoutes);
  return [&api, router](http::Request& request, http::Response& response) -> awaitable<void> {
    http::Match match;
    router->find(request.verb(), request.path(), match);
    Call call{request, response, match, {}, {}};
    if (match.status == 200) co_return co_await match.route->handler(api, call);
    http::Problem problem;
    problem.status = match.status;
    problem.code = "http.route";
    problem.detail = "the admin listener serves /livez, /readyz and /metrics";
    http::answer_problem(problem, request, response);
  };
}

}  // namespace watchword::api
