// How far the work is done without a gap, though its pieces finish in any order.
#pragma once

#include <cstdint>
#include <set>

namespace fastsync {

class Watermark {
 public:
  /// Everything below `position` is done.
  explicit Watermark(uint64_t position) : next_(position) {}

  /// The piece [position, position + length) is under way; pieces begin in order.
  void begin(uint64_t position, uint64_t length) {
    outstanding_.insert(position);
    next_ = position + length;
  }
  /// A piece that is never finished holds the mark at its beginning.
  void finish(uint64_t position) { outstanding_.erase(position); }
  uint64_t position() const { return outstanding_.empty() ? next_ : *outstanding_.begin(); }

 private:
  uint64_t next_;
  std::set<uint64_t> outstanding_;
};

}  // namespace fastsync
