// Reads and writes that finish: what comes short is continued, what was interrupted is repeated,
// and what direct I/O cannot take goes through the page cache.
#pragma once

#include "endpoint.h"
#include "reactor.h"
#include "task.h"
#include "types.h"

namespace fastsync {

/// Memory that stands for a piece of the device: byte `start` of the device is at `data`.
struct Window {
  std::byte* data = nullptr;
  uint64_t start = 0;
  std::byte* at(uint64_t offset) const { return data + (offset - start); }
};

/// Fills the window over `extent`. May also fill the rest of the sectors at its two ends.
Task<MaybeFailure> readExtent(Reactor& reactor, const Endpoint& from, Window window, Extent extent);

/// Writes the window over `extent`, and not a byte beside it.
Task<MaybeFailure> writeExtent(Reactor& reactor, const Endpoint& to, Window window, Extent extent);

/// Puts on stable storage what was written to it.
Task<MaybeFailure> flushEndpoint(Reactor& reactor, const Endpoint& endpoint);

}  // namespace fastsync
