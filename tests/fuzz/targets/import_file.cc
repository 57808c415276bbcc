// The reader of log files: plain, gzip, zstd, wrapped in a document or not. Input: a byte that says
// how, then the file.
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "api/import/reader.h"
#include "tests/fuzz/target.h"

namespace watchword::fuzz {
namespace {

// A file without a place on any disk.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : file_(memfd_create("fuzz", MFD_CLOEXEC)) {
    require(file_ >= 0 &&
                write(file_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()),
            "memory for a file");
  }
  ~MemoryFile() { close(file_); }
  std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }

 private:
  int file_;
};

constexpr size_t kLinesMax = 10'000;

struct Lines {
  std::vector<std::string> texts;
  bool ok = true;
};

Lines lines_of(std::string_view bytes, import::Unit unit) {
  Lines lines;
  const MemoryFile file(bytes);
  auto input = import::open_input(file.path());
  require(input.ok(), "a file that is there opens");
  import::Reader reader(std::move(*input), unit);
  while (lines.texts.size() < kLinesMax) {
    const auto line = reader.next();
    if (!line) {
      require(line.error().code == Errc::corrupt, "what cannot be read is corrupt");
      lines.ok = false;
      break;
    }
    if (!*line) break;
    require((*line)->number == lines.texts.size() + 1, "lines are counted from 1");
    require((*line)->text.size() <= import::kMaxLineBytes, "a line within its limit");
    lines.texts.emplace_back((*line)->text);
  }
  return lines;
}

// What a plain file says, as simply as it can be said.
Lines split(std::string_view bytes) {
  Lines lines;
  for (Pieces pieces(bytes); !pieces.empty();) {
    auto line = pieces.until('\n');
    while (line.ends_with('\r')) line.remove_suffix(1);
    lines.texts.emplace_back(line);
  }
  return lines;
}

std::string gzipped(std::string_view bytes) {
  z_stream stream{};
  deflateInit2(&stream, 1, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, bytes.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

bool is_plain(std::string_view bytes) {
  return !bytes.starts_with("\x1f\x8b") && !bytes.starts_with("\x28\xb5\x2f\xfd");
}

void run(std::string_view input) {
  Pieces pieces(input);
  const bool records = pieces.byte() % 2 != 0;
  const auto unit = records ? import::Unit::record : import::Unit::line;
  const auto bytes = pieces.rest();
  const auto lines = lines_of(bytes, unit);
  if (!is_plain(bytes)) return;
  require(lines.ok, "a plain file is never corrupt");
  if (!records) require(lines.texts == split(bytes).texts, "each line, and nothing else");
  const size_t half = bytes.size() / 2;
  const auto packed = gzipped(bytes.substr(0, half)) + gzipped(bytes.substr(half));
  const auto unpacked = lines_of(packed, unit);
  require(unpacked.ok && unpacked.texts == lines.texts, "the same out of two members of gzip");
  require(!lines_of(std::string_view(packed).substr(0, packed.size() - 1), unit).ok,
          "gzip that is cut off is told");
}

const Registered kTarget{{"import_file", run}};

}  // namespace
}  // namespace watchword::fuzz
