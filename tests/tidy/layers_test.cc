// Who may include whom. The table is the decision; a test that fails here asks for another design or another row.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/tidy/source.h"

namespace watchword::tidy {
namespace {

// The row with the longest matching path holds. `uses` are folders, those below them included.
struct Layer {
  std::string_view path;
  std::vector<std::string_view> uses;
};
const std::vector<Layer> kLayers{
    {"events/base", {"events/base"}},
    {"events/crypto", {"schemas", "events/base", "events/crypto"}},
    {"events/policy", {"schemas", "events/base", "events/crypto", "events/policy"}},
    {"events", {"schemas", "events"}},
    {"stores", {"schemas", "events", "stores"}},
    {"processors/detectors", {"schemas", "events", "stores", "processors/detectors"}},
    {"processors/fold", {"schemas", "events", "stores", "processors/detectors", "processors/fold"}},
    {"processors", {"schemas", "events", "stores", "processors"}},
    // What replay shows has the words of the API: both render rows by the publisher's functions.
    {"replay",
     {"schemas", "events", "stores", "processors/detectors", "processors/fold", "processors/publisher", "replay"}},
    {"api", {"schemas", "events", "stores", "processors", "api"}},
    // `?at=`, timelines, risk and the audit trail answer from history.
    {"api/handlers", {"schemas", "events", "stores", "processors", "api", "replay"}},
    {"api/cli", {"schemas", "events", "stores", "processors", "api", "replay"}},
    {"api/main.cc", {"schemas", "events", "stores", "processors", "api", "replay"}},
    {"tests", {"schemas", "events", "stores", "processors", "api", "replay", "tests"}},
};

// Other people's code and the folders that may see it; tests may see all of it. The longest prefix holds.
// A private library is seen by no other folder through a header either: a change of it stays where it is used.
struct Library {
  std::string_view header;
  std::vector<std::string_view> folders;
  bool is_private = false;
};
const std::vector<std::string_view> kEverywhere{"events", "stores", "processors", "api", "replay"};
const std::vector<Library> kLibraries{
    {"google/protobuf/", kEverywhere},
    {"boost/json", kEverywhere},
    {"boost/system/", kEverywhere},
    {"boost/unordered/", kEverywhere},
    {"boost/container/", kEverywhere},
    {"boost/asio", {"processors/runtime", "processors/alerts", "api"}},
    {"boost/beast", {"api"}},
    {"boost/url", {"api"}},
    {"boost/core/", {"api"}},
    {"openssl/", {"events/crypto", "api/http"}, true},
    {"isa-l", {"events/crypto", "stores/journal"}},
    {"cctz/", {"events/policy"}},
    {"xxhash.h", {"events", "processors/detectors", "api"}},
    {"protozero/", {"stores/journal", "stores/views", "processors/detectors", "api"}},
    {"rocksdb/", {"stores/rows"}, true},
    {"librdkafka/", {"stores/journal/kafka", "processors/publisher/kafka"}, true},
    {"prometheus/", {"processors", "api"}},
    {"spdlog/", {"processors", "api", "replay"}},
    {"fmt/", {"processors", "api", "replay"}},
    {"CLI/", {"api/cli", "api/main.cc"}},
    {"toml++/", {"api/config"}},
    {"zlib.h", {"api/import"}},
    {"zstd.h", {"api/import", "replay"}},
    {"maxminddb.h", {"api/enrich"}},
    {"re2/", {"api/enrich", "events/policy"}},
    {"argon2.h", {"events/crypto"}},
    {"gtest/", {}},
    {"gmock/", {}},
    {"benchmark/", {}},
};
// Folders of the system's own headers; its files in no folder are told by their names.
constexpr std::array<std::string_view, 6> kSystem{"sys/", "arpa/", "net/", "netinet/", "linux/", "bits/"};
constexpr std::array<std::string_view, 19> kPosix{
    "dirent.h", "errno.h",  "fcntl.h",  "getopt.h", "immintrin.h", "netdb.h",  "poll.h",   "pthread.h",
    "pwd.h",    "signal.h", "sched.h",  "syslog.h", "termios.h",   "unistd.h", "stdlib.h", "nmmintrin.h",
    "strings.h", "time.h",  "malloc.h"};

bool is_below(std::string_view path, std::string_view folder) {
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

bool is_below_any(std::string_view path, const std::vector<std::string_view>& folders) {
  return std::any_of(folders.begin(), folders.end(), [&](auto folder) { return is_below(path, folder); });
}

const Layer* layer_of(std::string_view path) {
  const Layer* best = nullptr;
  for (const auto& layer : kLayers)
    if (is_below(path, layer.path) && (!best || layer.path.size() > best->path.size())) best = &layer;
  return best;
}

const Library* library_of(std::string_view header) {
  const Library* best = nullptr;
  for (const auto& library : kLibraries)
    if (header.starts_with(library.header) && (!best || library.header.size() > best->header.size())) best = &library;
  return best;
}

bool is_ours(std::string_view include) {
  return include.starts_with("schemas/") || layer_of(include) != nullptr;
}

bool is_system(std::string_view header) {
  const auto starts = [&](std::string_view prefix) { return header.starts_with(prefix); };
  if (std::any_of(kSystem.begin(), kSystem.end(), starts)) return true;
  if (std::find(kPosix.begin(), kPosix.end(), header) != kPosix.end()) return true;
  return header.find('/') == std::string_view::npos && header.find('.') == std::string_view::npos;
}

// Why `file` may not include `include`; empty when it may.
std::string objection(std::string_view file, const Include& include) {
  if (is_ours(include.path)) {
    const auto* layer = layer_of(file);
    if (!layer) return "a folder without a row in the table of layers";
    return is_below_any(include.path, layer->uses) ? "" : "an arrow that the table of layers does not have";
  }
  if (!include.angle && !library_of(include.path)) return "paths of ours start at the root of the tree";
  if (is_system(include.path)) return "";
  const auto* library = library_of(include.path);
  if (!library) return "a library that no row of the table names";
  if (file.starts_with("tests/") || is_below_any(file, library->folders)) return "";
  return "this library is not for this folder";
}

// Headers of a private library that `file` sees through ours, as "by what: which".
void collect_private(const File& file, std::set<std::string>& visited, std::vector<std::string>& seen) {
  if (!visited.insert(file.path).second) return;
  for (const auto& include : includes_of(file.text)) {
    const auto* library = library_of(include.path);
    if (library && library->is_private) seen.push_back(file.path + ": " + include.path);
    if (const auto* next = find_file(include.path)) collect_private(*next, visited, seen);
  }
}

bool may_see(std::string_view path, std::string_view seen) {
  const auto* library = library_of(seen.substr(seen.find(": ") + 2));
  // Handlers stand on the connection, whose TLS is Asio's; what is asked of them is not to name it.
  return is_below_any(path, library->folders) || (path.starts_with("api/") && seen.starts_with("api/http/"));
}

// "events/base": where the graph of folders has its nodes.
std::string node_of(std::string_view path) {
  const auto first = path.find('/');
  const auto second = path.find('/', first + 1);
  return std::string(path.substr(0, second == std::string_view::npos ? first : second));
}

using Graph = std::map<std::string, std::set<std::string>>;

Graph folder_graph() {
  Graph graph;
  for (const auto& file : tree()) {
    if (!file.is_code() || file.path.starts_with("tests/")) continue;
    const auto from = node_of(file.path);
    for (const auto& include : includes_of(file.text))
      if (is_ours(include.path) && node_of(include.path) != from)
        graph[from].insert(node_of(include.path));
  }
  return graph;
}

// A way from `at` back to `goal`; empty when there is none.
std::string way_back(const Graph& graph, const std::string& at, const std::string& goal, std::set<std::string>& tried) {
  if (!graph.contains(at)) return "";
  for (const auto& next : graph.at(at)) {
    if (next == goal) return at + " > " + next;
    if (!tried.insert(next).second) continue;
    if (const auto rest = way_back(graph, next, goal, tried); !rest.empty()) return at + " > " + rest;
  }
  return "";
}

TEST(Layers, TheTableSaysWhoMayIncludeWhom) {
  const auto asks = [](std::string_view file, std::string path) { return objection(file, {std::move(path), false, 1}); };
  EXPECT_EQ(asks("stores/rows/a.cc", "events/base/ids.h"), "");
  EXPECT_NE(asks("events/base/a.cc", "stores/rows/a.h"), "");
  EXPECT_NE(asks("events/base/a.cc", "schemas/frame.pb.h"), "");
  EXPECT_NE(asks("replay/a.cc", "processors/runtime/task.h"), "");
  EXPECT_EQ(asks("replay/a.cc", "processors/fold/fold.h"), "");
  EXPECT_EQ(asks("replay/a.cc", "processors/publisher/render.h"), "");
  EXPECT_EQ(asks("api/handlers/a.cc", "replay/history.h"), "");
  EXPECT_NE(asks("api/http/a.cc", "replay/history.h"), "");
  EXPECT_EQ(asks("api/main.cc", "replay/verify.h"), "");
  EXPECT_EQ(asks("api/cli/a.cc", "replay/verify.h"), "");
  EXPECT_NE(asks("api/http/a.cc", "tests/support/a.h"), "");
  EXPECT_NE(asks("stores/rows/a.cc", "a.h"), "");
}

TEST(Layers, TheTableSaysWhichLibraryBelongsWhere) {
  const auto asks = [](std::string_view file, std::string path) { return objection(file, {std::move(path), true, 1}); };
  EXPECT_EQ(asks("events/crypto/a.cc", "openssl/evp.h"), "");
  EXPECT_NE(asks("events/domain/a.cc", "openssl/evp.h"), "");
  EXPECT_NE(asks("stores/views/a.cc", "rocksdb/db.h"), "");
  EXPECT_NE(asks("processors/fold/a.cc", "boost/asio.hpp"), "");
  EXPECT_EQ(asks("processors/runtime/a.cc", "boost/asio/post.hpp"), "");
  EXPECT_NE(asks("api/http/a.cc", "curl/curl.h"), "");
  EXPECT_NE(asks("events/base/a.cc", "gtest/gtest.h"), "");
  EXPECT_EQ(asks("events/base/a.cc", "sys/stat.h"), "");
  EXPECT_EQ(asks("events/base/a.cc", "vector"), "");
}

TEST(Layers, EveryIncludeFollowsTheTable) {
  for (const auto& file : tree()) {
    if (!file.is_code()) continue;
    for (const auto& include : includes_of(file.text))
      EXPECT_EQ(objection(file.path, include), "")
          << file.path << ":" << include.line << " includes " << include.path;
  }
}

TEST(Layers, EveryIncludeOfOursNamesAFile) {
  for (const auto& file : tree()) {
    if (!file.is_code()) continue;
    for (const auto& include : includes_of(file.text)) {
      if (!is_ours(include.path)) continue;
      std::string path = include.path;
      if (path.ends_with(".pb.h")) path.replace(path.size() - 4, 4, "proto");
      EXPECT_NE(find_file(path), nullptr) << file.path << ":" << include.line << " includes " << include.path;
    }
  }
}

TEST(Layers, PrivateLibrariesAreNotSeenThroughHeaders) {
  for (const auto& file : tree()) {
    if (!file.is_code() || file.path.starts_with("tests/")) continue;
    std::set<std::string> visited;
    std::vector<std::string> seen;
    collect_private(file, visited, seen);
    for (const auto& header : seen) EXPECT_TRUE(may_see(file.path, header)) << file.path << " sees " << header;
  }
}

TEST(Layers, FoldersFormNoCycle) {
  const auto graph = folder_graph();
  for (const auto& [folder, uses] : graph) {
    std::set<std::string> tried;
    EXPECT_EQ(way_back(graph, folder, folder, tried), "") << "a cycle of folders";
  }
}

TEST(Layers, ACycleOfFoldersIsFound) {
  const Graph graph{{"a", {"b"}}, {"b", {"c"}}, {"c", {"d", "b"}}};
  std::set<std::string> tried;
  EXPECT_EQ(way_back(graph, "b", "b", tried), "b > c > b");
  tried.clear();
  EXPECT_EQ(way_back(graph, "a", "a", tried), "");
}

}  // namespace
}  // namespace watchword::tidy
