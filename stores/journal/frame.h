// Builds and reads the bytes of one Frame (schemas/frame.proto) without copying its entries.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "events/base/result.h"
#include "schemas/frame.pb.h"
#include "stores/journal/journal.h"

namespace watchword::journal {

inline constexpr uint32_t kFrameVersion = 1;
inline constexpr size_t kFrameHeaderBytes = 80;  // fields 1-7

struct Header {
  uint32_t version = kFrameVersion;
  uint32_t partition = 0;
  uint64_t epoch = 0;
  uint64_t seq = 0;
  Hash previous{};
  uint64_t synced = 0;
  int64_t time_ms = 0;
};

// Appends entries one after another; the header stands first with fixed widths, so it is filled in
// place. Does not check kMaxFrameBytes: whoever fills it watches bytes(). One thread.
class FrameBuilder {
 public:
  FrameBuilder();
  void add(const v1::Event& event);
  // `observation`: the bytes of an Observation, taken as they are.
  void add_judged(std::string_view observation, uint32_t conclusion, std::string_view signals);
  void set_input(std::string_view input);  // before the first entry
  size_t bytes() const { return buffer_.empty() ? kFrameHeaderBytes : buffer_.size(); }
  uint32_t entries() const { return entries_; }
  // Fills in all but previous and synced, gives the bytes away, and is empty again.
  std::string finish(uint32_t partition, uint64_t epoch, uint64_t seq, int64_t time_ms);

 private:
  void begin();
  void reset();
  std::string buffer_;
  size_t expected_bytes_ = 4096;
  uint32_t entries_ = 0;
};

std::string claim_frame(uint32_t partition, uint64_t epoch, uint64_t seq, int64_t time_ms,
                        const v1::Claim& claim);

// For journals: fills in what only the writer knows. `frame` must have come from finish() or
// claim_frame().
void seal(std::string& frame, const Hash& previous, uint64_t synced);
Hash chain(const Hash& previous, std::string_view frame);

struct Judged {
  std::string_view observation;  // bytes of an Observation
  uint32_t conclusion = 0;
  std::string_view signals;
};

using VisitEvent = std::function<Result<>(uint32_t index, const v1::Event&)>;
using VisitJudged = std::function<Result<>(uint32_t index, const Judged&)>;

// Reads a frame in place; the bytes must outlive it. Strict: what FrameBuilder and claim_frame()
// would not have written (an unknown version, field, entry or fact, another order or width, more
// than kMaxFrameBytes) is corrupt, "journal.frame.*".
class FrameView {
 public:
  // Checks the header, input and claim; entries are checked as each() meets them.
  static Result<FrameView> open(std::string_view bytes);
  const Header& header() const { return header_; }
  bool is_claim() const { return !claim_.empty(); }
  Result<v1::Claim> claim() const;
  std::string_view input() const { return input_; }
  // Calls one of the two for each entry, in order; `index` counts from 0. Stops at the first error.
  // The Event lives as long as the call, a Judged as long as the bytes.
  Result<> each(const VisitEvent& event, const VisitJudged& judged) const;

 private:
  Result<> read_front();
  Header header_;
  std::string_view claim_, input_, body_;  // body_: the entries
};

}  // namespace watchword::journal
