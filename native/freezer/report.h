// What is said to the parent: one line per event, on the pipe that is standard output.
#pragma once

#include <cstdint>

namespace freezer {

/// Why a file system was thawed; the words of src/volume/freezer-process.ts.
enum class Reason { kRequest, kParent, kSignal, kTimeout, kTwin, kGuard, kRescue };

/// Nanoseconds of CLOCK_MONOTONIC, which is process.hrtime() in Node.
int64_t monotonicNs();

void reportFreezing();
void reportFrozen(int64_t atNs, int64_t callNs);
void reportThawed(Reason reason, int64_t heldNs);
/// It was not frozen any more when we came to thaw it: somebody else did.
void reportLost(Reason reason);
void reportCancelled();
void reportFailed(const char* step, int errnum);

}  // namespace freezer
