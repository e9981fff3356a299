// The file system to freeze, and the state that the watchdog and its standby share.
#pragma once

#include <atomic>
#include <cstdint>

#include "report.h"

namespace freezer {

/// A directory of the file system, opened by the parent.
constexpr int kFilesystemFd = 3;

enum class Phase : int {
  kIdle,      ///< the file system has not been touched yet
  kFreezing,  ///< FIFREEZE was called; its result is not known yet
  kFrozen,    ///< frozen by us
  kThawing,   ///< one of the two is thawing it
  kDone,      ///< not frozen by us any more
};

/// Lies in memory that both processes share.
struct Shared {
  std::atomic<Phase> phase{Phase::kIdle};
  std::atomic<int64_t> frozenAtNs{0};
  static_assert(std::atomic<Phase>::is_always_lock_free);

  /// True for one process only, if both want to move on from `from`.
  bool move(Phase from, Phase to) { return phase.compare_exchange_strong(from, to); }
};

/// Calls FIFREEZE, which not even SIGKILL can interrupt. Returns 0 or an errno.
int freezeNow();

/// Calls FITHAW and reports the result. EINVAL means that another program thawed it before.
void thawNow(Shared& shared, Reason reason);

}  // namespace freezer
