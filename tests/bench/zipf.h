// Draws from 1..n with P(k) ~ k^-s, by inversion of rejection (Hormann and Derflinger 1996): no table, any n.
#pragma once
#include <cmath>
#include <cstdint>
#include <random>

namespace watchword::bench {

class Zipf {
 public:
  Zipf(uint64_t n, double s) : n_(static_cast<double>(n)), s_(s) {
    low_ = integral(1.5) - 1;
    high_ = integral(n_ + 0.5);
    shift_ = 2 - inverse(integral(2.5) - std::pow(2, -s_));
  }
  template <class Random>
  uint64_t operator()(Random& random) {
    for (;;) {
      const double u = high_ + unit_(random) * (low_ - high_);
      const double x = inverse(u);
      double k = std::floor(x + 0.5);
      k = std::fmin(std::fmax(k, 1), n_);
      if (k - x <= shift_ || u >= integral(k + 0.5) - std::pow(k, -s_))
        return static_cast<uint64_t>(k);
    }
  }

 private:
  double integral(double x) const { return (std::pow(x, 1 - s_) - 1) / (1 - s_); }
  double inverse(double x) const { return std::pow(1 + x * (1 - s_), 1 / (1 - s_)); }
  double n_, s_, low_, high_, shift_;
  std::uniform_real_distribution<double> unit_{0, 1};
};

}  // namespace watchword::bench
