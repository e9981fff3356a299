// In a file of its own because <linux/stat.h> and <sys/stat.h> cannot be included together.
#include "dio_align.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

namespace fastsync {

uint64_t directIoAlignment(int fd) {
#ifdef STATX_DIOALIGN
  struct statx status {};
  constexpr int kEmptyPath = 0x1000;  // AT_EMPTY_PATH
  if (::syscall(SYS_statx, fd, "", kEmptyPath, STATX_DIOALIGN, &status) != 0) return 0;
  if ((status.stx_mask & STATX_DIOALIGN) == 0) return 0;
  return std::max<uint64_t>(status.stx_dio_offset_align, status.stx_dio_mem_align);
#else
  static_cast<void>(fd);
  return 0;
#endif
}

}  // namespace fastsync
