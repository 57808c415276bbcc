#include "api/cli/terminal.h"

#include <unistd.h>

#include <algorithm>

#include "api/cli/exit_code.h"

namespace watchword::cli {
namespace {

std::string grouped(uint64_t number) {
  std::string digits = std::to_string(number);
  for (size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::string clock_text(double seconds) {
  const auto whole = static_cast<int64_t>(seconds);
  const std::string rest = std::to_string(whole % 60);
  return std::to_string(whole / 60) + ":" + (rest.size() < 2 ? "0" : "") + rest;
}

// Length of what must not be written at the beginning of `text`; 0: it may be.
size_t unsafe_bytes(std::string_view text) {
  const auto byte = [&](size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u;
  };
  if (byte(0) < 0x20 || byte(0) == 0x7f) return 1;
  if (byte(0) == 0xc2 && byte(1) >= 0x80 && byte(1) < 0xa0) return 2;
  if (byte(0) != 0xe2) return 0;
  const bool embeds = byte(1) == 0x80 &&
                      (byte(2) == 0x8e || byte(2) == 0x8f || (byte(2) >= 0xa8 && byte(2) <= 0xae));
  const bool isolates = byte(1) == 0x81 && byte(2) >= 0xa6 && byte(2) <= 0xa9;
  return embeds || isolates ? 3 : 0;
}

}  // namespace

int Terminal::fail(const Error& error) const {
  say(printable(error.detail.empty() ? std::string(error.reason) : error.detail));
  return exit_code_of(error);
}

bool Terminal::errors_are_seen() const { return isatty(fileno(errors)) == 1; }

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t unsafe = unsafe_bytes(text);
    out += unsafe == 0 ? text[0] : ' ';
    text.remove_prefix(std::max<size_t>(unsafe, 1));
  }
  return out;
}

void ProgressLine::show(const std::string& line) {
  if (!terminal_.errors_are_seen()) return;
  std::fprintf(terminal_.errors, "\r%s\033[K", line.c_str());
  std::fflush(terminal_.errors);
  shown_ = true;
}

void ProgressLine::clear() {
  if (!shown_) return;
  std::fprintf(terminal_.errors, "\r\033[K");
  shown_ = false;
}

std::string progress_text(const ProgressFigures& figures) {
  constexpr size_t kWidth = 24;
  const double rate = static_cast<double>(figures.count) / std::max(figures.seconds, 0.001);
  const std::string tail = grouped(figures.count) + " " + std::string(figures.noun) + "  " +
                           grouped(static_cast<uint64_t>(rate)) + "/s";
  if (figures.total == 0) return tail;
  const double part =
      std::min(1.0, static_cast<double>(figures.done) / static_cast<double>(figures.total));
  const auto filled = static_cast<size_t>(part * kWidth);
  std::string line = "[" + std::string(filled, '=') + std::string(kWidth - filled, ' ') + "] " +
                     std::to_string(static_cast<int>(part * 100)) + " %  " + tail;
  if (part > 0) line += "  ETA " + clock_text(figures.seconds / part - figures.seconds);
  return line;
}

}  // namespace watchword::cli
