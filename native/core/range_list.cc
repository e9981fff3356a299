// Sorting is put off until the list is full or asked for.
#include "range_list.h"

#include <algorithm>
#include <utility>

namespace fastsync {

namespace {
constexpr size_t kMostRanges = 4 * kMiB;
}  // namespace

void RangeList::add(const Extent& range) {
  if (!ranges_.empty() && ranges_.back().end() == range.start) {
    ranges_.back().length += range.length;
    return;
  }
  ranges_.push_back(range);
  if (ranges_.size() < kMostRanges) return;
  compact();
  // Half must be free, or the next call would compact again.
  while (ranges_.size() > kMostRanges / 2) {
    joinBytes_ = joinBytes_ == 0 ? 4 * kKiB : joinBytes_ * 2;
    compact();
  }
}

void RangeList::compact() {
  std::sort(ranges_.begin(), ranges_.end(),
            [](const Extent& a, const Extent& b) { return a.start < b.start; });
  size_t kept = 0;
  for (const Extent& range : ranges_) {
    if (kept > 0 && range.start <= ranges_[kept - 1].end() + joinBytes_) {
      Extent& last = ranges_[kept - 1];
      last.length = std::max(last.end(), range.end()) - last.start;
    } else {
      ranges_[kept++] = range;
    }
  }
  ranges_.resize(kept);
}

std::vector<Extent> RangeList::take() {
  compact();
  return std::exchange(ranges_, {});
}

}  // namespace fastsync
