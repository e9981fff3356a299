// The guard's death shows as the end of its channel. That comes only after FIFREEZE has returned,
// for a process that is killed in it dies when it is over: so what the twin finds then is final.
#include "twin.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "hardening.h"
#include "timer.h"

namespace freezer {

namespace {

/// The guard, if it is well, is given so much time beyond the limit.
constexpr int64_t kGraceMs = 200;
constexpr int kPauseMs = 20;

/// True if the process is held up from outside (stopped, paused with its group): FIFREEZE itself is
/// waited for in the states D and R only.
bool isHeldUp(pid_t process) {
  std::array<char, 64> path{};
  std::snprintf(path.data(), path.size(), "/proc/%d/stat", process);
  const fastsync::UniqueFd fd(::open(path.data(), O_RDONLY | O_CLOEXEC));
  std::array<char, 256> text{};
  if (!fd.valid() || ::read(fd.get(), text.data(), text.size() - 1) <= 0) return false;
  const char* name = std::strrchr(text.data(), ')');  // proc_pid_stat(5): "pid (name) S ..."
  return name != nullptr && name[1] == ' ' && name[2] != 'D' && name[2] != 'R';
}

/// What there is to hear from the guard without waiting.
enum class Heard { kWord, kEnd, kNothing };

Heard listen(int channel) {
  char word = 0;
  const ssize_t got = ::recv(channel, &word, 1, MSG_DONTWAIT);
  if (got > 0) return Heard::kWord;
  return got == 0 || errno != EAGAIN ? Heard::kEnd : Heard::kNothing;
}

/// The time is up and the guard did nothing about it. While it is within FIFREEZE nobody can: the
/// end of that is waited for. A thaw from here meanwhile could undo a freeze that is not ours.
void standIn(Shared& shared, int channel, pid_t guard) {
  for (;;) {
    const Phase phase = shared.phase.load();
    if (phase == Phase::kDone) return;
    const bool gone = listen(channel) == Heard::kEnd;
    if (phase != Phase::kFreezing || gone || isHeldUp(guard)) {
      if (shared.move(phase, Phase::kThawing)) {
        return thawNow(shared, gone ? Reason::kGuard : Reason::kTimeout);
      }
    }
    pollfd ear{channel, 0, 0};
    ::poll(&ear, gone ? 0 : 1, kPauseMs);
  }
}

}  // namespace

int runTwin(Shared& shared, fastsync::UniqueFd channel, pid_t guard, int64_t timeoutMs) {
  // In a session of its own: what kills the guard's process group does not reach it.
  ::setsid();
  ::close(STDIN_FILENO);
  if (harden() != 0) return 1;
  leaveControlGroups();
  const fastsync::UniqueFd timer = makeTimer();
  if (!timer.valid() || ::write(channel.get(), &kReady, 1) != 1) return 1;
  for (;;) {
    std::array<pollfd, 2> ears{{{channel.get(), POLLIN, 0}, {timer.get(), POLLIN, 0}}};
    if (::poll(ears.data(), ears.size(), -1) < 0) continue;
    if (ears[1].revents != 0) {
      standIn(shared, channel.get(), guard);
      return 0;
    }
    switch (listen(channel.get())) {
      case Heard::kWord:
        startTimer(timer.get(), timeoutMs + kGraceMs);
        break;
      case Heard::kEnd: {
        const Phase phase = shared.phase.load();
        if (phase != Phase::kIdle && phase != Phase::kDone) thawNow(shared, Reason::kGuard);
        return 0;
      }
      case Heard::kNothing:
        break;
    }
  }
}

}  // namespace freezer
