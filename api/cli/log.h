// The node's log on stderr: text when a person watches, one JSON object a line otherwise. Never a
// secret.
#pragma once
#include <string_view>

namespace watchword::cli {

// Call once, before the first line. `verbose` also says what is only of use when something is
// looked for.
void open_log(bool verbose);
void log_info(std::string_view text);
void log_warning(std::string_view text);
void log_error(std::string_view text);
void flush_log();

}  // namespace watchword::cli
