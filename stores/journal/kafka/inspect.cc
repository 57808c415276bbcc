#include "stores/journal/kafka/inspect.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>

namespace watchword::journal::kafka {
namespace {

using Moment = std::chrono::steady_clock::time_point;
constexpr int kSliceMs = 250;  // how often a wait looks whether it is hopeless
constexpr int kAskMs = 1'000;  // for one try
constexpr int kRetryMs = 20;
constexpr int kUnknownTopicMs = 1'000;

Moment deadline(const Client& client) {
  return std::chrono::steady_clock::now() + std::chrono::milliseconds(client.options().timeout_ms);
}
bool is_over(Moment end) { return std::chrono::steady_clock::now() >= end; }

template <auto destroy>
struct Deleter {
  template <class T>
  void operator()(T* held) const {
    destroy(held);
  }
};
template <class T, auto destroy>
using Held = std::unique_ptr<T, Deleter<destroy>>;

using Metadata = Held<const rd_kafka_metadata_t, rd_kafka_metadata_destroy>;

Result<Metadata> ask_metadata(Client& client) {
  const Moment end = deadline(client);
  for (;;) {
    const rd_kafka_metadata_t* raw = nullptr;
    const auto code = rd_kafka_metadata(client.handle(), 0, client.topic(), &raw,
                                        std::min(kSliceMs, client.options().timeout_ms));
    client.poll(0);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      client.forget_errors();
      return Metadata(raw);
    }
    if (client.was_denied() || is_over(end)) return client.error(code, "opening");
  }
}

Result<> check_cluster(Client& client) {
  const std::string& expected = client.options().cluster_id;
  if (expected.empty()) return {};
  const Held<char, [](char* text) { rd_kafka_mem_free(nullptr, text); }> id(
      rd_kafka_clusterid(client.handle(), client.options().timeout_ms));
  if (id && expected == id.get()) return {};
  return Error{Errc::conflict, "journal.kafka.cluster",
               "the brokers at " + client.options().brokers + " are cluster " +
                   (id ? id.get() : "(unnamed)") + ", but this node belongs to " + expected +
                   "; correct the address"};
}

Result<> check_partitions(const Client& client, uint32_t found) {
  const auto& options = client.options();
  const bool fits = options.partitions == 0 || options.partitions == found;
  if (fits && options.partition < found) return {};
  return Error{Errc::conflict, "journal.kafka.partitions",
               "topic " + options.topic + " has " + std::to_string(found) + " partitions, not " +
                   std::to_string(std::max(options.partitions, options.partition + 1)) +
                   "; its number is fixed at init and never changes: correct the topic's name, or "
                   "copy the journal into a new one"};
}

// How long an answer about the topic may be a passing one: not every broker knows at once of a
// topic that was just made, and a leader may be on the move.
int patience_ms(const Client& client, rd_kafka_resp_err_t code) {
  if (code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) return client.options().timeout_ms;
  const bool unknown = code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
  return unknown ? std::min(kUnknownTopicMs, client.options().timeout_ms) : 0;
}

using Configs = std::map<std::string, std::string, std::less<>>;

Result<Configs> read_configs(const Client& client, rd_kafka_event_t* event) {
  if (const auto code = rd_kafka_event_error(event); code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return client.error(code, "reading the settings of");
  size_t resources = 0;
  const auto* result = rd_kafka_event_DescribeConfigs_result(event);
  const auto** resource = rd_kafka_DescribeConfigs_result_resources(result, &resources);
  Configs configs;
  for (size_t i = 0; i < resources; ++i) {
    if (const auto code = rd_kafka_ConfigResource_error(resource[i]);
        code != RD_KAFKA_RESP_ERR_NO_ERROR)
      return client.error(code, "reading the settings of");
    size_t entries = 0;
    const auto** entry = rd_kafka_ConfigResource_configs(resource[i], &entries);
    for (size_t j = 0; j < entries; ++j) {
      const char* value = rd_kafka_ConfigEntry_value(entry[j]);
      configs.emplace(rd_kafka_ConfigEntry_name(entry[j]), value == nullptr ? "" : value);
    }
  }
  return configs;
}

Result<Configs> ask_configs(Client& client) {
  const Held<rd_kafka_queue_t, rd_kafka_queue_destroy> queue(rd_kafka_queue_new(client.handle()));
  const Held<rd_kafka_ConfigResource_t, rd_kafka_ConfigResource_destroy> resource(
      rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, client.options().topic.c_str()));
  const Held<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy> asked(
      rd_kafka_AdminOptions_new(client.handle(), RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS));
  char why[256];
  rd_kafka_AdminOptions_set_request_timeout(asked.get(), client.options().timeout_ms, why,
                                            sizeof why);
  rd_kafka_ConfigResource_t* all[] = {resource.get()};
  rd_kafka_DescribeConfigs(client.handle(), all, 1, asked.get(), queue.get());
  const Held<rd_kafka_event_t, rd_kafka_event_destroy> event(
      rd_kafka_queue_poll(queue.get(), client.options().timeout_ms + 1'000));
  if (!event) return client.error(RD_KAFKA_RESP_ERR__TIMED_OUT, "reading the settings of");
  return read_configs(client, event.get());
}

Result<Topic> judge(const Client& client, const Configs& configs) {
  const auto value = [&](std::string_view name) {
    const auto found = configs.find(name);
    return found == configs.end() ? std::string() : found->second;
  };
  if (value("cleanup.policy").find("compact") != std::string::npos)
    return Error{Errc::conflict, "journal.kafka.settings",
                 client.place() +
                     " is compacted, which deletes frames; set cleanup.policy=delete "
                     "and see 'watchword kafka check'"};
  Topic topic;
  const std::string most = value("max.message.bytes");
  std::from_chars(most.data(), most.data() + most.size(), topic.max_batch_bytes);
  if (topic.max_batch_bytes < static_cast<int64_t>(kMaxFrameBytes) + kRecordOverheadBytes)
    return Error{Errc::conflict, "journal.kafka.settings",
                 client.place() + " takes " + most + " bytes a record, but a frame may have " +
                     std::to_string(kMaxFrameBytes) + "; set max.message.bytes=1048588"};
  return topic;
}

// By the question for a time, whose two special ones mean the ends:
// rd_kafka_query_watermark_offsets of librdkafka 2.0 waits for ever when the broker goes away
// meanwhile.
Result<int64_t> ask_offset(Client& client, int64_t which) {
  const Moment end = deadline(client);
  const Held<rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_list_destroy> asked(
      rd_kafka_topic_partition_list_new(1));
  auto* entry = rd_kafka_topic_partition_list_add(asked.get(), client.options().topic.c_str(),
                                                  client.partition());
  for (;;) {
    entry->offset = which;
    auto code = rd_kafka_offsets_for_times(client.handle(), asked.get(),
                                           std::min(kAskMs, client.options().timeout_ms));
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) code = entry->err;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && entry->offset >= 0) return entry->offset;
    client.poll(kRetryMs);
    const Error error = client.error(code, "asking for the end of");
    if (error.code != Errc::unavailable || client.was_denied() || is_over(end)) return error;
  }
}

}  // namespace

