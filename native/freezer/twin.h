// The second process: it thaws when the guard is killed, or hangs beyond its time.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "../core/unique_fd.h"
#include "filesystem.h"

namespace freezer {

/// What the guard says over the channel when the time begins to count.
constexpr char kClockStarts = 'c';
/// What the twin says when it stands by.
constexpr char kReady = 'r';

/// Runs until the guard has ended, or was stood in for. Gives the exit code.
int runTwin(Shared& shared, fastsync::UniqueFd channel, pid_t guard, int64_t timeoutMs);

}  // namespace freezer
