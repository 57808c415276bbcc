// One request that passed the gate. Its views point into the connection's buffer and live until the
// answer has been handed over (for a streaming answer: until the producer is done). Belongs to its
// connection's core thread.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "api/http/form.h"
#include "api/http/gate.h"
#include "events/base/address.h"
#include "events/base/result.h"

namespace watchword::http {

class Request {
 public:
  Verb verb() const { return head_.verb; }
  std::string_view method() const { return head_.method; }
  std::string_view target() const { return head_.target; }  // as sent
  std::string_view path() const {
    return head_.path;
  }  // as sent, without the query; decoded by the router per segment
  std::string_view query_text() const { return head_.query; }
  // The query decoded at the first call; errors of Form::read.
  Result<const Form*> query();

  std::optional<std::string_view> header(Known known) const { return head_.find(known); }
  std::optional<std::string_view> header(std::string_view name) const { return head_.find(name); }
  const Head& head() const { return head_; }

  std::string_view body() const { return body_; }
  // The media type without parameters, as sent; empty when there is none.
  std::string_view media_type() const;
  bool has_media_type(std::string_view type) const {
    return equals_ignoring_case(media_type(), type);
  }

  const Address& remote() const { return remote_; }  // the socket's peer, never a header
  bool secure() const { return secure_; }            // came over TLS

  // The token of `Authorization: Bearer` (RFC 6750 2.1, scheme in any case); nullopt when absent,
  // of another scheme or not a b64token.
  std::optional<std::string_view> bearer() const;

  // CF-Ray if it is 1..64 of [A-Za-z0-9-], else the trace-id of a W3C traceparent, else 32 random
  // hex digits; settled at the first call.
  std::string_view id();

  // The path of the route that it matched, "/api/v1/tokens/{id}"; empty before, and when there is none.
  std::string_view route_path() const { return route_path_; }
  void matched(std::string_view route_path) { route_path_ = route_path; }

  // For the server, and for tests of handlers.
  Head& fill_head() { return head_; }
  void fill(std::string_view body, const Address& remote, bool secure);

 private:
  Head head_;
  std::string_view body_, route_path_;
  Address remote_;
  bool secure_ = false;
  bool query_read_ = false;
  Result<> query_result_;
  Form query_;
  std::string id_;
};

std::string minted_request_id();  // 32 random hex digits

}  // namespace watchword::http
