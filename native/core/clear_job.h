// Clears extents of one device: discards them, or makes them read as zeroes.
#pragma once

#include <memory>
#include <vector>

#include "endpoint.h"
#include "io_context.h"
#include "types.h"
#include "watermark.h"
#include "work_list.h"

namespace fastsync {

enum class ClearMode { kDiscard, kZero };

struct ClearSpec {
  EndpointSpec target;
  std::vector<Extent> extents;  // none overlapping another
  ClearMode mode = ClearMode::kZero;
  IoOptions options;
};

class ClearJob {
 public:
  /// Throws SetupError.
  ClearJob(ClearSpec spec, JobControl& control);
  JobOutcome run();

 private:
  Task<> clearChunk(Chunk chunk);
  Task<MaybeFailure> makeZero(Extent extent);
  Task<MaybeFailure> makeZeroAligned(Extent extent);
  Task<MaybeFailure> writeZeroes(Extent extent);
  bool halted() const;
  JobOutcome finish();

  ClearSpec spec_;
  JobControl& control_;
  std::unique_ptr<Endpoint> target_;
  uint64_t writeBytes_;
  WorkList work_;
  IoContext io_;
  Watermark watermark_{0};
  Arena::Block zeroes_;
  MaybeFailure failure_;
};

}  // namespace fastsync
