// A value or the reason why there is none. Library exceptions are caught where they enter; our own code returns this.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace watchword {

// What a caller may branch on. The HTTP status of each stands in api/http/problem.cc.
enum class Errc : uint8_t {
  invalid,          // the request's shape or a value in it
  unauthenticated,  // no valid credential
  denied,           // known, and a policy says no
  not_found,
  conflict,         // a lost race or the wrong state
  unprocessable,    // well formed, over a limit
  too_large,
  too_many,         // over a rate; retry later
  unavailable,      // any doubt: stale, sealed, full, shutting down; retry later
  corrupt,          // stored bytes are not what was written
  io,               // the disk or the broker said no
  internal,         // a bug of ours
};

struct Error {
  Errc code = Errc::internal;
  std::string_view reason;  // unique, dotted, static storage: "token.jit.scope_not_allowed"
  std::string detail;       // for the operator; never a secret

  bool operator==(const Error& other) const { return code == other.code && reason == other.reason; }
};

struct Nothing {
  bool operator==(const Nothing&) const = default;
};

template <class T = Nothing>
class [[nodiscard]] Result {
 public:
  Result() requires std::is_default_constructible_v<T> : held_() {}
  Result(T value) : held_(std::move(value)) {}      // NOLINT: a value is a result
  Result(Error error) : held_(std::move(error)) {}  // NOLINT: so is an error

  bool ok() const { return held_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & { return std::get<0>(held_); }
  const T& value() const& { return std::get<0>(held_); }
  T&& value() && { return std::get<0>(std::move(held_)); }
  const Error& error() const { return std::get<1>(held_); }
  T& operator*() { return value(); }
  const T& operator*() const { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::variant<T, Error> held_;
};

// Stops the process when `holds` is false: for bugs, on in release, never on input.
[[noreturn]] void check_failed(const char* what, const char* file, int line);
#define WATCHWORD_CHECK(holds) \
  ((holds) ? void() : ::watchword::check_failed(#holds, __FILE__, __LINE__))

}  // namespace watchword
