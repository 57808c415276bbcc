// The lines of a log: plain, gzip (several members too) or zstd by its first bytes, from a file or
// standard input.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "events/base/result.h"

namespace watchword::import {

inline constexpr size_t kMaxLineBytes = 1024 * 1024;

// What is read next, decompressed. One thread.
class Input {
 public:
  virtual ~Input() = default;
  // Up to `size` bytes; 0 is the end. Errors: io "import.read"; corrupt "import.gzip",
  // "import.zstd" (bad or cut off).
  virtual Result<size_t> read(char* out, size_t size) = 0;
  virtual uint64_t bytes_taken() const = 0;  // of the file, before decompression
};

// "-" is standard input. Errors: io "import.open".
Result<std::unique_ptr<Input>> open_input(const std::string& path);
// 0 for what has no size: a pipe.
uint64_t size_of(const std::string& path);

struct Line {
  uint64_t number = 0;  // from 1; of a wrapped document, the place of the record in it
  std::string_view
      text;  // without its end; lives until the next call. Of one that is too long, its beginning
  bool too_long = false;  // over kMaxLineBytes
};

enum class Unit : uint8_t {
  line,
  record,  // as line, but a document {"Records":[…]}, {"Events":[…]} or […] gives its elements,
           // however it is laid out
};

class Reader {
 public:
  Reader(std::unique_ptr<Input> input, Unit unit) : input_(std::move(input)), unit_(unit) {}

  // nullopt: the end. Errors: those of Input::read.
  Result<std::optional<Line>> next();
  uint64_t bytes_taken() const { return input_->bytes_taken(); }

 private:
  Result<bool> fill();
  Result<> begin();
  Result<std::optional<Line>> next_line();
  Result<std::optional<Line>> next_element();
  Result<std::optional<char>> peek(size_t at);
  Result<bool> find_element();
  Line cut(size_t bytes, size_t consumed);
  void drop_consumed();

  std::unique_ptr<Input> input_;
  Unit unit_;
  bool begun_ = false;
  bool wrapped_ = false;
  bool in_list_ = false;
  bool ended_ = false;
  std::string buffer_;
  size_t at_ = 0;  // first byte of the buffer that is not consumed
  uint64_t number_ = 0;
};

}  // namespace watchword::import
