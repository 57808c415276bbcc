// The header gate and what a request says of itself. Input: the bytes of a connection.
#include "api/http/gate.h"

#include <memory>

#include "api/http/request.h"
#include "tests/fuzz/target.h"

namespace watchword::fuzz {
namespace {

using http::Head;
using http::Known;

const http::GateLimits kLimits{2048, 512, 20, 1'000'000};

bool is_inside(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

// What a careless reader would see: lines between CR LF, names in front of the first colon.
size_t lines_named(std::string_view block, std::string_view name) {
  size_t count = 0;
  for (Pieces lines(block); !lines.empty();) {
    const auto line = lines.until('\n');
    const size_t colon = line.find(':');
    if (colon != line.npos && http::equals_ignoring_case(line.substr(0, colon), name)) ++count;
  }
  return count;
}

void require_one_reading(const Head& head) {
  const bool length = lines_named(head.block, "content-length") > 0;
  const bool coding = lines_named(head.block, "transfer-encoding") > 0;
  require(!(length && coding), "one way to tell the length");
  require(coding == (head.body == Head::Body::chunked), "chunked when it says so");
  require(lines_named(head.block, "content-length") < 2, "one length");
  require(lines_named(head.block, "host") < 2, "one host");
  require(lines_named(head.block, "authorization") < 2, "one credential");
  require(!head.minor_one || lines_named(head.block, "host") == 1, "HTTP/1.1 names its host");
  require(head.block.find('\0') == head.block.npos, "no NUL");
}

void require_views(const Head& head) {
  require(is_inside(head.method, head.block) && is_inside(head.target, head.block), "views inside");
  require(head.target.starts_with(head.path), "the target begins with its path");
  size_t colons = 0;
  for (size_t i = 0; i < head.field_count; ++i) {
    const auto name = head.name(head.fields[i]), value = head.value(head.fields[i]);
    require(is_inside(name, head.block) && is_inside(value, head.block), "fields inside");
    require(!name.empty() && value.find_first_of("\r\n") == value.npos, "a field is of one line");
    require(head.find(name).has_value(), "a field is found by its name");
    ++colons;
  }
  require(colons == head.field_count, "every field was looked at");
}

// Written out anew with no space but what must be, it means the same.
std::string rewritten(const Head& head) {
  std::string block(head.method);
  block.append(" ").append(head.target).append(head.minor_one ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n");
  for (size_t i = 0; i < head.field_count; ++i)
    block.append(head.name(head.fields[i])).append(":").append(head.value(head.fields[i])) +=
        "\r\n";
  return block + "\r\n";
}

void require_same_again(const Head& head) {
  const auto again = std::make_unique<Head>();
  const std::string block = rewritten(head);
  require(http::inspect(block, kLimits, *again).accepted(), "accepted again");
  require(head.body == again->body && head.content_length == again->content_length &&
              head.keep_alive == again->keep_alive && head.verb == again->verb &&
              head.query == again->query && head.first == again->first &&
              head.expects_continue == again->expects_continue &&
              head.field_count == again->field_count,
          "read the same way again");
}

void require_prefixes_wait(std::string_view block) {
  const size_t step = block.size() / 64 + 1;
  for (size_t bytes = 0; bytes < block.size(); bytes += step)
    require(http::inspect_partial(block.substr(0, bytes), kLimits).accepted(),
            "the beginning of a good block is not refused");
}

void ask_request(http::Request& request) {
  request.fill("", Address{}, false);
  if (const auto token = request.bearer())
    require(!token->empty() && token->find(' ') == token->npos, "a token without space");
  const std::string id(request.id());
  require(!id.empty() && id.size() <= 64, "every request has an id");
  require(id.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-") ==
              id.npos,
          "an id that can stand in a log");
  require(request.media_type().find(';') == std::string_view::npos, "a media type alone");
  if (const auto query = request.query())
    require((*query)->fields().size() <= http::Form::kFieldsMax, "fields within the limit");
}

void run(std::string_view input) {
  const size_t bytes = http::block_length(input);
  if (bytes == 0) {
    (void)http::inspect_partial(input, kLimits);
    return;
  }
  require(bytes <= input.size(), "a block within the input");
  const auto block = input.substr(0, bytes);
  http::Request request;
  Head& head = request.fill_head();
  const auto verdict = http::inspect(block, kLimits, head);
  if (!verdict.accepted()) {
    require(verdict.status >= 400 && verdict.status < 600 && !verdict.reason.empty(),
            "a refusal has status and reason");
    return;
  }
  require_views(head);
  require_one_reading(head);
  require_same_again(head);
  require_prefixes_wait(block);
  ask_request(request);
}

const Registered kTarget{{"gate", run}};

}  // namespace
}  // namespace watchword::fuzz
