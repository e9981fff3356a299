// Asks the kernel how direct I/O on a file must be aligned.
#pragma once

#include <cstdint>

namespace fastsync {

/// Bytes (Linux 6.1 and later, statx(2) STATX_DIOALIGN), or 0 when the kernel does not say.
uint64_t directIoAlignment(int fd);

}  // namespace fastsync
