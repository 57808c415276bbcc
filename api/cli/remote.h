// What the verbs share that talk to a server.
#pragma once
#include <CLI/App.hpp>
#include <boost/json/value.hpp>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "api/cli/client.h"
#include "api/cli/table.h"
#include "api/cli/terminal.h"

namespace watchword::cli {

struct Remote {
  Connection connection;
  std::string token_file;
  std::string idempotency_key;
  bool json = false;
};
// --url, --token-file, --ca-file, --timeout, --json.
void add_remote_options(CLI::App& app, Remote& remote);
// The same and --idempotency-key.
void add_changing_options(CLI::App& app, Remote& remote);

// Path and query, encoded. An empty value is left out.
class Target {
 public:
  explicit Target(std::string path) : text_(std::move(path)) {}
  Target& part(std::string_view segment);  // "/" and the segment
  Target& with(std::string_view name, std::string_view value);
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  bool has_query_ = false;
};

// Errors: those of connection_from and Client::make.
Result<Client> connect(const Remote& remote);
Result<Response> send(Client& client, const Remote& remote, Request request);
// One request; its answer as JSON, null when it has no body. Errors: those of the client, error_of
// a refusal, unavailable "cli.answer".
Result<boost::json::value> ask(const Remote& remote, Request request);

using Show = std::function<void(const boost::json::value&, const Terminal&)>;
// Asks and prints: JSON as it came with --json, else by `show` (the default: a line a member).
// Gives the exit code.
int ask_and_show(const Remote& remote, const Terminal& terminal, Request request,
                 const Show& show = {});

struct Paging {
  int64_t limit = 50;
  std::string cursor;
  bool all = false;
};
void add_paging_options(CLI::App& app, Paging& paging);
// A list as a table; --all goes on to its end, and with --json joins the pages.
int list(const Remote& remote, const Terminal& terminal, const Target& target, const Paging& paging,
         std::span<const Column> columns);

// A whole file, or standard input for "-". Errors: io "cli.file.unreadable"; invalid
// "cli.file.too_large".
Result<std::string> read_input(const std::string& path, size_t max_bytes = size_t{64} << 20);

}  // namespace watchword::cli
