// The route table, openapi.yaml and the permissions say the same: each is compared with the other, both ways.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "tests/tidy/source.h"

namespace watchword::tidy {
namespace {

using testing::ElementsAre;
using testing::Pair;

constexpr std::string_view kTable = "api/handlers/routes.cc";
constexpr std::string_view kOpenapi = "schemas/openapi.yaml";

// "POST /api/v1/tokens/jit" to the permission that it needs.
using Routes = std::map<std::string, std::string>;

// "POST"; the C++ name of DELETE is del or delete_, for delete is a keyword.
std::string upper(std::string_view verb) {
  std::string text(verb == "del" || verb == "delete_" ? "delete" : verb);
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

// Identifier after `before`, "post" of "Verb::post"; empty when there is none.
std::string_view word_after(std::string_view text, std::string_view before) {
  const auto at = text.find(before);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + before.size());
  const auto end = std::find_if(text.begin(), text.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)) && c != '_'; });
  return text.substr(0, static_cast<size_t>(end - text.begin()));
}

// The first text in double quotes.
std::string quoted(std::string_view text) {
  const auto open = text.find('"');
  if (open == std::string_view::npos) return {};
  return std::string(text.substr(open + 1, text.find('"', open + 1) - open - 1));
}

// Rows are `Route{Verb::x, "path", Permission::y, &handler, "Summary", flags}`, on as many lines as they need.
Routes routes_in_table(std::string_view code) {
  constexpr std::string_view kRow = "Route{Verb::";
  Routes found;
  for (auto at = code.find(kRow); at != std::string_view::npos; at = code.find(kRow, at + 1)) {
    const auto row = code.substr(at, code.find('&', at) - at);  // the handler ends what is read
    found[upper(word_after(row, "Verb::")) + " " + quoted(row)] = word_after(row, "Permission::");
  }
  return found;
}

// "key: value" at exactly `indent` spaces; nothing for other lines.
std::optional<std::pair<std::string_view, std::string_view>> entry_at(std::string_view line, size_t indent) {
  if (line.size() <= indent || line.find_first_not_of(' ') != indent) return std::nullopt;
  const auto colon = line.find(':', indent);
  if (colon == std::string_view::npos || line[indent] == '#' || line[indent] == '-') return std::nullopt;
  return std::pair(line.substr(indent, colon - indent), trim(line.substr(colon + 1)));
}

bool is_verb(std::string_view key) {
  static const std::set<std::string_view> verbs{"get", "put", "post", "delete", "options", "head", "patch", "trace"};
  return verbs.contains(key);
}

struct Operation {
  std::string path, verb, permission;
  bool any_suffix = false, on_admin_listener = false;
};

void note(Operation& operation, std::string_view key, std::string_view value) {
  if (key == "x-permission") operation.permission = value;
  if (key == "x-listener") operation.on_admin_listener = value == "admin";
  if (key == "x-verb") operation.verb = upper(value);
  if (key == "x-suffix") operation.any_suffix = true;
}

// Paths stand at two spaces, verbs at four, what is said of them at six, as in the file.
std::vector<Operation> operations_in(std::string_view yaml) {
  std::vector<Operation> operations;
  std::string path, section;
  for (auto line : lines_of(yaml)) {
    if (const auto top = entry_at(line, 0)) section = top->first;
    if (section != "paths") continue;
    if (const auto entry = entry_at(line, 2)) path = entry->first;
    const auto verb = entry_at(line, 4);
    if (verb && is_verb(verb->first)) operations.push_back({path, upper(verb->first), ""});
    const auto detail = entry_at(line, 6);
    if (detail && !operations.empty()) note(operations.back(), detail->first, detail->second);
  }
  return operations;
}

// Without those of the admin listener, which has no table.
Routes routes_in_openapi(std::string_view yaml) {
  Routes found;
  for (const auto& operation : operations_in(yaml))
    if (!operation.on_admin_listener)
      found[operation.verb + " " + operation.path + (operation.any_suffix ? "/*" : "")] = operation.permission;
  return found;
}

// Members of `enum class Permission` in the header.
std::set<std::string> permissions_in(std::string_view header) {
  std::set<std::string> found;
  const auto code = blank_out(header);
  const auto open = code.find('{', code.find("enum class Permission"));
  std::string_view body = std::string_view(code).substr(open + 1, code.find('}', open) - open - 1);
  while (!body.empty()) {
    const auto comma = std::min(body.find(','), body.size());
    if (const auto name = trim(body.substr(0, comma)); !name.empty()) found.insert(std::string(name));
    body.remove_prefix(std::min(comma + 1, body.size()));
  }
  return found;
}

