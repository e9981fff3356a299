// What every job works with: a queue, memory, a bandwidth limit and the crew that uses them.
#pragma once

#include "arena.h"
#include "crew.h"
#include "pacer.h"
#include "reactor.h"
#include "types.h"

namespace fastsync {

/// A gap this short takes no longer to read over than another request takes to make.
inline constexpr uint64_t kBridgedGapBytes = 32 * kKiB;

class Workbench {
 public:
  /// `buffersPerChunk`: how many buffers of the chunk size one chunk holds at once.
  Workbench(const Effort& effort, uint64_t chunkBytes, unsigned buffersPerChunk);

  // In this order: the kernel must let go of the memory before it is freed.
  Arena arena;
  Reactor reactor;
  Pacer pacer;
  Crew crew;
};

/// The chunk size to use where pieces must not be cut smaller than `granuleBytes`.
uint64_t usableChunkBytes(const Effort& effort, uint64_t granuleBytes, unsigned buffersPerChunk);

}  // namespace fastsync
