// Compares extents of two devices by reading both at once. Equal, different, and not comparable are
// three answers: what cannot be read is never called equal.
#pragma once

#include <memory>
#include <vector>

#include "endpoint.h"
#include "io_context.h"
#include "range_list.h"
#include "types.h"
#include "watermark.h"
#include "work_list.h"

namespace fastsync {

struct CompareSpec {
  EndpointSpec left;
  EndpointSpec right;
  std::vector<Extent> extents;  // none overlapping another
  uint64_t startAtBytes = 0;
  uint64_t granularityBytes = 4 * kKiB;  // a power of two
  IoOptions options;
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
  std::unique_ptr<Endpoint> left_;
  std::unique_ptr<Endpoint> right_;
  uint64_t granuleBytes_;
  uint64_t chunkBytes_;
  WorkList work_;
  IoContext io_;
  Watermark watermark_;
  RangeList different_;
  RangeList unreadable_;
  MaybeFailure failure_;
};

}  // namespace fastsync