std::set<std::string> permissions_in_openapi(std::string_view yaml) {
  const auto at = yaml.find("enum: [", yaml.find("\n    Permission:\n"));
  const auto list = yaml.substr(at + 7, yaml.find(']', at) - at - 7);
  return permissions_in("enum class Permission {" + std::string(list) + "}");
}

std::string text_of(std::string_view path) {
  const auto* file = find_file(path);
  return file ? file->text : "";
}

TEST(Routes, TheTableIsRead) {
  const auto found = routes_in_table(
      "inline constexpr std::array kRoutes{\n"
      "    Route{Verb::post, \"/a\",  Permission::token_issue, &tokens::issue, \"Issue\", kChanges | kOauth},\n"
      "    Route{Verb::del, \"/a/{id}\", Permission::admin,\n          &tokens::end, \"End \"\n \"it\"},\n};");
  EXPECT_THAT(found, ElementsAre(Pair("DELETE /a/{id}", "admin"), Pair("POST /a", "token_issue")));
}

TEST(Routes, OpenapiIsRead) {
  const auto found = routes_in_openapi(
      "openapi: 3.1.0\npaths:\n  /a:\n    parameters: []\n    post:\n      summary: Issue\n      x-permission: token_issue\n"
      "      responses:\n        '200':\n          summary: no\n  /b:\n    get:\n      x-permission: none\n      x-verb: any\n"
      "      x-suffix: any\n  /d:\n    get:\n      x-listener: admin\ncomponents:\n  /c:\n    get:\n");
  EXPECT_THAT(found, ElementsAre(Pair("ANY /b/*", "none"), Pair("POST /a", "token_issue")));
}

TEST(Routes, OpenapiAndTheTableSayTheSame) {
  const auto table = routes_in_table(text_of(kTable)), openapi = routes_in_openapi(text_of(kOpenapi));
  ASSERT_FALSE(table.empty()) << kTable << " has no rows like Route{Verb::get, \"/path\", Permission::none, &handler, \"Summary\"}";
  ASSERT_FALSE(openapi.empty()) << kOpenapi << " has no paths";
  for (const auto& [route, permission] : table) {
    if (!openapi.contains(route)) ADD_FAILURE() << route << " is in the table and not in openapi.yaml";
    else EXPECT_EQ(permission, openapi.at(route)) << route;
  }
  for (const auto& [route, permission] : openapi)
    EXPECT_TRUE(table.contains(route)) << route << " is in openapi.yaml and not in the table";
}

TEST(Routes, TheAdminListenerServesWhatOpenapiSaysOfIt) {
  size_t count = 0;
  for (const auto& operation : operations_in(text_of(kOpenapi))) {
    if (!operation.on_admin_listener) continue;
    ++count;
    EXPECT_EQ(operation.permission, "none") << operation.path;
    const auto serves = [&](const File& file) {
      return file.folder() == "api/handlers" && file.text.find('"' + operation.path + '"') != std::string::npos;
    };
    EXPECT_TRUE(std::any_of(tree().begin(), tree().end(), serves)) << operation.path << " is served by no handler";
  }
  EXPECT_EQ(count, 3u);
}

TEST(Routes, EveryPermissionThatIsNamedExists) {
  const auto known = permissions_in(text_of("api/http/route.h"));
  ASSERT_GT(known.size(), 2u) << "api/http/route.h has no enum class Permission";
  for (const auto& [route, permission] : routes_in_openapi(text_of(kOpenapi)))
    EXPECT_TRUE(known.contains(permission)) << route << " names '" << permission << "'";
}

TEST(Routes, OpenapiListsThePermissionsThatTokensMayHave) {
  auto known = permissions_in(text_of("api/http/route.h"));
  known.erase("none");
  known.erase("any_token");
  EXPECT_EQ(permissions_in_openapi(text_of(kOpenapi)), known);
}

TEST(Routes, PathsDoNotDifferInTheirParametersNamesAlone) {
  std::map<std::string, std::string> shapes;
  for (const auto& [route, permission] : routes_in_openapi(text_of(kOpenapi))) {
    std::string shape = route;
    for (auto open = shape.find('{'); open != std::string::npos; open = shape.find('{', open + 1))
      shape.erase(open + 1, shape.find('}', open) - open - 1);
    EXPECT_TRUE(shapes.emplace(shape, route).second) << route << " and " << shapes[shape];
  }
}

}  // namespace
}  // namespace watchword::tidy
