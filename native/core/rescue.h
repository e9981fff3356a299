// Reads around bad sectors: a failed read is tried again in smaller and smaller pieces.
#pragma once

#include <vector>

#include "transfer.h"

namespace fastsync {

struct Rescued {
  /// Sectors that cannot be read, sorted; their bytes in the window are zero.
  std::vector<Extent> bad;
  /// An error that smaller pieces cannot help, such as a device that is gone.
  MaybeFailure fatal;
  /// The job was stopped before the extent was read to its end.
  bool interrupted = false;
};

/// To be called for an extent whose whole read failed.
Task<Rescued> readAround(Reactor& reactor, const Endpoint& from, Window window, Extent extent,
                         const JobControl& control);

}  // namespace fastsync
