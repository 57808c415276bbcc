// Finds the route of a request. Exact paths cost one hash look-up; paths with parameters are
// compared with the routes of as many segments, exact text before parameters; suffix routes come
// last. Read-only after construction: one router serves all cores.
#pragma once
#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/route.h"

namespace watchword::http {

inline constexpr size_t kParametersMax = 4;

struct Match {
  uint16_t status = 404;  // 200 found; 404; 405 with `allow`; 204 for OPTIONS with `allow`; 501 for
                          // an unknown method
  const Route* route = nullptr;  // set for 200 alone
  std::string_view allow;        // "GET, HEAD, OPTIONS"; lives as long as the router
  std::string_view suffix;       // what `*` matched, as sent, starting with '/' unless empty

  size_t parameter_count = 0;
  std::array<std::string_view, kParametersMax> names;
  std::array<std::string, kParametersMax> values;  // percent-decoded
  // The value of {name}; empty when the route has none of that name.
  std::string_view parameter(std::string_view name) const;
};

class Router {
 public:
  // `routes` outlives the router. Two routes that match the same verb and shape are a bug and stop
  // the process.
  explicit Router(std::span<const Route> routes);

  // HEAD falls back to GET, OPTIONS is answered for every known path and for `*`. A parameter that
  // does not decode to 1..256 bytes of UTF-8 without control characters, '/' or '\' makes the path
  // unknown (404). `match` is overwritten.
  void find(Verb verb, std::string_view path, Match& match) const;
  std::span<const Route> routes() const { return routes_; }

 private:
  static constexpr size_t kVerbs = static_cast<size_t>(Verb::any) + 1;
  struct Resource {  // all routes of one path
    std::string_view path;
    std::vector<std::string_view> segments;
    std::array<const Route*, kVerbs> by_verb{};
    std::string allow;
  };

  Resource& resource_for(std::string_view path);
  const Resource* find_resource(std::string_view path, Match& match) const;
  const Resource* find_shaped(std::string_view path, Match& match) const;
  const Resource* find_suffix(std::string_view path, Match& match) const;
  static bool fits(const Resource& resource, std::span<const std::string_view> segments,
                   Match& match);
  static void settle(const Resource& resource, Verb verb, Match& match);

  std::span<const Route> routes_;
  std::vector<Resource> exact_, shaped_, suffix_;
  boost::unordered_flat_map<std::string_view, size_t> exact_index_;
  std::string allow_all_;
};

}  // namespace watchword::http
