#include "hardening.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "../core/unique_fd.h"

namespace freezer {

namespace {

/// Writes to a file of the kernel, which no freeze blocks. Ignores errors: not every user may.
void writeTo(const char* file, std::string_view value) {
  const fastsync::UniqueFd fd(::open(file, O_WRONLY | O_CLOEXEC));
  if (fd.valid() && ::write(fd.get(), value.data(), value.size()) < 0) return;
}

/// The roots of the hierarchies that can kill or pause processes: version 2 alone, version 2 beside
/// version 1, systemd's hierarchy of version 1, and the freezer controller of version 1.
constexpr std::array kRootGroups = {
    "/sys/fs/cgroup/cgroup.procs",
    "/sys/fs/cgroup/unified/cgroup.procs",
    "/sys/fs/cgroup/systemd/cgroup.procs",
    "/sys/fs/cgroup/freezer/cgroup.procs",
};

}  // namespace

int harden() {
  if (::mlockall(MCL_CURRENT | MCL_FUTURE) != 0) return errno;
  writeTo("/proc/self/oom_score_adj", "-1000");
  return 0;
}

void leaveControlGroups() {
  for (const char* file : kRootGroups) writeTo(file, "0");
}

}  // namespace freezer
