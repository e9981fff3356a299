// Joins and cuts extents; see the header.
#include "work_list.h"

#include <algorithm>

namespace fastsync {

WorkList::WorkList(const std::vector<Extent>& extents, uint64_t chunkBytes)
    : chunkBytes_(chunkBytes) {
  for (const Extent& extent : extents) {
    if (extent.length == 0) continue;
    totalBytes_ += extent.length;
    if (!extents_.empty() && extents_.back().end() == extent.start) {
      extents_.back().length += extent.length;
    } else {
      extents_.push_back(extent);
    }
  }
}

void WorkList::advance(uint64_t bytes) {
  position_ += bytes;
  within_ += bytes;
  if (within_ == extents_[index_].length) {
    ++index_;
    within_ = 0;
  }
}

void WorkList::skip(uint64_t bytes) {
  while (bytes > 0 && index_ < extents_.size()) {
    const uint64_t step = std::min(bytes, extents_[index_].length - within_);
    advance(step);
    bytes -= step;
  }
}

std::optional<Chunk> WorkList::next() {
  if (index_ == extents_.size()) return std::nullopt;
  const Extent& extent = extents_[index_];
  const uint64_t start = extent.start + within_;
  const uint64_t cut = roundDown(start, chunkBytes_) + chunkBytes_;
  const Chunk chunk{{start, std::min(cut, extent.end()) - start}, position_};
  advance(chunk.extent.length);
  return chunk;
}

}  // namespace fastsync
