// Reads chunks whole, and around bad sectors: a failed read is tried again in smaller pieces.
#pragma once

#include <vector>

#include "endpoint.h"
#include "work_list.h"

namespace fastsync {

/// What reading a chunk came to.
struct ChunkRead {
  /// Sectors that cannot be read, sorted; their bytes in the window are zero.
  std::vector<Extent> bad;
  /// An error that smaller pieces cannot help, such as a device that is gone.
  MaybeFailure fatal;
  /// The job was stopped before the chunk was read to its end.
  bool interrupted = false;

  bool complete() const { return !fatal && !interrupted; }
};

/// Fills the window over all parts of `chunk`, which must stay where it is meanwhile. Without
/// `rescue` the first bad sector is fatal.
Task<ChunkRead> readChunk(Reactor& reactor, Endpoint& from, Window window, const Chunk& chunk,
                          bool rescue, const JobControl& control);

}  // namespace fastsync
