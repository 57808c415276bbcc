// Secrets of `sk_` tokens.
#pragma once
#include "events/base/clock.h"
#include "events/base/ids.h"
#include "events/crypto/secret.h"

namespace watchword::commands {

// `sk_` and 64 lower-case hex digits of 32 random bytes, drawn until the first 12 bits of the
// text's SHA-256 are `slot`, so that the hash alone finds its partition. About 4,096 draws, 1 to 2
// ms, now and then ten times that: never on a loop.
crypto::Secret draw_secret(Slot slot, Entropy& entropy);

}  // namespace watchword::commands
