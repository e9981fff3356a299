#include "filesystem.h"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

namespace freezer {

namespace {

constexpr int kThawTries = 250;
constexpr useconds_t kThawPauseUs = 20'000;

}  // namespace

int freezeNow() { return ::ioctl(kFilesystemFd, FIFREEZE, 0) == 0 ? 0 : errno; }

void thawNow(Shared& shared, Reason reason) {
  int errnum = 0;
  for (int tries = 0; tries < kThawTries; ++tries) {
    if (::ioctl(kFilesystemFd, FITHAW, 0) == 0) {
      const int64_t since = shared.frozenAtNs.load();
      shared.phase.store(Phase::kDone);
      reportThawed(reason, since == 0 ? 0 : monotonicNs() - since);
      return;
    }
    errnum = errno;
    if (errnum == EINVAL) {
      shared.phase.store(Phase::kDone);
      reportLost(reason);
      return;
    }
    // The file system refused and is still frozen: all that helps is to try again.
    ::usleep(kThawPauseUs);
  }
  reportFailed("thaw", errnum);
}

}  // namespace freezer
