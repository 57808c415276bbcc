#include "stores/keys/vault_record.h"

#include <bit>
#include <cstddef>
#include <cstring>
#include <type_traits>

#include "events/crypto/hash.h"

namespace watchword::keys {
namespace {

static_assert(std::endian::native == std::endian::little);
static_assert(std::is_trivially_copyable_v<Record>);

constexpr std::string_view kMagic = "WWVAULT1";
constexpr size_t kChecksumAt = offsetof(Record, checksum);
constexpr size_t kChecksumBytes = sizeof(Record::checksum);

void finish(std::string& piece) {
  const auto digest = crypto::sha256(std::string_view(piece).substr(0, kChecksumAt));
  std::memcpy(piece.data() + kChecksumAt, digest.data(), kChecksumBytes);
  piece.back() = static_cast<char>(kMark);
}

bool is_finished(std::string_view piece) {
  std::string again(piece);
  finish(again);
  return again == piece;
}

crypto::Digest check_of(const crypto::Key256& wrap) {
  return crypto::hmac_sha256(wrap.view(), "watchword vault");
}

bool is_known(Kind kind) {
  return kind == Kind::key || kind == Kind::erase || kind == Kind::blank;
}

}  // namespace

std::string header_bytes(const crypto::Key256& wrap) {
  std::string piece(kMagic);
  piece += crypto::view(check_of(wrap));
  piece.resize(kPieceBytes, '\0');
  finish(piece);
  return piece;
}

Result<> check_header(std::string_view bytes, const crypto::Key256& wrap) {
  if (bytes.size() != kPieceBytes || !is_finished(bytes) || !bytes.starts_with(kMagic))
    return Error{Errc::corrupt, "vault.header", "the header at byte 0 is not what was written"};
  const auto check = bytes.substr(kMagic.size(), sizeof(crypto::Digest));
  if (!crypto::equal_constant_time(check, crypto::view(check_of(wrap))))
    return Error{Errc::denied, "vault.other_key", "it was made under another master key"};
  return {};
}

std::string record_bytes(Record record) {
  std::string piece(kPieceBytes, '\0');
  std::memcpy(piece.data(), &record, kPieceBytes);
  finish(piece);
  return piece;
}

Reading read_record(std::string_view bytes, uint64_t number, Record& record) {
  if (bytes.size() < kPieceBytes || bytes.back() == 0) return Reading::torn;
  if (!is_finished(bytes)) return Reading::bad;
  std::memcpy(static_cast<void*>(&record), bytes.data(), kPieceBytes);
  return record.number == number && is_known(record.kind) ? Reading::whole : Reading::bad;
}

}  // namespace watchword::keys
