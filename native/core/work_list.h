// The extents of a job in order, cut into requests: neighbours joined, nothing above the chunk
// size.
#pragma once

#include <optional>
#include <vector>

#include "types.h"

namespace fastsync {

/// One request's worth of work.
struct Chunk {
  Extent extent;
  uint64_t position = 0;  // of its first byte in the work list
};

class WorkList {
 public:
  /// Cuts fall on multiples of `chunkBytes` of the device, so that all but the ends are aligned.
  WorkList(const std::vector<Extent>& extents, uint64_t chunkBytes);

  uint64_t totalBytes() const { return totalBytes_; }
  /// Of the next chunk.
  uint64_t position() const { return position_; }
  void skip(uint64_t bytes);
  std::optional<Chunk> next();

 private:
  void advance(uint64_t bytes);

  std::vector<Extent> extents_;
  uint64_t chunkBytes_;
  uint64_t totalBytes_ = 0;
  uint64_t position_ = 0;
  size_t index_ = 0;
  uint64_t within_ = 0;  // bytes of extents_[index_] that are handed out
};

}  // namespace fastsync
