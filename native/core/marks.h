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

/// The marked extents, sorted and merged. Each bit is either taken and cleared, or left set for the
/// next time: none is lost.
std::vector<Extent> takeMarks(MarkWords words, MarkScale scale);

/// The marked extents of both, which stay as they are.
std::vector<Extent> readMarks(MarkWords words, MarkWords others, MarkScale scale);

/// Moves the marks from `live` into `held`. Ended at any moment, each is in one of them.
void holdMarks(MarkWords live, MarkWords held);

/// Clears what was read from words that nobody else sets.
void clearMarks(MarkWords held);

}  // namespace fastsync
