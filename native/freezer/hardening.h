// Protects a process from being stopped, before it freezes anything.
#pragma once

namespace freezer {

/// Locks all memory, so that no page has to be read from a frozen file system or from swap on it,
/// and exempts the process from the out-of-memory killer. Returns 0 or an errno.
int harden();

/// Leaves the control groups of its service or container, where it may: whatever kills, pauses or
/// throttles all processes of such a group does not reach this one then.
void leaveControlGroups();

}  // namespace freezer
