// Joins and cuts extents; see the header.
#include "work_list.h"

#include <algorithm>

namespace fastsync {

WorkList::WorkList(const std::vector<Extent>& extents, uint64_t chunkBytes, uint64_t gapBytes)
    : chunkBytes_(chunkBytes), gapBytes_(gapBytes) {
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

/// What is left of the current extent below `limit`.
Extent WorkList::piece(uint64_t limit) const {
  const Extent& extent = extents_[index_];
  const uint64_t start = extent.start + within_;
  return {start, std::min(limit, extent.end()) - start};
}

std::optional<Chunk> WorkList::next() {
  if (index_ == extents_.size()) return std::nullopt;
  const uint64_t start = extents_[index_].start + within_;
  const uint64_t limit = roundDown(start, chunkBytes_) + chunkBytes_;
  Chunk chunk;
  chunk.position = position_;
  uint64_t bridged = 0;
  uint64_t end = start;
  while (index_ < extents_.size()) {
    const uint64_t nextStart = extents_[index_].start + within_;
    if (nextStart < end || nextStart >= limit) break;
    const uint64_t gap = nextStart - end;
    if (gap > gapBytes_ || bridged + gap > chunk.bytes) break;
    const Extent part = piece(limit);
    chunk.parts.push_back(part);
    chunk.bytes += part.length;
    bridged += gap;
    end = part.end();
    advance(part.length);
  }
  return chunk;
}

}  // namespace fastsync
