// Every route of a node. Input: requests, a line of '=' signs between them. Each is a byte for the
// route, a byte for the credential and the media type, the text for the path's parameters up to a
// line feed, the query up to a line feed, and the body. In all of them @i, @t, @s and @a stand for
// ids that exist: an identity's, its token's, a service token's, an alert's; @j for a token's text.
#include <boost/json/object.hpp>
#include <map>

#include "events/base/json.h"
#include "tests/fuzz/node.h"

namespace watchword::fuzz {
namespace {

constexpr std::string_view kDivider = "\n====\n";
constexpr size_t kRequestsOfANode = 20'000;  // then a new one: rows and journal grow

struct World {
  Node node;
  std::map<char, std::string> names;
  size_t asked = 0;
};

std::string block_of(std::string_view verb, const std::string& target, const std::string& headers,
                     size_t body_bytes) {
  return std::string(verb) + " " + target +
         " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body_bytes) + "\r\n" +
         headers + "\r\n";
}

std::string bearer(const std::string& token) { return "Authorization: Bearer " + token + "\r\n"; }

std::string member(const Answer& answer, const char* name) {
  const auto body = parse_json_strict(answer.body);
  require(body && body->is_object() && body->as_object().contains(name), "a member of the answer");
  return std::string(body->as_object().at(name).as_string());
}

std::string made(World& world, const char* path, const std::string& body, const char* name) {
  const auto answer =
      world.node.ask(block_of("POST", path, bearer(world.node.admin_token()), body.size()), body);
  if (answer.status != 201) throw Broken("the world cannot be made: " + answer.body);
  return member(answer, name);
}

std::unique_ptr<World> make_world() {
  auto world = std::make_unique<World>();
  auto& names = world->names;
  names['i'] = made(*world, "/api/v1/identities",
                    R"({"identity_type":{"type":"ServiceAccount","service_name":"orders",
                    "environment":"test","owner_team":"shop"},"allowed_scopes":["orders:read"]})",
                    "identity_id");
  const std::string issue = R"({"identity_id":")" + names['i'] +
                            R"(","requested_scopes":["orders:read"],"justification":"why"})";
  names['t'] = made(*world, "/api/v1/tokens/jit", issue, "token_id");
  names['j'] = made(*world, "/api/v1/tokens/jit", issue, "access_token");
  names['s'] = made(*world, "/api/v1/auth/tokens",
                    R"({"token_name":"reader","permissions":["api_read"]})", "id");
  names['a'] = "0197730d-4a00-8abc-8000-0123456789ab";
  return world;
}

// It ends before what RocksDB keeps for the whole process, which was made while it was.
World& world() {
  static auto& current = *new std::unique_ptr<World>(make_world());
  static const struct AtEnd {
    ~AtEnd() { current.reset(); }
  } at_end;
  if (++current->asked > kRequestsOfANode) {
    current.reset();
    current = make_world();
  }
  return *current;
}

std::string filled(std::string_view text, const std::map<char, std::string>& names) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto found =
        text[i] == '@' && i + 1 < text.size() ? names.find(text[i + 1]) : names.end();
    if (found == names.end())
      out += text[i];
    else
      out += found->second, ++i;
  }
  return out;
}

// The route's path with `parameter` for its {name} or its suffix.
std::string path_of(const http::Route& route, const std::string& parameter) {
  std::string path(route.path);
  const size_t open = path.find('{');
  if (open != path.npos) path.replace(open, path.find('}') - open + 1, parameter);
  if (path.ends_with("*")) path.replace(path.size() - 2, 2, "/" + parameter);
  return path;
}

std::string headers_of(uint8_t how, const World& world) {
  constexpr const char* kTypes[] = {"application/json",
                                    "application/x-www-form-urlencoded",
                                    "application/x-ndjson",
                                    "application/cloudevents+json",
                                    "application/x-protobuf",
                                    "application/merge-patch+json",
                                    "text/plain",
                                    ""};
  std::string headers = std::string("Content-Type: ") + kTypes[how % 8] + "\r\n";
  if (how / 8 % 4 == 1) headers += bearer(world.names.at('j'));
  if (how / 8 % 4 >= 2) headers += bearer(world.node.admin_token());
  if (how / 32 % 4 == 3) headers += "Idempotency-Key: k" + std::to_string(how / 128) + "\r\n";
  return headers;
}

void require_answer(const Answer& answer, const http::Route& route, bool credential) {
  require(answer.status >= 200 && answer.status < 600, "an answer has a status");
  require(answer.status != 500, "no request makes us fail");
  require(answer.headers.find("\n\n") == std::string::npos, "headers stay headers");
  const bool guarded = route.permission != http::Permission::none;
  require(!guarded || credential || answer.status == 401, "without a credential nobody passes");
  if (answer.streams || answer.body.empty() || answer.type.find("json") == std::string::npos ||
      answer.type.find("ndjson") != std::string::npos)
    return;
  const auto body = parse_json_strict(answer.body, {.max_depth = 64, .max_bytes = 64 << 20});
  require(body.ok(), "an answer in JSON is JSON");
  if (answer.type != "application/problem+json") return;
  require(body->as_object().at("status").as_int64() == answer.status, "a problem tells its status");
  require(!body->as_object().at("code").as_string().empty(), "and its code");
}

void ask_one(Pieces pieces) {
  auto& at = world();
  const auto routes = api::routes();
  const auto& route = routes[pieces.byte() % routes.size()];
  const uint8_t how = pieces.byte();
  const std::string parameter = filled(pieces.until('\n'), at.names),
                    query = filled(pieces.until('\n'), at.names),
                    body = filled(pieces.rest(), at.names);
  const auto verb = route.verb == http::Verb::any ? "GET" : http::verb_text(route.verb);
  const std::string target = path_of(route, parameter) + (query.empty() ? "" : "?" + query);
  const std::string block = block_of(verb, target, headers_of(how, at), body.size());
  http::Head head;
  if (!http::inspect(block, {}, head).accepted()) return;
  const auto answer = at.node.ask(block, body);
  if (answer.status == 404 || answer.status == 405) return;  // the parameter made it another path
  require_answer(answer, route, how / 8 % 4 != 0);
}

void run(std::string_view input) {
  for (size_t at = 0; at <= input.size();) {
    const size_t end = std::min(input.find(kDivider, at), input.size());
    ask_one(Pieces(input.substr(at, end - at)));
    at = end + kDivider.size();
  }
}

const Registered kTarget{{"routes", run}};

}  // namespace
}  // namespace watchword::fuzz
