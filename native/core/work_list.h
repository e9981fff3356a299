// The extents of a job in order, cut into requests: neighbours joined, nothing above the chunk
// size.
#pragma once

#include <optional>
#include <vector>

#include "types.h"

namespace fastsync {

/// One reading's worth of work.
struct Chunk {
  std::vector<Extent> parts;  // ascending, none touching the next; what is to be worked on
  uint64_t bytes = 0;         // of the parts
  uint64_t position = 0;      // of its first byte in the work list

  /// From the first part to the last, the gaps included.
  Extent span() const { return {parts.front().start, parts.back().end() - parts.front().start}; }
};

class WorkList {
 public:
  /// Cuts fall on multiples of `chunkBytes` of the device, so that all but the ends are aligned.
  /// Gaps of up to `gapBytes` are bridged, but never more bytes of gap than of parts.
  WorkList(const std::vector<Extent>& extents, uint64_t chunkBytes, uint64_t gapBytes);

  uint64_t totalBytes() const { return totalBytes_; }
  /// Of the next chunk.
  uint64_t position() const { return position_; }
  void skip(uint64_t bytes);
  std::optional<Chunk> next();

 private:
  Extent piece(uint64_t limit) const;
  void advance(uint64_t bytes);

  std::vector<Extent> extents_;
  uint64_t chunkBytes_;
  uint64_t gapBytes_;
  uint64_t totalBytes_ = 0;
  uint64_t position_ = 0;
  size_t index_ = 0;
  uint64_t within_ = 0;  // bytes of extents_[index_] that are handed out
};

}  // namespace fastsync
