// A tracker's marks: one bit per granule of a volume, set by the kernel while we look.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "types.h"

namespace fastsync {

/// Memory that is shared with whoever sets bits, atomically, at any time.
using MarkWords = std::span<uint64_t>;

/// What one mark stands for, and where the volume ends.
struct MarkScale {
  uint64_t markBytes;
  uint64_t volumeBytes;

  uint64_t words() const;
};

/// 64 MiB of them, whatever was written.
constexpr size_t kMostExtents = size_t{1} << 22;

/// The marked extents, sorted and merged.
struct Marked {
  std::vector<Extent> extents;
  /// There were more than are given: the closest were joined, with what lies between them.
  bool joined = false;
};

/// At most `most` extents. Each bit is either taken and cleared, or left set for the next time:
/// none is lost.
Marked takeMarks(MarkWords words, MarkScale scale, size_t most = kMostExtents);

/// What is marked in either, and stays so.
Marked readMarks(MarkWords words, MarkWords others, MarkScale scale, size_t most = kMostExtents);

/// Moves the marks from `live` into `held`. Ended at any moment, each is in one of them.
void holdMarks(MarkWords live, MarkWords held);

/// Clears what was read from words that nobody else sets.
void clearMarks(MarkWords held);

}  // namespace fastsync
