#include "stores/journal/frame.h"

#include <google/protobuf/io/coded_stream.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

#include "events/crypto/hash.h"

namespace watchword::journal {
namespace {

static_assert(std::endian::native == std::endian::little, "fixed fields are patched in place");

using protozero::pbf_reader;
using protozero::pbf_wire_type;

enum Field : protozero::pbf_tag_type {
  kVersion = 1,
  kPartition,
  kEpoch,
  kSeq,
  kPrevious,
  kSynced,
  kTime,
  kInput,
  kClaim,
  kEntry,
};
constexpr protozero::pbf_tag_type kEvent = 1, kJudged = 2;
constexpr protozero::pbf_tag_type kObservation = 1, kConclusion = 2, kSignals = 3;

// Where the value of each header field stands.
constexpr size_t kVersionAt = 1, kPartitionAt = 6, kEpochAt = 11, kSeqAt = 20, kPreviousAt = 30;
constexpr size_t kSyncedAt = 63, kTimeAt = 72;

std::string encode(const Header& header) {
  std::string bytes;
  bytes.reserve(kFrameHeaderBytes);
  protozero::pbf_writer writer(bytes);
  writer.add_fixed32(kVersion, header.version);
  writer.add_fixed32(kPartition, header.partition);
  writer.add_fixed64(kEpoch, header.epoch);
  writer.add_fixed64(kSeq, header.seq);
  writer.add_bytes(kPrevious, reinterpret_cast<const char*>(header.previous.data()), 32);
  writer.add_fixed64(kSynced, header.synced);
  writer.add_fixed64(kTime, static_cast<uint64_t>(header.time_ms));
  return bytes;
}

const std::string& blank_header() {
  static const std::string blank = encode(Header{});
  return blank;
}

template <class T>
T load(std::string_view bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

template <class T>
void store(std::string& bytes, size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof(T));
}

Header decode(std::string_view bytes) {
  Header header;
  header.version = load<uint32_t>(bytes, kVersionAt);
  header.partition = load<uint32_t>(bytes, kPartitionAt);
  header.epoch = load<uint64_t>(bytes, kEpochAt);
  header.seq = load<uint64_t>(bytes, kSeqAt);
  header.previous = load<Hash>(bytes, kPreviousAt);
  header.synced = load<uint64_t>(bytes, kSyncedAt);
  header.time_ms = load<int64_t>(bytes, kTimeAt);
  return header;
}

// Tags and lengths between the values are constant: equal to a blank header's once the values are
// blanked out.
bool has_header_shape(std::string_view bytes) {
  const std::string& blank = blank_header();
  constexpr size_t kTags[] = {0, 5, 10, 19, 28, 29, 62, 71};
  return std::all_of(std::begin(kTags), std::end(kTags),
                     [&](size_t at) { return bytes[at] == blank[at]; });
}

constexpr char delimited(protozero::pbf_tag_type tag) { return static_cast<char>(tag << 3 | 2); }
constexpr char fixed_32(protozero::pbf_tag_type tag) { return static_cast<char>(tag << 3 | 5); }

size_t field_bytes(size_t content) {
  return 1 + static_cast<size_t>(protozero::length_of_varint(content)) + content;
}

// A few tags and lengths, gathered so that they join the frame by one append.
struct Prefix {
  char bytes[32];
  size_t size = 0;
  void open(protozero::pbf_tag_type tag, size_t content) {
    bytes[size++] = delimited(tag);
    size += static_cast<size_t>(protozero::add_varint_to_buffer(bytes + size, content));
  }
};

Error corrupt(std::string_view reason, std::string detail = {}) {
  return Error{Errc::corrupt, reason, std::move(detail)};
}

std::string_view text(protozero::data_view view) { return {view.data(), view.size()}; }

bool is_next(pbf_reader& reader, protozero::pbf_tag_type tag, pbf_wire_type type) {
  return reader.next() && reader.tag() == tag && reader.wire_type() == type;
}

Result<Judged> read_judged(std::string_view bytes) {
  pbf_reader reader(bytes.data(), bytes.size());
  Judged judged;
  if (!is_next(reader, kObservation, pbf_wire_type::length_delimited))
    return corrupt("journal.frame.judged_observation");
  judged.observation = text(reader.get_view());
  if (!is_next(reader, kConclusion, pbf_wire_type::fixed32))
    return corrupt("journal.frame.judged_conclusion");
  judged.conclusion = reader.get_fixed32();
  if (reader.length() == 0) return judged;
  if (!is_next(reader, kSignals, pbf_wire_type::length_delimited))
    return corrupt("journal.frame.judged_signals");
  judged.signals = text(reader.get_view());
  if (reader.length() != 0) return corrupt("journal.frame.judged_excess");
  if (judged.signals.empty()) return corrupt("journal.frame.judged_empty");
  return judged;
}

// As the builder writes it; a length or tag that takes more bytes than it must makes it longer.
size_t judged_bytes(const Judged& judged) {
  const size_t marks = judged.signals.empty() ? 0 : field_bytes(judged.signals.size());
  return field_bytes(judged.observation.size()) + 5 + marks;
}

Result<> read_event(std::string_view bytes, v1::Event& event) {
  if (!event.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return corrupt("journal.frame.event");
  if (event.fact_case() == v1::Event::FACT_NOT_SET) return corrupt("journal.frame.event_unknown");
  return {};
}

// One entry holds one of the two and nothing else.
Result<> dispatch(std::string_view entry, uint32_t index, v1::Event& event,
                  const VisitEvent& on_event, const VisitJudged& on_judged) {
  pbf_reader reader(entry.data(), entry.size());
  if (!reader.next() || reader.wire_type() != pbf_wire_type::length_delimited)
    return corrupt("journal.frame.entry");
  const auto tag = reader.tag();
  const std::string_view content = text(reader.get_view());
  if (reader.length() != 0) return corrupt("journal.frame.entry_excess");
  if (field_bytes(content.size()) != entry.size()) return corrupt("journal.frame.entry_width");
  if (tag == kJudged) {
    auto judged = read_judged(content);
    if (judged && judged_bytes(*judged) != content.size())
      return corrupt("journal.frame.judged_width");
    return judged ? on_judged(index, *judged) : Result<>(judged.error());
  }
  if (tag != kEvent) return corrupt("journal.frame.entry_unknown");
  if (auto read = read_event(content, event); !read) return read;
  return on_event(index, event);
}

}  // namespace

FrameBuilder::FrameBuilder() { reset(); }

void FrameBuilder::reset() {
  buffer_ = std::string();
  entries_ = 0;
}

// Allocated at the first use only, for what the frame before came to: frames of one partition are
// much alike.
void FrameBuilder::begin() {
  if (!buffer_.empty()) return;
  buffer_.reserve(expected_bytes_);
  buffer_ = blank_header();
}

void FrameBuilder::add(const v1::Event& event) {
  begin();
  const size_t content = event.ByteSizeLong();
  Prefix prefix;
  prefix.open(kEntry, field_bytes(content));
  prefix.open(kEvent, content);
  buffer_.append(prefix.bytes, prefix.size);
  const size_t at = buffer_.size();
  buffer_.resize(at + content);
  event.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(buffer_.data() + at));
  ++entries_;
}

void FrameBuilder::add_judged(std::string_view observation, uint32_t conclusion,
                              std::string_view signals) {
  begin();
  const size_t marks = signals.empty() ? 0 : field_bytes(signals.size());
  const size_t content = field_bytes(observation.size()) + 5 + marks;
  Prefix prefix;
  prefix.open(kEntry, field_bytes(content));
  prefix.open(kJudged, content);
  prefix.open(kObservation, observation.size());
  buffer_.append(prefix.bytes, prefix.size);
  buffer_.append(observation);
  Prefix suffix;
  suffix.bytes[suffix.size++] = fixed_32(kConclusion);
  std::memcpy(suffix.bytes + suffix.size, &conclusion, 4);
  suffix.size += 4;
  if (marks != 0) suffix.open(kSignals, signals.size());
  buffer_.append(suffix.bytes, suffix.size);
  buffer_.append(signals);
  ++entries_;
}

void FrameBuilder::set_input(std::string_view input) {
  begin();
  WATCHWORD_CHECK(buffer_.size() == kFrameHeaderBytes);
  if (!input.empty()) protozero::pbf_writer(buffer_).add_bytes(kInput, input.data(), input.size());
}

std::string FrameBuilder::finish(uint32_t partition, uint64_t epoch, uint64_t seq,
                                 int64_t time_ms) {
  begin();
  store(buffer_, kPartitionAt, partition);
  store(buffer_, kEpochAt, epoch);
  store(buffer_, kSeqAt, seq);
  store(buffer_, kTimeAt, time_ms);
  expected_bytes_ = std::clamp<size_t>(buffer_.size() + buffer_.size() / 4, 1024, kMaxFrameBytes);
  std::string frame = std::move(buffer_);
  reset();
  return frame;
}

std::string claim_frame(uint32_t partition, uint64_t epoch, uint64_t seq, int64_t time_ms,
                        const v1::Claim& claim) {
  std::string frame =
      encode({.partition = partition, .epoch = epoch, .seq = seq, .time_ms = time_ms});
  protozero::pbf_writer(frame).add_message(kClaim, claim.SerializeAsString());
  return frame;
}

void seal(std::string& frame, const Hash& previous, uint64_t synced) {
  WATCHWORD_CHECK(frame.size() >= kFrameHeaderBytes);
  store(frame, kPreviousAt, previous);
  store(frame, kSyncedAt, synced);
}

Hash chain(const Hash& previous, std::string_view frame) {
  return crypto::sha256(crypto::view(previous), frame);
}

Result<FrameView> FrameView::open(std::string_view bytes) {
  if (bytes.size() > kMaxFrameBytes) return corrupt("journal.frame.too_large");
  if (bytes.size() < kFrameHeaderBytes) return corrupt("journal.frame.short");
  FrameView view;
  view.header_ = decode(bytes);
  if (bytes[0] == blank_header()[0] && view.header_.version != kFrameVersion)
    return corrupt("journal.frame.version", std::to_string(view.header_.version));
  if (!has_header_shape(bytes)) return corrupt("journal.frame.header");
  view.body_ = bytes.substr(kFrameHeaderBytes);
  auto read = view.read_front();
  if (!read) return read.error();
  return view;
}

// Takes `input` and `claim` off the body; the entries are left for each().
Result<> FrameView::read_front() try {
  bool exact = true;
  const auto take = [this, &exact](Field tag, std::string_view& into) {
    if (body_.empty() || body_[0] != delimited(tag)) return;
    pbf_reader reader(body_.data(), body_.size());
    reader.next();
    into = text(reader.get_view());
    // Empty is not written at all, nor is a length in more bytes than it takes.
    exact = exact && !into.empty() && body_.size() - reader.length() == field_bytes(into.size());
    body_ = text(reader.data());
  };
  take(kInput, input_);
  take(kClaim, claim_);
  if (!exact) return corrupt("journal.frame.width");
  if (!body_.empty() && (is_claim() || body_[0] != delimited(kEntry)))
    return corrupt("journal.frame.field");
  return {};
} catch (const protozero::exception& broken) {
  return corrupt("journal.frame.truncated", broken.what());
}

Result<v1::Claim> FrameView::claim() const {
  v1::Claim claim;
  if (!is_claim()) return corrupt("journal.frame.no_claim");
  if (!claim.ParseFromArray(claim_.data(), static_cast<int>(claim_.size())))
    return corrupt("journal.frame.claim");
  if (claim.epoch() != header_.epoch) return corrupt("journal.frame.claim_epoch");
  return claim;
}

Result<> FrameView::each(const VisitEvent& event, const VisitJudged& judged) const try {
  v1::Event parsed;
  pbf_reader reader(body_.data(), body_.size());
  for (uint32_t index = 0; reader.length() != 0; ++index) {
    const auto left = reader.length();
    if (!is_next(reader, kEntry, pbf_wire_type::length_delimited))
      return corrupt("journal.frame.not_entry");
    const std::string_view entry = text(reader.get_view());
    if (left - reader.length() != field_bytes(entry.size()))
      return corrupt("journal.frame.entry_width");
    if (auto done = dispatch(entry, index, parsed, event, judged); !done) return done;
  }
  return {};
} catch (const protozero::exception& broken) {
  return corrupt("journal.frame.entry_truncated", broken.what());
}

}  // namespace watchword::journal
