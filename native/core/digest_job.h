// Digests extents of one device, a digest for each cell of a grid that they touch.
#pragma once

#include <memory>
#include <vector>

#include "cell_digests.h"
#include "endpoint.h"
#include "io_context.h"
#include "range_list.h"
#include "rescue.h"
#include "sequencer.h"
#include "types.h"
#include "work_list.h"

namespace fastsync {

struct DigestSpec {
  EndpointSpec volume;
  std::vector<Extent> extents;  // ascending, none overlapping another
  uint64_t cellBytes = kMiB;
  Algorithm algorithm = Algorithm::kXxh3;
  IoOptions options;
};

class DigestJob {
 public:
  /// Throws SetupError.
  DigestJob(DigestSpec spec, JobControl& control);
  JobOutcome run();

 private:
  bool halted() const;
  uint64_t windowBytes(const Extent& extent) const;
  Task<> digestChunk(Chunk chunk, Arena::Block block);
  void record(const Chunk& chunk, Window window, const ChunkRead& read);

  DigestSpec spec_;
  JobControl& control_;
  std::unique_ptr<Endpoint> volume_;
  uint64_t chunkBytes_;
  WorkList work_;
  IoContext io_;
  Sequencer sequencer_;
  CellDigests cells_;
  RangeList unreadable_;
  bool broken_ = false;  // a chunk is missing: nothing behind it counts
  MaybeFailure failure_;
};

}  // namespace fastsync
