#include "api/cli/created.h"

#include <boost/json/serialize.hpp>
#include <optional>

#include "api/cli/exit_code.h"
#include "api/cli/secret_file.h"

namespace watchword::cli {
namespace {

namespace json = boost::json;

void print(const json::value& value, bool as_json, const Terminal& terminal) {
  if (as_json || !value.is_object())
    terminal.print_line(json::serialize(value));
  else
    terminal.print(fields_of(value.get_object()));
}

// Takes the secret out of `answer` into the file.
Result<> keep(SecretFile& file, const std::string& member, json::object& answer) {
  json::value* secret = answer.if_contains(member);
  if (secret == nullptr || !secret->is_string())
    return {};  // this kind has none: the file goes again
  if (auto kept = file.keep(secret->get_string()); !kept) return kept;
  answer.erase(member);
  answer["written_to"] = file.path();
  return {};
}

}  // namespace

int create_with_secret(const Creation& creation, const Terminal& terminal) {
  std::optional<SecretFile> file;
  if (!creation.output.empty()) {
    auto made = SecretFile::create(creation.output);
    if (!made) return terminal.fail(made.error());
    file.emplace(std::move(*made));
  }
  auto value =
      ask(creation.remote, {.method = "POST", .target = creation.target, .body = creation.body});
  if (!value) return terminal.fail(value.error());
  Result<> kept;
  if (file && value->is_object()) kept = keep(*file, creation.member, value->get_object());
  print(*value, creation.remote.json, terminal);
  return kept ? kOk : terminal.fail(kept.error());
}

}  // namespace watchword::cli
