// The first process: it freezes, and thaws when asked, when the parent ends, on a signal, or in
// time.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "../core/unique_fd.h"
#include "filesystem.h"

namespace freezer {

/// Blocks the signals that end a freeze, so that they can be read from a descriptor. Call it first.
void blockSignals();

/// Writes back, freezes and thaws, once the standby is ready. Returns the exit code.
int runWatchdog(Shared& shared, fastsync::UniqueFd channel, pid_t parent, int64_t timeoutMs);

}  // namespace freezer
