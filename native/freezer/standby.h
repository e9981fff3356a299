// The second process: it thaws if the watchdog is killed, or does not thaw in time.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "../core/unique_fd.h"
#include "filesystem.h"

namespace freezer {

/// The watchdog sends this when the time limit starts.
constexpr char kClockStarts = 'c';
/// The standby sends this when it is ready.
constexpr char kReady = 'r';

/// Runs until the watchdog has ended, or until it has thawed in its place. Returns the exit code.
int runStandby(Shared& shared, fastsync::UniqueFd channel, pid_t watchdog, int64_t timeoutMs);

}  // namespace freezer
