// A bandwidth limit: says how long to wait before the next bytes may be read.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace fastsync {

class RateLimiter {
 public:
  using Clock = std::chrono::steady_clock;

  /// 0: no limit.
  explicit RateLimiter(uint64_t bytesPerSecond) : bytesPerSecond_(bytesPerSecond) {}

  /// Zero when reading may begin now.
  std::chrono::milliseconds delay(Clock::time_point now) const {
    if (bytesPerSecond_ == 0 || now >= due_) return std::chrono::milliseconds(0);
    return std::chrono::ceil<std::chrono::milliseconds>(due_ - now);
  }

  /// Must be told of all that is read. A pause is not saved up: the rate never passes the limit.
  void spend(uint64_t bytes, Clock::time_point now) {
    if (bytesPerSecond_ == 0) return;
    const std::chrono::duration<double> cost(static_cast<double>(bytes) /
                                             static_cast<double>(bytesPerSecond_));
    due_ = std::max(due_, now) + std::chrono::duration_cast<Clock::duration>(cost);
  }

 private:
  uint64_t bytesPerSecond_;
  Clock::time_point due_{};
};

}  // namespace fastsync
