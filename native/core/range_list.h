// Collects ranges in about ascending order, within bounded memory.
#pragma once

#include <vector>

#include "types.h"

namespace fastsync {

class RangeList {
 public:
  void add(const Extent& range);
  /// Sorted, none touching the next. Past four million ranges, those close together were joined
  /// with what lies between them: the list may then name too much, never too little.
  std::vector<Extent> take();

 private:
  void compact();

  std::vector<Extent> ranges_;
  uint64_t joinBytes_ = 0;  // gaps up to this long are swallowed
};

}  // namespace fastsync
