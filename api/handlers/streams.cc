// GET /api/v1/streams/{topic}: the public topics without Kafka, as NDJSON or Server-Sent Events. Read from the journal behind
// the durable end; a record's id never changes, so a reader goes on behind the last one that it has.
#include <boost/json/serialize.hpp>

#include "api/handlers/handlers.h"
#include "api/handlers/paging.h"
#include "processors/publisher/text.h"
#include "processors/publisher/topics.h"

namespace watchword::api::streams {
namespace {

constexpr int64_t kIdleUs = 20'000;
constexpr int kIdlesPerComment = 500;  // a comment each 10 s keeps proxies from closing an idle stream
constexpr size_t kFramesPerPiece = 64;

struct Reader {
  Reader(Api& the_api, publisher::Topic the_topic) : api(the_api), topic(the_topic) {}
  Api& api;
  publisher::Topic topic;
  bool sse = false, follow = true;
  std::vector<uint64_t> next;                   // by partition: the next frame to read
  std::vector<uint32_t> skip;                   // entries of that frame that the reader has
  int idles = 0;
};

// One id a partition, comma-separated: "0-17-2,1-4-0"; a partition that is not named is read from its start.
bool resume(Reader& reader, std::string_view from) {
  while (!from.empty()) {
    const size_t end = std::min(from.find(','), from.size());
    const auto place = publisher::parse_event_id(from.substr(0, end));
    if (!place || place->position.partition >= reader.next.size()) return false;
    reader.next[place->position.partition] = place->position.seq;
    reader.skip[place->position.partition] = place->index + 1;
    from.remove_prefix(std::min(end + 1, from.size()));
  }
  return true;
}

void start_at_end(Reader& reader) {
  for (uint32_t number = 0; number < reader.next.size(); ++number)
    reader.next[number] = reader.api.engine.partition(number).durable_seq + 1;
}

// The place of every partition right behind `record`: what Last-Event-ID brings back.
std::string place_of(const Reader& reader, const publisher::Record& record) {
  constexpr uint32_t kWholeFrame = 4'294'967'294;
  std::string out;
  for (uint32_t number = 0; number < reader.next.size(); ++number) {
    const bool own = number == record.position.partition;
    if (!own && reader.next[number] <= 1) continue;
    out.append(out.empty() ? "" : ",");
    out.append(own ? publisher::event_id(record.position, record.index)
                   : publisher::event_id({number, reader.next[number] - 1}, kWholeFrame));
  }
  return out;
}

void write_record(const Reader& reader, const publisher::Record& record, std::string& out) {
  const std::string body = publisher::to_text(record.envelope());
  if (!reader.sse) {
    out.append(body).append("\n");
    return;
  }
  out.append("id: ").append(place_of(reader, record)).append("\nevent: ").append(record.type);
  out.append("\ndata: ").append(body).append("\n\n");
}

Result<> read_some(Reader& reader, uint32_t number, std::string& out) {
  auto& partition = reader.api.engine.partition(number);
  const uint64_t end = partition.durable_seq;
  for (size_t frames = 0; frames < kFramesPerPiece && reader.next[number] <= end; ++frames) {
    const auto frame = partition.journal->frame(reader.next[number]);
    if (!frame) return frame.error();
    const auto records = publisher::records_of(*frame, number, reader.topic);
    if (!records) return records.error();
    const uint32_t skip = std::exchange(reader.skip[number], 0);
    ++reader.next[number];
    for (const auto& record : *records)
      if (record.index >= skip) write_record(reader, record, out);
  }
  return {};
}

Result<std::string> read_all(Reader& reader) {
  std::string out;
  for (uint32_t number = 0; number < reader.next.size(); ++number)
    if (auto read = read_some(reader, number, out); !read) return read.error();
  return out;
}

bool at_end(const Reader& reader) {
  for (uint32_t number = 0; number < reader.next.size(); ++number)
    if (reader.next[number] <= reader.api.engine.partition(number).durable_seq) return false;
  return true;
}

awaitable<bool> produce(std::shared_ptr<Reader> reader, std::string& chunk) {
  if (at_end(*reader)) {
    if (!reader->follow) co_return false;
    co_await pause(reader->api, kIdleUs);
    if (++reader->idles % kIdlesPerComment == 0) chunk = reader->sse ? ": alive\n\n" : "\n";
    co_return true;
  }
  auto work = [&reader] { return read_all(*reader); };
  auto piece = co_await on_worker(reader->api, work);
  if (!piece) co_return false;
  chunk = std::move(*piece);
  co_return true;
}

}  // namespace

awaitable<void> read(Api& api, Call& call) {
  const auto topic = publisher::topic_named(call.match.parameter("topic"));
  if (!topic)
    co_return fail(call, {Errc::not_found, "streams.topic",
                          "topics are identity, token, session, alert and dead-letter"});
  auto reader = std::make_shared<Reader>(api, *topic);
  reader->next.assign(api.engine.partitions(), 1);
  reader->skip.assign(api.engine.partitions(), 0);
  const auto accept = call.request.header("Accept").value_or("");
  reader->sse = accept.find("text/event-stream") != std::string_view::npos;
  reader->follow = query_value(call, "follow") != "false";
  const auto last = call.request.header("Last-Event-ID").value_or(query_value(call, "from"));
  if (last == "end")
    start_at_end(*reader);
  else if (last != "start" && last != "0" && !resume(*reader, last))
    co_return fail(call, {Errc::invalid, "streams.from",
                          "from is start, end, or ids of records, one a partition"});
  call.response.stream(reader->sse ? "text/event-stream" : "application/x-ndjson",
                       [reader](std::string& chunk) { return produce(reader, chunk); });
}

}  // namespace watchword::api::streams
