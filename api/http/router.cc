#include "api/http/router.h"

#include <algorithm>

#include "api/http/form.h"
#include "events/base/result.h"

namespace watchword::http {
namespace {

using std::string_view;

constexpr size_t kSegmentsMax = 16;
constexpr size_t kParameterBytesMax = 256;
constexpr std::array kNamedVerbs{Verb::get,   Verb::head, Verb::post,   Verb::put,
                                 Verb::patch, Verb::del,  Verb::options};

bool is_parameter(string_view segment) { return segment.starts_with('{'); }
bool has_parameter(string_view path) { return path.find('{') != path.npos; }
bool has_suffix(string_view path) { return path.ends_with("/*"); }

// "/a/b" is {"a", "b"}; more than `out` can hold gives its size + 1.
size_t split(string_view path, std::span<string_view> out) {
  size_t count = 0;
  while (!path.empty()) {
    path.remove_prefix(1);
    const size_t end = std::min(path.find('/'), path.size());
    if (count == out.size()) return count + 1;
    out[count++] = path.substr(0, end);
    path.remove_prefix(end);
  }
  return count;
}

bool decode_parameter(string_view segment, std::string& value) {
  value.clear();
  return percent_decode(segment, false, value) && !value.empty() &&
         value.size() <= kParameterBytesMax && value.find_first_of("/\\") == value.npos;
}

// Shapes of one length stand together; among them exact text before parameters at the first segment
// where they differ.
bool more_exact(std::span<const string_view> left, std::span<const string_view> right) {
  if (left.size() != right.size()) return left.size() < right.size();
  for (size_t i = 0; i < left.size(); ++i)
    if (is_parameter(left[i]) != is_parameter(right[i])) return is_parameter(right[i]);
  return false;
}

}  // namespace

std::string_view permission_text(Permission permission) {
  switch (permission) {
    case Permission::none: return "none";
    case Permission::any_token: return "any_token";
    case Permission::admin: return "admin";
    case Permission::identity_write: return "identity_write";
    case Permission::token_issue: return "token_issue";
    case Permission::token_revoke: return "token_revoke";
    case Permission::introspect: return "introspect";
    case Permission::api_read: return "api_read";
    case Permission::system_status: return "system_status";
    case Permission::audit_log: return "audit_log";
    case Permission::event_write: return "event_write";
    case Permission::alert_triage: return "alert_triage";
    case Permission::audit_read: return "audit_read";
  }
  return "";
}

std::string_view Match::parameter(std::string_view name) const {
  for (size_t i = 0; i < parameter_count; ++i)
    if (names[i] == name) return values[i];
  return {};
}

Router::Router(std::span<const Route> routes) : routes_(routes) {
  for (const auto& route : routes) {
    const Route*& place = resource_for(route.path).by_verb[static_cast<size_t>(route.verb)];
    WATCHWORD_CHECK(place == nullptr);
    place = &route;
  }
  for (auto* resources : {&exact_, &shaped_, &suffix_})
    for (auto& resource : *resources) {
      const bool any = resource.by_verb[static_cast<size_t>(Verb::any)] != nullptr;
      const bool get = resource.by_verb[static_cast<size_t>(Verb::get)] != nullptr;
      for (const Verb verb : kNamedVerbs) {
        const bool own = resource.by_verb[static_cast<size_t>(verb)] != nullptr;
        if (!own && !any && verb != Verb::options && !(verb == Verb::head && get)) continue;
        resource.allow.append(resource.allow.empty() ? "" : ", ").append(verb_text(verb));
      }
    }
  for (const Verb verb : kNamedVerbs)
    allow_all_.append(allow_all_.empty() ? "" : ", ").append(verb_text(verb));
  std::stable_sort(shaped_.begin(), shaped_.end(),
                   [](const auto& a, const auto& b) { return more_exact(a.segments, b.segments); });
  for (size_t i = 0; i < exact_.size(); ++i) exact_index_.emplace(exact_[i].path, i);
}

Router::Resource& Router::resource_for(std::string_view path) {
  auto& resources = has_suffix(path) ? suffix_ : has_parameter(path) ? shaped_ : exact_;
  for (auto& resource : resources)
    if (resource.path == path) return resource;
  std::array<string_view, kSegmentsMax> segments;
  const size_t count = split(path, segments);
  WATCHWORD_CHECK(path.starts_with('/') && count <= kSegmentsMax);
  Resource& resource = resources.emplace_back();
  resource.path = path;
  resource.segments.assign(segments.begin(), segments.begin() + static_cast<ptrdiff_t>(count));
  return resource;
}

bool Router::fits(const Resource& resource, std::span<const std::string_view> segments,
                  Match& match) {
  if (resource.segments.size() != segments.size()) return false;
  match.parameter_count = 0;
  for (size_t i = 0; i < segments.size(); ++i) {
    const string_view wanted = resource.segments[i];
    if (!is_parameter(wanted)) {
      if (wanted != segments[i]) return false;
      continue;
    }
    WATCHWORD_CHECK(match.parameter_count < kParametersMax);
    if (!decode_parameter(segments[i], match.values[match.parameter_count])) return false;
    match.names[match.parameter_count++] = wanted.substr(1, wanted.size() - 2);
  }
  return true;
}

const Router::Resource* Router::find_shaped(std::string_view path, Match& match) const {
  std::array<string_view, kSegmentsMax> segments;
  const size_t count = split(path, segments);
  if (count > kSegmentsMax) return nullptr;
  for (const auto& resource : shaped_)
    if (fits(resource, std::span(segments).first(count), match)) return &resource;
  match.parameter_count = 0;
  return nullptr;
}

const Router::Resource* Router::find_suffix(std::string_view path, Match& match) const {
  for (const auto& resource : suffix_) {
    const string_view stem = resource.path.substr(0, resource.path.size() - 2);
    if (!path.starts_with(stem)) continue;
    if (path.size() > stem.size() && path[stem.size()] != '/') continue;
    match.suffix = path.substr(stem.size());
    return &resource;
  }
  return nullptr;
}

const Router::Resource* Router::find_resource(std::string_view path, Match& match) const {
  if (const auto found = exact_index_.find(path); found != exact_index_.end())
    return &exact_[found->second];
  if (!path.starts_with('/')) return nullptr;
  if (const auto* shaped = find_shaped(path, match)) return shaped;
  return find_suffix(path, match);
}

void Router::settle(const Resource& resource, Verb verb, Match& match) {
  const auto of = [&](Verb wanted) { return resource.by_verb[static_cast<size_t>(wanted)]; };
  match.allow = resource.allow;
  match.route = of(verb);
  if (!match.route) match.route = of(Verb::any);
  if (!match.route && verb == Verb::head) match.route = of(Verb::get);
  match.status = match.route ? 200 : verb == Verb::options ? 204 : verb == Verb::other ? 501 : 405;
}

void Router::find(Verb verb, std::string_view path, Match& match) const {
  match.status = 404;
  match.route = nullptr;
  match.allow = match.suffix = {};
  match.parameter_count = 0;
  if (path == "*") {
    match.status = 204;
    match.allow = allow_all_;
    return;
  }
  if (const auto* resource = find_resource(path, match)) settle(*resource, verb, match);
}

}  // namespace watchword::http
