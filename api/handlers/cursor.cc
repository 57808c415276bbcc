#include "api/handlers/cursor.h"

#include <cstring>

#include "events/crypto/encoding.h"
#include "events/crypto/hash.h"

namespace watchword::api {
namespace {

constexpr size_t kMacBytes = 12, kPartitionBytes = sizeof(Cursor::partition);

std::string mac_of(std::string_view key, std::string_view bound, std::string_view payload) {
  std::string text(bound);
  text.append(1, '\0').append(payload);
  const auto mac = crypto::hmac_sha256(key, text);
  return std::string(crypto::view(mac).substr(0, kMacBytes));
}

}  // namespace

std::string write_cursor(const Cursor& cursor, std::string_view key, std::string_view bound) {
  std::string payload(kPartitionBytes, '\0');
  std::memcpy(payload.data(), &cursor.partition, kPartitionBytes);
  payload.append(cursor.after);
  return crypto::base64url(mac_of(key, bound, payload) + payload);
}

std::optional<Cursor> read_cursor(std::string_view text, std::string_view key,
                                  std::string_view bound) {
  const auto raw = crypto::from_base64url(text);
  if (!raw || raw->size() < kMacBytes + kPartitionBytes) return std::nullopt;
  const auto payload = std::string_view(*raw).substr(kMacBytes);
  if (!crypto::equal_constant_time(std::string_view(*raw).substr(0, kMacBytes),
                                   mac_of(key, bound, payload)))
    return std::nullopt;
  Cursor cursor;
  std::memcpy(&cursor.partition, payload.data(), kPartitionBytes);
  cursor.after = payload.substr(kPartitionBytes);
  return cursor;
}

}  // namespace watchword::api
