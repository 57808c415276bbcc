#include "processors/commands/secret.h"

#include <array>
#include <cstring>

#include "events/crypto/hash.h"

namespace watchword::commands {
namespace {

constexpr size_t kRandomBytes = 32, kDrawsOfBlock = 128;
constexpr char kDigits[] = "0123456789abcdef";

struct Text {
  std::array<char, 3 + 2 * kRandomBytes> letters{'s', 'k', '_'};

  ~Text() { crypto::cleanse(letters.data(), letters.size()); }
  std::string_view view() const { return {letters.data(), letters.size()}; }
  void write(const uint8_t* bytes) {
    char* out = letters.data() + 3;
    for (size_t i = 0; i < kRandomBytes; ++i) {
      *out++ = kDigits[bytes[i] >> 4];
      *out++ = kDigits[bytes[i] & 0xf];
    }
  }
};

struct Block {
  std::array<uint8_t, kRandomBytes * kDrawsOfBlock> bytes;
  ~Block() { crypto::cleanse(bytes.data(), bytes.size()); }
};

}  // namespace

// The entropy comes in blocks: a system call for each draw would cost more than the hashes.
crypto::Secret draw_secret(Slot slot, Entropy& entropy) {
  Block block;
  Text text;
  for (;;) {
    entropy.fill(block.bytes);
    for (size_t draw = 0; draw < kDrawsOfBlock; ++draw) {
      text.write(block.bytes.data() + draw * kRandomBytes);
      if (slot_of_digest(crypto::view(crypto::sha256(text.view()))) == slot)
        return crypto::Secret(text.view());
    }
  }
}

}  // namespace watchword::commands
