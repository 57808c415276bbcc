// The files of a journal after anything may have happened to them. Input: changes to the files of a
// small good journal, one after another: overwritten bytes, lost sectors, cut files, further
// records.
#include <algorithm>

#include "stores/journal/catalog.h"
#include "stores/journal/frame.h"
#include "stores/journal/reader.h"
#include "stores/journal/record.h"
#include "stores/journal/recovery.h"
#include "tests/fuzz/target.h"
#include "tests/support/fault_disk.h"

namespace watchword::fuzz {
namespace {

using namespace journal;

constexpr uint32_t kPartition = 3;
constexpr size_t kSectorsPerFile = 12, kFiles = 3;
constexpr uint64_t kFrames = 14;
const std::string kFolder = "journal/3";

// A journal as a writer leaves it, and what it said.
struct Store {
  std::vector<std::string> files;
  std::vector<std::string> frames;  // [seq - 1]
  std::vector<Hash> hashes;
};

std::string frame_of(uint64_t seq, const Hash& previous) {
  v1::Claim claim;
  claim.set_epoch(1);
  claim.set_node("a");
  std::string frame;
  if (seq == 1) {
    frame = claim_frame(kPartition, 1, seq, 1'000, claim);
  } else {
    FrameBuilder builder;
    builder.add_judged("\x0a\x01x" + std::string(seq * seq * 7, 'o'), 1, seq % 2 ? "\x01" : "");
    frame = builder.finish(kPartition, 1, seq, static_cast<int64_t>(1'000 + seq));
  }
  seal(frame, previous, seq - 1);
  return frame;
}

// Adds the record where the files have room for it.
bool append(std::vector<std::string>& files, std::vector<size_t>& ends, std::string_view frame,
            const RecordHeader& header) {
  const size_t bytes = record_bytes(frame.size());
  for (size_t i = 0; i < files.size(); ++i) {
    const bool is_last = i + 1 == files.size() || ends[i + 1] == 0;
    if (!is_last || ends[i] + bytes > files[i].size()) continue;
    write_record(files[i].data() + ends[i], header, frame);
    ends[i] += bytes;
    return true;
  }
  return false;
}

Store make_store() {
  Store store{
      std::vector<std::string>(kFiles, std::string(kSectorsPerFile * kSectorBytes, '\0')), {}, {}};
  std::vector<size_t> ends(kFiles, 0);
  Hash last{};
  for (uint64_t seq = 1; seq <= kFrames; ++seq) {
    auto frame = frame_of(seq, last);
    last = chain(last, frame);
    require(append(store.files, ends, frame, {0, 1, seq, seq - 1, 0}), "room for every frame");
    store.frames.push_back(std::move(frame));
    store.hashes.push_back(last);
  }
  return store;
}

const Store& good_store() {
  static const Store store = make_store();
  return store;
}

// Where in a file, from two bytes of the input.
size_t place(Pieces& pieces, const std::string& file) {
  return file.empty() ? 0 : pieces.number(2) % file.size();
}

void overwrite(std::string& file, size_t at, std::string_view bytes) {
  bytes = bytes.substr(0, file.size() - at);
  std::copy(bytes.begin(), bytes.end(), file.begin() + static_cast<ptrdiff_t>(at));
}

// A record of the input's own making, its checksums right: what lies behind them is tested too.
void plant(std::string& file, Pieces& pieces) {
  const size_t at = place(pieces, file) / kSectorBytes * kSectorBytes;
  RecordHeader header{0, pieces.byte(), pieces.byte(), pieces.byte(), 0};
  std::string frame = good_store().frames[pieces.byte() % kFrames];
  for (uint8_t patches = pieces.byte() % 4; patches > 0; --patches) {
    const size_t where = place(pieces, frame);
    overwrite(frame, where, pieces.take(1 + pieces.byte() % 8));
  }
  std::string record(record_bytes(frame.size()), '\0');
  write_record(record.data(), header, frame);
  overwrite(file, at, record);
}

void change(std::vector<std::string>& files, Pieces& pieces) {
  const uint8_t what = pieces.byte();
  std::string& file = files[what / 8 % files.size()];
  const size_t sector = place(pieces, file) / kSectorBytes * kSectorBytes;
  switch (what % 8) {
    case 0:
      return overwrite(file, place(pieces, file), pieces.take(1 + pieces.byte() % 16));
    case 1:
      return overwrite(file, sector, std::string(kSectorBytes, '\0'));
    case 2:
      return overwrite(file, sector, std::string(2 * kSectorBytes, '\0'));
    case 3:
      return file.resize(sector);
    case 4:
      return overwrite(file, sector, files[pieces.byte() % files.size()]);
    case 5:
      return overwrite(file, sector, std::string(file.size(), '\0'));
    default:
      return plant(file, pieces);
  }
}

std::unique_ptr<FaultDisk> disk_of(const std::vector<std::string>& files) {
  auto disk = std::make_unique<FaultDisk>();
  for (uint32_t i = 0; i < files.size(); ++i) {
    std::unique_ptr<File> file;
    const std::string path = kFolder + "/" + segment_name(i + 1);
    require(disk->open(path, Access::create, file) == 0, "a file in memory");
    disk->change(path, [&](std::string& content) { content = files[i]; });
  }
  return disk;
}

// The record as it stands in the files, found by looking at every sector: the slow reference.
bool stands_there(const FaultDisk& disk, std::string_view frame, uint64_t seq) {
  for (const auto& path : disk.paths()) {
    const std::string content = disk.content(path);
    for (size_t at = 0; at + record_bytes(frame.size()) <= content.size(); at += kSectorBytes) {
      RecordHeader header;
      std::string found;
      if (read_header(content.data() + at, header) != HeaderState::good || header.seq != seq ||
          header.length != frame.size())
        continue;
      if (read_frame(content.data() + at, header, found) == FrameState::good && found == frame)
        return crc32c(found) == header.frame_crc;
    }
  }
  return false;
}

// Reads everything up to the tail; each frame must stand in the files, whole and chained.
void require_honest(FaultDisk& disk, Catalog& catalog, const Tail& tail) {
  uint64_t expected = 1;
  Hash last{};
  const auto read =
      read_segments(disk, catalog, kPartition, 1, tail, [&](const Stored& stored) -> Result<> {
        require(stored.seq == expected++, "frames without a gap");
        require(stored.hash == chain(last, stored.bytes), "each chained to the one before");
        require(stands_there(disk, stored.bytes, stored.seq), "none that is not in the files");
        last = stored.hash;
        return {};
      });
  if (!read) return require(read.error().code == Errc::corrupt, "or the damage is named");
  require(expected == tail.seq + 1 && (tail.seq == 0 || last == tail.hash), "all up to the tail");
  if (tail.seq > 0) require(read_one(disk, catalog, tail.seq, tail).ok(), "each is found alone");
}

std::string told(const Result<Recovered>& recovered) {
  if (!recovered) return std::string(recovered.error().reason);
  return std::to_string(recovered->tail.seq) + " " + std::to_string(recovered->end.number) + ":" +
         std::to_string(recovered->end.offset);
}

void run(std::string_view input) {
  auto files = good_store().files;
  for (Pieces pieces(input); !pieces.empty();) change(files, pieces);
  const auto disk = disk_of(files);
  auto seen = Catalog::open(*disk, kFolder), catalog = Catalog::open(*disk, kFolder);
  if (!seen || !catalog)
    return require(seen.error().code == Errc::corrupt, "odd files are corrupt");
  const auto looked = recover(*disk, **seen, kPartition, Repair::none);
  const auto repaired = recover(*disk, **catalog, kPartition, Repair::cut);
  require(told(looked) == told(repaired), "looking and repairing see the same end");
  if (!repaired) return require(repaired.error().code == Errc::corrupt, "or the damage is named");
  require_honest(*disk, **catalog, repaired->tail);
  auto fresh = Catalog::open(*disk, kFolder);
  require(fresh.ok(), "repaired files open");
  const auto again = recover(*disk, **fresh, kPartition, Repair::none);
  require(again && again->torn_bytes == 0 && again->tail.seq == repaired->tail.seq &&
              again->tail.hash == repaired->tail.hash,
          "once is enough");
}

const Registered kTarget{{"segment", run, 512}};

}  // namespace
}  // namespace watchword::fuzz
