// Strict, typed reading of a JSON request body. Every member is asked for by name; what was not
// asked for is refused; all problems of a body are collected, so that a caller mends them in one
// go.
#pragma once
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/problem.h"
#include "events/base/result.h"

namespace watchword::http {

struct TextLimits {
  size_t min_bytes = 1;
  size_t max_bytes = 1024;
  bool multiline = false;  // else control characters are refused
};

struct ListLimits {
  size_t max_items = 100;
  TextLimits item;
};

// Views and references point into the value that the Fields were made from. A null member counts as
// absent (API.md). A member that is missing or wrong adds to errors() and gives the empty value;
// check done() before using any.
class Fields {
 public:
  // `pointer` is where the object stands in the body: "" for the body itself.
  Fields(const boost::json::value& value, std::string pointer, std::vector<FieldError>& errors);

  std::string_view text(std::string_view name, TextLimits limits = {});
  std::optional<std::string_view> optional_text(std::string_view name, TextLimits limits = {});
  int64_t integer(std::string_view name, int64_t min, int64_t max);
  std::optional<int64_t> optional_integer(std::string_view name, int64_t min, int64_t max);
  std::optional<double> optional_decimal(std::string_view name, double min,
                                         double max);  // integers too
  bool boolean(std::string_view name);
  std::optional<bool> optional_boolean(std::string_view name);
  std::vector<std::string> texts(std::string_view name, ListLimits limits = {});
  std::optional<std::vector<std::string>> optional_texts(std::string_view name,
                                                         ListLimits limits = {});
  // One of `allowed`; the answer is the caller's own view of it.
  std::string_view choice(std::string_view name, std::initializer_list<std::string_view> allowed);

  std::optional<Fields> object(std::string_view name);  // missing: an error
  std::optional<Fields> optional_object(std::string_view name);
  const boost::json::array* optional_array(
      std::string_view name);  // its elements are the caller's to check
  // The member as it is and marked as read; nullptr when absent or null.
  const boost::json::value* member(std::string_view name);

  void fail(std::string_view name,
            std::string detail);  // a rule of the caller's own about this member
  std::string pointer_to(std::string_view name) const;
  // Adds an error for each member that nobody asked for. Call it last, once for each Fields.
  void refuse_unknown();
  bool has(std::string_view name) const;

 private:
  const boost::json::value* required(std::string_view name);
  std::optional<std::string_view> checked_text(std::string_view name,
                                               const boost::json::value* value, TextLimits limits);
  std::optional<int64_t> checked_integer(std::string_view name, const boost::json::value* value,
                                         int64_t min, int64_t max);
  std::optional<bool> checked_boolean(std::string_view name, const boost::json::value* value);
  std::optional<std::vector<std::string>> checked_texts(std::string_view name,
                                                        const boost::json::value* value,
                                                        const ListLimits& limits);
  std::optional<Fields> checked_object(std::string_view name, const boost::json::value* value);

  const boost::json::object* object_ = nullptr;
  std::string pointer_;
  std::vector<FieldError>* errors_;
  std::vector<std::string_view> asked_;
};

// A request body as one JSON document. An empty body is an empty object (API.md: POST without a
// body is accepted).
class JsonBody {
 public:
  // Errors of parse_json_strict. The media type is not looked at: curl's default is accepted.
  static Result<JsonBody> parse(std::string_view body, size_t max_bytes = 1024 * 1024);

  const boost::json::value& value() const { return value_; }
  Fields fields() { return Fields(value_, "", errors_); }
  std::vector<FieldError>& errors() { return errors_; }
  // ok, or 400 `request.body.invalid` with the first error as its detail. Takes the root's unknown
  // members into account.
  Result<> done(Fields& root);
  // The problem document for the collected errors.
  Problem problem() const;

 private:
  boost::json::value value_;
  std::vector<FieldError> errors_;
};

}  // namespace watchword::http
