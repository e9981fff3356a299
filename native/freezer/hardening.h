// Makes a process as hard to stop as the machine allows, before it has anything to lose.
#pragma once

namespace freezer {

/// Takes all memory in, so that no page has to come from a frozen file system or from swap on it,
/// and is passed over by the out-of-memory killer. 0 or an errno.
int harden();

/// Leaves the control groups of a service or container, as far as it may: what kills, pauses or
/// throttles all processes of one at once then leaves this one alone.
void leaveControlGroups();

}  // namespace freezer
