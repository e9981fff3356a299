// Sizes the memory: no more than may be in flight, no more than the queue can use, and enough for
// one chunk.
#include "workbench.h"

#include <algorithm>

namespace fastsync {

namespace {

uint64_t arenaBytes(const Effort& effort, uint64_t chunkBytes, unsigned buffersPerChunk) {
  const uint64_t perChunk = chunkBytes * buffersPerChunk;
  return std::max(perChunk, std::min(effort.inFlightBytes, perChunk * effort.queueDepth));
}

std::unique_ptr<IoQueue> openQueueOn(Backend backend, unsigned depth, const Arena& arena) {
  auto queue = openQueue(backend, depth);
  queue->adoptMemory(arena.memory());
  return queue;
}

}  // namespace

Workbench::Workbench(const Effort& effort, uint64_t chunkBytes, unsigned buffersPerChunk)
    : arena(arenaBytes(effort, chunkBytes, buffersPerChunk)),
      reactor(openQueueOn(effort.backend, effort.queueDepth, arena)),
      pacer(effort.bytesPerSecond),
      crew(reactor, arena, effort.queueDepth, pacer) {}

uint64_t usableChunkBytes(const Effort& effort, uint64_t granuleBytes, unsigned buffersPerChunk) {
  const uint64_t most = std::min(effort.chunkBytes, effort.inFlightBytes / buffersPerChunk);
  return std::max(roundDown(most, granuleBytes), granuleBytes);
}

}  // namespace fastsync
