// Compares extents of two devices by reading both at once. Equal, different, and not comparable are
// three answers: what cannot be read is never called equal.
#pragma once

#include <vector>

#include "endpoint.h"
#include "range_list.h"
#include "transfer.h"
#include "types.h"
#include "unique_fd.h"
#include "watermark.h"
#include "work_list.h"
#include "workbench.h"

namespace fastsync {

struct CompareSpec {
  UniqueFd left;
  UniqueFd right;
  std::vector<Extent> extents;  // none overlapping another
  uint64_t startAtBytes = 0;
  uint64_t granularityBytes = 4 * kKiB;  // a power of two
  Effort effort;
};

class CompareJob {
 public:
  /// Throws SetupError.
  CompareJob(CompareSpec spec, JobControl& control);
  JobOutcome run();

 private:
  bool halted() const;
  uint64_t windowBytes(const Extent& extent) const;
  Task<> compareChunk(Chunk chunk, Arena::Block block);

  CompareSpec spec_;
  JobControl& control_;
  Endpoint left_;
  Endpoint right_;
  uint64_t granuleBytes_;
  uint64_t chunkBytes_;
  WorkList work_;
  Workbench bench_;
  Watermark watermark_;
  RangeList different_;
  RangeList unreadable_;
  MaybeFailure failure_;
};

}  // namespace fastsync
