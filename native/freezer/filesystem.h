// The file system that is frozen, and what the guard and its twin both know of it.
#pragma once

#include <atomic>
#include <cstdint>

#include "report.h"

namespace freezer {

/// The directory of the file system, opened by the parent.
constexpr int kFilesystemFd = 3;

enum class Phase : int {
  kIdle,      ///< nothing was done to the file system yet
  kFreezing,  ///< FIFREEZE was called and what came of it is not known
  kFrozen,    ///< ours to thaw
  kThawing,   ///< somebody is at it
  kDone,      ///< nothing is ours any more
};

/// In memory that both processes share.
struct Shared {
  std::atomic<Phase> phase{Phase::kIdle};
  std::atomic<int64_t> frozenAtNs{0};
  static_assert(std::atomic<Phase>::is_always_lock_free);

  /// Of two who want to thaw one is let through.
  bool move(Phase from, Phase to) { return phase.compare_exchange_strong(from, to); }
};

/// FIFREEZE; 0 or an errno. It cannot be interrupted, not even by SIGKILL.
int freezeNow();

/// FITHAW, and the report of it. EINVAL says that nothing is frozen: somebody else thawed it.
void thawNow(Shared& shared, Reason reason);

}  // namespace freezer
