// Durable copies of files and folders. Errors: io "copy.*", names the path.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "events/base/result.h"

namespace watchword::replay {

Result<> make_folder(const std::string& path);  // with those above it; 0700
Result<> sync_file(const std::string& path);
Result<> sync_folder(const std::string& path);
std::vector<std::string> files_in(const std::string& folder, std::string_view suffix);  // by name

// The first `most` bytes of a file; the copy is as long as the file and zero behind them. Gives the bytes copied.
Result<uint64_t> copy_front(const std::string& from, const std::string& to, uint64_t most);
// Everything in a folder, with its permissions. A file that changes while it is copied is copied again. Gives the bytes.
Result<uint64_t> copy_folder(const std::string& from, const std::string& to);
Result<> write_file(const std::string& path, std::string_view text);  // 0600

}  // namespace watchword::replay
