// Reports to the parent: one line per event on standard output, which is a pipe.
#pragma once

#include <cstdint>

namespace freezer {

/// Why a file system was thawed. The lines spell these as ThawReason in src/volume/freeze/ does.
enum class Reason { kRequest, kParent, kSignal, kTimeout, kStandby, kWatchdog, kRescue };

/// Nanoseconds of CLOCK_MONOTONIC, which is process.hrtime() in Node.
int64_t monotonicNs();

void reportFreezing();
void reportFrozen(int64_t atNs, int64_t callNs);
void reportThawed(Reason reason, int64_t heldNs);
/// The file system was no longer frozen when we thawed it: another program had thawed it.
void reportLost(Reason reason);
void reportCancelled();
void reportFailed(const char* step, int errnum);

}  // namespace freezer
