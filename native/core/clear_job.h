// Clears extents of one device: discards them, or makes them read as zeroes.
#pragma once

#include <vector>

#include "endpoint.h"
#include "transfer.h"
#include "types.h"
#include "unique_fd.h"
#include "watermark.h"
#include "work_list.h"
#include "workbench.h"

namespace fastsync {

enum class ClearMode { kDiscard, kZero };

struct ClearSpec {
  UniqueFd target;
  std::vector<Extent> extents;  // none overlapping another
  ClearMode mode = ClearMode::kZero;
  Effort effort;
};

class ClearJob {
 public:
  /// Throws SetupError.
  ClearJob(ClearSpec spec, JobControl& control);
  JobOutcome run();

 private:
  Task<> clearChunk(Chunk chunk);
  Task<MaybeFailure> discard(Extent extent);
  Task<MaybeFailure> makeZero(Extent extent);
  Task<MaybeFailure> makeZeroAligned(Extent extent);
  Task<MaybeFailure> writeZeroes(Extent extent);
  Task<int64_t> fallocate(int mode, Extent extent);
  bool halted() const;
  JobOutcome finish();

  ClearSpec spec_;
  JobControl& control_;
  Endpoint target_;
  uint64_t writeBytes_;
  WorkList work_;
  Workbench bench_;
  Watermark watermark_{0};
  Arena::Block zeroes_;
  bool canPunch_ = true;
  bool canZeroRange_ = true;
  MaybeFailure failure_;
};

}  // namespace fastsync
