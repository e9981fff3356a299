// The first process: freezes, and thaws on request, on the parent's end, on a signal, on time.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "../core/unique_fd.h"
#include "filesystem.h"

namespace freezer {

/// Signals that end the freeze, blocked so that they wait to be read. Call before anything is
/// started.
void blockSignals();

/// Runs from the writing back to the thaw, with the twin standing by. Gives the exit code.
int runGuard(Shared& shared, fastsync::UniqueFd channel, pid_t parent, int64_t timeoutMs);

}  // namespace freezer
