#include "processors/commands/secret.h"

#include <gtest/gtest.h>

#include <set>

#include "events/crypto/hash.h"
#include "events/domain/service_token.h"

namespace watchword::commands {
namespace {

TEST(SecretOfAServiceToken, LeadsToTheSlotItWasDrawnForByItsHashAlone) {
  for (const Slot slot : {Slot{0}, Slot{1}, Slot{2048}, Slot{4095}}) {
    const auto secret = draw_secret(slot, system_entropy());
    EXPECT_TRUE(domain::service_token::well_formed_secret(secret.view()));
    EXPECT_EQ(slot_of_digest(crypto::view(crypto::sha256(secret.view()))), slot);
  }
}

TEST(SecretOfAServiceToken, IsNeverDrawnTwice) {
  std::set<std::string> drawn;
  for (int i = 0; i < 20; ++i) drawn.emplace(draw_secret(7, system_entropy()).view());
  EXPECT_EQ(drawn.size(), 20u);
}

}  // namespace
}  // namespace watchword::commands