Result<> await_topic(Client& client) {
  const Moment begun = std::chrono::steady_clock::now();
  for (;;) {
    auto metadata = ask_metadata(client);
    if (!metadata) return metadata.error();
    const auto& topic = (*metadata)->topics[0];
    if (topic.err == RD_KAFKA_RESP_ERR_NO_ERROR)
      return check_partitions(client, static_cast<uint32_t>(topic.partition_cnt));
    if (is_over(begun + std::chrono::milliseconds(patience_ms(client, topic.err))))
      return client.error(topic.err, "opening");
    client.poll(kRetryMs);
  }
}

Result<Topic> inspect(Client& client) {
  if (auto there = await_topic(client); !there) return there.error();
  if (auto same = check_cluster(client); !same) return same.error();
  auto configs = ask_configs(client);
  if (configs) return judge(client, *configs);
  client.note(configs.error().detail + ". Its settings stay unchecked");
  return Topic{static_cast<int64_t>(kMaxFrameBytes) + kRecordOverheadBytes};
}

Result<int64_t> first_offset(Client& client) {
  return ask_offset(client, RD_KAFKA_OFFSET_BEGINNING);
}

Result<int64_t> end_offset(Client& client) { return ask_offset(client, RD_KAFKA_OFFSET_END); }

}  // namespace watchword::journal::kafka
