#include "api/cli/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>

#include "api/cli/terminal.h"
#include "events/base/time.h"

namespace watchword::cli {
namespace {

// spdlog's patterns do not escape, and a path or a server's words may hold a quotation mark.
class JsonLines final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const auto at =
        std::chrono::duration_cast<std::chrono::milliseconds>(message.time.time_since_epoch());
    const auto level = spdlog::level::to_string_view(message.level);
    const std::string line = boost::json::serialize(boost::json::object{
        {"time", rfc3339(at.count())},
        {"level", std::string_view(level.data(), level.size())},
        {"message", std::string_view(message.payload.data(), message.payload.size())}});
    out.append(line.data(), line.data() + line.size());
    out.push_back('\n');
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonLines>();
  }
};

}  // namespace

void open_log(bool verbose) {
  auto logger = spdlog::stderr_color_mt("watchword");
  logger->set_level(verbose ? spdlog::level::debug : spdlog::level::info);
  logger->flush_on(spdlog::level::info);
  if (isatty(STDERR_FILENO) == 1)
    logger->set_pattern("%H:%M:%S.%e %^%-7l%$ %v");
  else
    logger->set_formatter(std::make_unique<JsonLines>());
  spdlog::set_default_logger(std::move(logger));
}

void log_info(std::string_view text) { spdlog::info("{}", printable(text)); }
void log_warning(std::string_view text) { spdlog::warn("{}", printable(text)); }
void log_error(std::string_view text) { spdlog::error("{}", printable(text)); }
void flush_log() { spdlog::default_logger()->flush(); }

}  // namespace watchword::cli
