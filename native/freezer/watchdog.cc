// From the freeze on, nothing here opens a file, allocates memory, or writes to anything but pipes.
#include "watchdog.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>

#include "hardening.h"
#include "standby.h"
#include "timer.h"

namespace freezer {

namespace {

/// Writing back is repeated while it takes longer than this: what is still dirty then is written
/// within FIFREEZE, while writers wait.
constexpr int64_t kShortSyncNs = 50'000'000;
constexpr int kSyncRounds = 4;

sigset_t endingSignals() {
  sigset_t set{};
  ::sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGALRM, SIGUSR1, SIGUSR2, SIGCHLD})
    ::sigaddset(&set, signal);
  return set;
}

/// The descriptors of everything that ends a freeze.
class Ends {
 public:
  explicit Ends(pid_t parent)
      : signals_(signalDescriptor()),
        parent_(static_cast<int>(::syscall(SYS_pidfd_open, parent, 0))),
        timer_(makeTimer()) {}

  /// A parent that has ended already has no descriptor, but then standard input is at its end.
  bool valid() const { return signals_.valid() && timer_.valid(); }
  void startClock(int64_t ms) const { startTimer(timer_.get(), ms); }

  std::optional<Reason> wait(int pollMs) const {
    for (;;) {
      std::array<pollfd, 4> ends{{{STDIN_FILENO, POLLIN, 0},
                                  {parent_.get(), POLLIN, 0},
                                  {signals_.get(), POLLIN, 0},
                                  {timer_.get(), POLLIN, 0}}};
      const int count = ::poll(ends.data(), ends.size(), pollMs);
      if (count < 0 && errno == EINTR) continue;
      if (count == 0) return std::nullopt;
      if (count < 0 || ends[3].revents != 0) return Reason::kTimeout;
      if (ends[0].revents != 0) return asked();
      if (ends[1].revents != 0) return Reason::kParent;
      return signalled();
    }
  }

 private:
  static fastsync::UniqueFd signalDescriptor() {
    const sigset_t set = endingSignals();
    return fastsync::UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  }

  static Reason asked() {
    char word = 0;
    return ::read(STDIN_FILENO, &word, 1) > 0 ? Reason::kRequest : Reason::kParent;
  }

  Reason signalled() const {
    signalfd_siginfo info{};
    const bool read = ::read(signals_.get(), &info, sizeof info) == sizeof info;
    // The only child is the standby; without it nothing would thaw if this process were killed.
    return read && info.ssi_signo == SIGCHLD ? Reason::kStandby : Reason::kSignal;
  }

  fastsync::UniqueFd signals_;
  fastsync::UniqueFd parent_;
  fastsync::UniqueFd timer_;
};

bool standbyIsReady(int channel) {
  char word = 0;
  return ::read(channel, &word, 1) == 1 && word == kReady;
}

/// Writes back until a round is short. Ignores errors: FIFREEZE will meet them and decide.
void writeBack() {
  for (int round = 0; round < kSyncRounds; ++round) {
    const int64_t began = monotonicNs();
    ::syncfs(kFilesystemFd);
    const bool goOn = monotonicNs() - began > kShortSyncNs;
    pollfd input{STDIN_FILENO, POLLIN, 0};
    if (!goOn || ::poll(&input, 1, 0) != 0) return;
  }
}

}  // namespace

void blockSignals() {
  const sigset_t set = endingSignals();
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

int runWatchdog(Shared& shared, fastsync::UniqueFd channel, pid_t parent, int64_t timeoutMs) {
  const Ends ends(parent);
  if (!ends.valid()) return reportFailed("setup", errno), 1;
  if (const int errnum = harden(); errnum != 0) return reportFailed("mlockall", errnum), 1;
  if (!standbyIsReady(channel.get())) return reportFailed("standby", ECHILD), 1;
  writeBack();
  if (ends.wait(0)) return reportCancelled(), 0;

  reportFreezing();
  if (::send(channel.get(), &kClockStarts, 1, MSG_NOSIGNAL) != 1)
    return reportFailed("standby", errno), 1;
  ends.startClock(timeoutMs);
  shared.phase.store(Phase::kFreezing);
  const int64_t began = monotonicNs();
  if (const int errnum = freezeNow(); errnum != 0) {
    shared.phase.store(Phase::kDone);
    return reportFailed("freeze", errnum), 1;
  }
  const int64_t frozen = monotonicNs();
  shared.frozenAtNs.store(frozen);
  if (!shared.move(Phase::kFreezing, Phase::kFrozen)) return 1;  // the standby thaws and reports it

  // If the call alone took longer than the limit, no freeze is reported.
  const bool inTime = frozen - began < timeoutMs * 1'000'000;
  if (inTime) reportFrozen(frozen, frozen - began);
  const Reason reason = inTime ? *ends.wait(-1) : Reason::kTimeout;
  if (shared.move(Phase::kFrozen, Phase::kThawing)) thawNow(shared, reason);
  return 0;
}

}  // namespace freezer
