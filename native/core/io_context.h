// What every job works with: a queue, memory, a bandwidth limit and the scheduler that uses them.
#pragma once

#include "arena.h"
#include "rate_limiter.h"
#include "reactor.h"
#include "request_scheduler.h"
#include "types.h"

namespace fastsync {

/// A gap this short takes no longer to read over than another request takes to make.
inline constexpr uint64_t kBridgedGapBytes = 32 * kKiB;

class IoContext {
 public:
  /// `buffersPerChunk`: how many buffers of the chunk size one chunk holds at once.
  IoContext(const IoOptions& options, uint64_t chunkBytes, unsigned buffersPerChunk);

  // In this order: the kernel must let go of the memory before it is freed.
  Arena arena;
  Reactor reactor;
  RateLimiter limiter;
  RequestScheduler scheduler;
};

/// The chunk size to use where pieces must not be cut smaller than `granuleBytes`.
uint64_t usableChunkBytes(const IoOptions& options, uint64_t granuleBytes,
                          unsigned buffersPerChunk);

}  // namespace fastsync
