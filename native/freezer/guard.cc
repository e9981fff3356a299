// Nothing here opens a file, takes memory or writes anywhere but to pipes once the freeze has
// begun.
#include "guard.h"

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
#include "timer.h"
#include "twin.h"

namespace freezer {

namespace {

/// Writing back is repeated while it takes longer than this: what is dirty in the end is written
/// within FIFREEZE, when writers wait already.
constexpr int64_t kShortSyncNs = 50'000'000;
constexpr int kSyncRounds = 4;

sigset_t endingSignals() {
  sigset_t set{};
  ::sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGALRM, SIGUSR1, SIGUSR2, SIGCHLD})
    ::sigaddset(&set, signal);
  return set;
}

/// Everything that ends a freeze, as descriptors to wait on.
class Ends {
 public:
  explicit Ends(pid_t parent)
      : signals_(signalDescriptor()),
        parent_(static_cast<int>(::syscall(SYS_pidfd_open, parent, 0))),
        timer_(makeTimer()) {}

  /// A parent that is gone already has no descriptor, but the end of standard input tells as well.
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
    // Only the twin is a child: without it there is no second safety any more.
    return read && info.ssi_signo == SIGCHLD ? Reason::kTwin : Reason::kSignal;
  }

  fastsync::UniqueFd signals_;
  fastsync::UniqueFd parent_;
  fastsync::UniqueFd timer_;
};

bool twinStandsBy(int channel) {
  char word = 0;
  return ::read(channel, &word, 1) == 1 && word == kReady;
}

/// Until a round was short. An error is no reason to stop: FIFREEZE meets it again and decides.
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

int runGuard(Shared& shared, fastsync::UniqueFd channel, pid_t parent, int64_t timeoutMs) {
  const Ends ends(parent);
  if (!ends.valid()) return reportFailed("setup", errno), 1;
  if (const int errnum = harden(); errnum != 0) return reportFailed("mlockall", errnum), 1;
  if (!twinStandsBy(channel.get())) return reportFailed("twin", ECHILD), 1;
  writeBack();
  if (ends.wait(0)) return reportCancelled(), 0;

  reportFreezing();
  if (::send(channel.get(), &kClockStarts, 1, MSG_NOSIGNAL) != 1)
    return reportFailed("twin", errno), 1;
  ends.startClock(timeoutMs);
  shared.phase.store(Phase::kFreezing);
  const int64_t began = monotonicNs();
  if (const int errnum = freezeNow(); errnum != 0) {
    shared.phase.store(Phase::kDone);
    return reportFailed("freeze", errnum), 1;
  }
  const int64_t frozen = monotonicNs();
  shared.frozenAtNs.store(frozen);
  if (!shared.move(Phase::kFreezing, Phase::kFrozen)) return 1;  // the twin was faster, and says so

  // If the call alone took too long, the clock has run out, and nobody is told of a freeze.
  const bool inTime = frozen - began < timeoutMs * 1'000'000;
  if (inTime) reportFrozen(frozen, frozen - began);
  const Reason reason = inTime ? *ends.wait(-1) : Reason::kTimeout;
  if (shared.move(Phase::kFrozen, Phase::kThawing)) thawNow(shared, reason);
  return 0;
}

}  // namespace freezer
