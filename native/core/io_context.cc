// Sizes the memory: no more than may be in flight, no more than the queue can use, and enough for
// one chunk.
#include "io_context.h"

#include <algorithm>

namespace fastsync {

namespace {

uint64_t arenaBytes(const IoOptions& options, uint64_t chunkBytes, unsigned buffersPerChunk) {
  const uint64_t perChunk = chunkBytes * buffersPerChunk;
  return std::max(perChunk, std::min(options.inFlightBytes, perChunk * options.queueDepth));
}

std::unique_ptr<IoQueue> openQueueOn(Backend backend, unsigned depth, const Arena& arena) {
  auto queue = openQueue(backend, depth);
  queue->adoptMemory(arena.memory());
  return queue;
}

}  // namespace

IoContext::IoContext(const IoOptions& options, uint64_t chunkBytes, unsigned buffersPerChunk)
    : arena(arenaBytes(options, chunkBytes, buffersPerChunk)),
      reactor(openQueueOn(options.backend, options.queueDepth, arena)),
      limiter(options.bytesPerSecond),
      scheduler(reactor, arena, options.queueDepth, limiter) {}

uint64_t usableChunkBytes(const IoOptions& options, uint64_t granuleBytes,
                          unsigned buffersPerChunk) {
  const uint64_t most = std::min(options.chunkBytes, options.inFlightBytes / buffersPerChunk);
  return std::max(roundDown(most, granuleBytes), granuleBytes);
}

}  // namespace fastsync
