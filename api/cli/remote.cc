#include "api/cli/remote.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <cstring>
#include <memory>

#include "api/cli/exit_code.h"
#include "events/base/json.h"

namespace watchword::cli {
namespace {

namespace json = boost::json;

constexpr JsonLimits kAnswerLimits{32, size_t{256} << 20, true};

std::string encoded(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
      continue;
    }
    out += '%';
    out += kHex[static_cast<unsigned char>(c) >> 4];
    out += kHex[static_cast<unsigned char>(c) & 0xf];
  }
  return out;
}

Result<json::value> body_of(const Response& response) {
  if (!response.ok()) return error_of(response);
  if (response.body.empty()) return json::value(nullptr);
  auto value = parse_json_strict(response.body, kAnswerLimits);
  if (value) return value;
  return Error{Errc::unavailable, "cli.answer",
               "the server's answer is not JSON: " + value.error().detail};
}

std::string text_at(const json::value& value, std::string_view path) {
  const json::value* found = find_path(value, path);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : "";
}

Result<json::value> page(Client& client, const Remote& remote, Target target, const Paging& paging,
                         const std::string& cursor) {
  target.with("limit", std::to_string(paging.limit)).with("cursor", cursor);
  auto response = send(client, remote, {.target = target.text()});
  if (!response) return response.error();
  auto value = body_of(*response);
  if (!value) return value;
  const json::value* items = find_path(*value, "items");
  if (items == nullptr || !items->is_array())
    return Error{Errc::unavailable, "cli.answer", "the server's answer is no list"};
  return value;
}

void show_fields(const json::value& value, const Terminal& terminal) {
  if (value.is_object())
    terminal.print(fields_of(value.get_object()));
  else if (!value.is_null())
    terminal.print_line(printable(cell_of(value)));
}

}  // namespace

void add_remote_options(CLI::App& app, Remote& remote) {
  remote.connection.url.clear();
  app.add_option("--url", remote.connection.url, "The server; else WATCHWORD_URL")
      ->type_name("URL");
  app.add_option("--token-file", remote.token_file,
                 "File with the token; else WATCHWORD_TOKEN_FILE or WATCHWORD_TOKEN")
      ->type_name("FILE");
  app.add_option("--ca-file", remote.connection.ca_file, "Certificates to trust (PEM)")
      ->type_name("FILE");
  app.add_option("--timeout", remote.connection.timeout_s, "Seconds for each step")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  app.add_flag("--json", remote.json, "Print JSON");
}

void add_changing_options(CLI::App& app, Remote& remote) {
  add_remote_options(app, remote);
  app.add_option("--idempotency-key", remote.idempotency_key,
                 "The same key again within 24 h gets the first answer")
      ->type_name("KEY");
}

Target& Target::part(std::string_view segment) {
  text_ += "/" + encoded(segment);
  return *this;
}

Target& Target::with(std::string_view name, std::string_view value) {
  if (value.empty()) return *this;
  text_ += (has_query_ ? "&" : "?") + std::string(name) + "=" + encoded(value);
  has_query_ = true;
  return *this;
}

Result<Client> connect(const Remote& remote) {
  auto connection = connection_from(remote.connection, remote.token_file);
  if (!connection) return connection.error();
  return Client::make(*connection);
}

Result<Response> send(Client& client, const Remote& remote, Request request) {
  if (!remote.idempotency_key.empty()) {
    request.headers.emplace_back("Idempotency-Key", remote.idempotency_key);
    request.repeatable = true;
  }
  return client.send(request);
}

Result<json::value> ask(const Remote& remote, Request request) {
  auto client = connect(remote);
  if (!client) return client.error();
  auto response = send(*client, remote, std::move(request));
  if (!response) return response.error();
  return body_of(*response);
}

int ask_and_show(const Remote& remote, const Terminal& terminal, Request request,
                 const Show& show) {
  const auto value = ask(remote, std::move(request));
  if (!value) return terminal.fail(value.error());
  if (remote.json)
    terminal.print_line(json::serialize(*value));
  else
    (show ? show : Show(show_fields))(*value, terminal);
  return kOk;
}

void add_paging_options(CLI::App& app, Paging& paging) {
  app.add_option("--limit", paging.limit, "Items on a page")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--cursor", paging.cursor, "Go on from where a page ended")->type_name("CURSOR");
  app.add_flag("--all", paging.all, "All pages");
}

int list(const Remote& remote, const Terminal& terminal, const Target& target, const Paging& paging,
         std::span<const Column> columns) {
  auto client = connect(remote);
  if (!client) return terminal.fail(client.error());
  json::array items;
  json::value got;
  std::string cursor = paging.cursor;
  do {
    auto value = page(*client, remote, target, paging, cursor);
    if (!value) return terminal.fail(value.error());
    got = std::move(*value);
    auto& of_page = got.get_object()["items"].get_array();
    items.insert(items.end(), of_page.begin(), of_page.end());
    cursor = text_at(got, "next_cursor");
  } while (paging.all && !cursor.empty());
  if (remote.json) {
    got.get_object()["items"] = std::move(items);
    terminal.print_line(json::serialize(got));
    return kOk;
  }
  terminal.print(table_of(items, columns));
  if (!cursor.empty()) terminal.say("there is more: --all, or --cursor " + printable(cursor));
  return kOk;
}

Result<std::string> read_input(const std::string& path, size_t max_bytes) {
  const auto close = [](std::FILE* file) {
    if (file != stdin) std::fclose(file);
  };
  std::unique_ptr<std::FILE, decltype(close)> file(
      path == "-" ? stdin : std::fopen(path.c_str(), "rb"), close);
  if (!file) return Error{Errc::io, "cli.file.unreadable", path + ": " + std::strerror(errno)};
  std::string text;
  char block[1 << 16];
  while (const size_t size = std::fread(block, 1, sizeof block, file.get())) {
    text.append(block, size);
    if (text.size() > max_bytes)
      return Error{Errc::invalid, "cli.file.too_large", path + " is too large"};
  }
  if (std::ferror(file.get()) != 0)
    return Error{Errc::io, "cli.file.unreadable", path + ": " + std::strerror(errno)};
  return text;
}

}  // namespace watchword::cli
