// Arithmetic of the detectors: integers only, so that every compiler and machine gives the same
// bits.
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace watchword::detectors {

inline constexpr uint32_t kOne = 65536;             // 1.0 in 16.16
inline constexpr uint32_t kMaxStrength = 4 * kOne;  // s = min(4, -log10 p)
inline constexpr uint32_t kLog10Of2 = 19728;        // in 1/65536

// Floor of the square root.
constexpr uint64_t integer_sqrt(uint64_t x) {
  uint64_t root = 0;
  uint64_t bit = x == 0 ? 0 : uint64_t{1} << ((63 - std::countl_zero(x)) & ~1);
  for (; bit != 0; bit >>= 2) {
    const bool fits = x >= root + bit;
    if (fits) x -= root + bit;
    root = (root >> 1) + (fits ? bit : 0);
  }
  return root;
}

// log2 of x > 0 in 1/65536, by squaring the mantissa 16 times.
constexpr uint32_t log2_fixed(uint64_t x) {
  const int whole = 63 - std::countl_zero(x);
  uint64_t mantissa = whole >= 31 ? x >> (whole - 31) : x << (31 - whole);  // 1.31
  uint32_t fraction = 0;
  for (int i = 0; i < 16; ++i) {
    mantissa = mantissa * mantissa >> 31;
    const bool two = mantissa >> 32 != 0;
    if (two) mantissa >>= 1;
    fraction = fraction << 1 | static_cast<uint32_t>(two);
  }
  return static_cast<uint32_t>(whole) << 16 | fraction;
}

// -log10(part / whole) in 1/65536, within [0, 4]; part 0 counts as infinitely rare.
constexpr uint32_t surprise(uint64_t part, uint64_t whole) {
  if (part >= whole) return 0;
  if (part == 0) return kMaxStrength;
  const uint64_t bits = log2_fixed(whole) - log2_fixed(part);
  return static_cast<uint32_t>(std::min<uint64_t>(kMaxStrength, bits * kLog10Of2 >> 16));
}

// 2^(-i/30) in 1/2^32.
inline constexpr std::array<uint64_t, 30> kThirtieths = [] {
  std::array<uint64_t, 30> out{};
  uint64_t value = uint64_t{1} << 32;
  for (auto& entry : out) {
    entry = value;
    value = value * 4196870107u >> 32;
  }
  return out;
}();

// What is left of `value` after `steps`, of which 30 halve it.
constexpr uint32_t decayed(uint32_t value, uint64_t steps) {
  if (steps >= 30 * 32) return 0;
  return static_cast<uint32_t>(value * kThirtieths[steps % 30] >> 32 >> (steps / 30));
}

// 1 - 10^-x as 16 bits, x in 1/65536: 10^-x = 2^-(3.3219 x), the fraction by halving roots
// 2^(-1/2), 2^(-1/4) and so on.
constexpr uint16_t one_minus_power(uint64_t x) {
  constexpr std::array<uint64_t, 16> kRoots = {46341, 55109, 60097, 62757, 64132, 64830,
                                               65182, 65359, 65447, 65492, 65514, 65525,
                                               65530, 65533, 65535, 65535};
  const uint64_t bits = x * 217706 >> 16;
  if (bits >> 16 >= 16) return 65535;
  uint64_t power = kOne;
  for (int i = 0; i < 16; ++i)
    if (bits >> (15 - i) & 1) power = power * kRoots[i] >> 16;
  power >>= bits >> 16;
  return static_cast<uint16_t>(kOne - std::max<uint64_t>(power, 1));
}

constexpr uint32_t add_saturated(uint32_t a, uint64_t b) {
  return static_cast<uint32_t>(std::min<uint64_t>(UINT32_MAX, a + b));
}

}  // namespace watchword::detectors
