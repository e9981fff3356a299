// Digests extents of one device, a digest for each cell of a grid that they touch.
#pragma once

#include <vector>

#include "cell_digests.h"
#include "endpoint.h"
#include "range_list.h"
#include "rescue.h"
#include "turnstile.h"
#include "types.h"
#include "unique_fd.h"
#include "work_list.h"
#include "workbench.h"

namespace fastsync {

struct DigestSpec {
  UniqueFd volume;
  std::vector<Extent> extents;  // ascending, none overlapping another
  uint64_t cellBytes = kMiB;
  Algorithm algorithm = Algorithm::kXxh3;
  Effort effort;
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
  Endpoint volume_;
  uint64_t chunkBytes_;
  WorkList work_;
  Workbench bench_;
  Turnstile turnstile_;
  CellDigests cells_;
  RangeList unreadable_;
  bool broken_ = false;  // a chunk is missing: nothing behind it counts
  MaybeFailure failure_;
};

}  // namespace fastsync
