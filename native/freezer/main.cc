// fastsync-freezer: freezes the file system of descriptor 3, and makes sure that it is thawed.
//
//   fastsync-freezer freeze MS   runs a watchdog and its standby until one of them has thawed
//   fastsync-freezer thaw        calls FITHAW, for a parent whose watchdog and standby were killed
//
// It is a separate program, so that it survives its parent, and statically linked and locked into
// memory, so that it reads nothing from any file system while one is frozen. Any input, or the end
// of input, ends the freeze. Standard output carries reports (report.h). Both must be pipes or
// sockets. The program never writes to a file.
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <new>
#include <string_view>

#include "../core/unique_fd.h"
#include "filesystem.h"
#include "standby.h"
#include "watchdog.h"

namespace {

using fastsync::UniqueFd;
using freezer::Shared;

constexpr int kUsage = 2;
constexpr int64_t kLongestMs = 3'600'000;

bool isPipe(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode));
}

/// A whole number of milliseconds within bounds, or 0.
int64_t parseMs(std::string_view text) {
  int64_t ms = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ms);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole && ms > 0 && ms <= kLongestMs ? ms : 0;
}

/// Memory that both processes use; the kernel frees it when both have ended.
Shared* shareMemory() {
  void* memory =
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : new (memory) Shared;
}

int freeze(int64_t timeoutMs, pid_t parent) {
  freezer::blockSignals();
  Shared* const shared = shareMemory();
  int ends[2] = {-1, -1};
  if (shared == nullptr || ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return freezer::reportFailed("setup", errno), 1;
  UniqueFd watchdogEnd(ends[0]);
  UniqueFd standbyEnd(ends[1]);
  const pid_t watchdog = ::getpid();
  const pid_t standby = ::fork();
  if (standby < 0) return freezer::reportFailed("fork", errno), 1;
  if (standby == 0) {
    watchdogEnd.reset();
    return freezer::runStandby(*shared, std::move(standbyEnd), watchdog, timeoutMs);
  }
  standbyEnd.reset();
  const int status = freezer::runWatchdog(*shared, std::move(watchdogEnd), parent, timeoutMs);
  // The standby must not keep the file system busy: the parent may unmount it next.
  ::kill(standby, SIGKILL);
  ::waitpid(standby, nullptr, 0);
  return status;
}

int rescue() {
  Shared own;
  freezer::thawNow(own, freezer::Reason::kRescue);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const pid_t parent = ::getppid();
  if (!isPipe(STDIN_FILENO) || !isPipe(STDOUT_FILENO)) return kUsage;
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "thaw" && argc == 2) return rescue();
  const int64_t timeoutMs = command == "freeze" && argc == 3 ? parseMs(argv[2]) : 0;
  return timeoutMs == 0 ? kUsage : freeze(timeoutMs, parent);
}
