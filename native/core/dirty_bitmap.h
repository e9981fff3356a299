// A tracker's marks: one bit per granule of a volume, set by the kernel while we look.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "types.h"

namespace fastsync {

/// Memory that is shared with whoever sets bits, atomically, at any time.
using BitmapWords = std::span<uint64_t>;

/// What one mark stands for, and where the volume ends.
struct BitmapScale {
  uint64_t granularityBytes;
  uint64_t volumeBytes;

  uint64_t words() const;
};

/// 64 MiB of them, whatever was written.
constexpr size_t kMostExtents = size_t{1} << 22;

/// The marked extents, sorted and merged.
struct DirtyExtents {
  std::vector<Extent> extents;
  /// There were more than are given: the closest were joined, with what lies between them.
  bool joined = false;
};

/// At most `most` extents. Each bit is either taken and cleared, or left set for the next time:
/// none is lost.
DirtyExtents takeDirty(BitmapWords words, BitmapScale scale, size_t most = kMostExtents);

/// What is marked in either, and stays so.
DirtyExtents readDirty(BitmapWords words, BitmapWords others, BitmapScale scale,
                       size_t most = kMostExtents);

/// Moves the marks from `live` into `held`. Ended at any moment, each is in one of them.
void holdDirty(BitmapWords live, BitmapWords held);

/// Clears what was read from words that nobody else sets.
void clearDirty(BitmapWords held);

}  // namespace fastsync
