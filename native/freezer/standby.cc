// When the watchdog dies, its end of the channel closes. That never happens within FIFREEZE: a
// process killed there dies only when the call returns. So the state that the standby then finds is
// final.
#include "standby.h"

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

/// How long after the limit the standby waits for the watchdog to thaw.
constexpr int64_t kGraceMs = 200;
constexpr int kPauseMs = 20;

/// True if something stopped the process (SIGSTOP, or a pause of its group): a process that is
/// within FIFREEZE is in state D or R.
bool isStopped(pid_t process) {
  std::array<char, 64> path{};
  std::snprintf(path.data(), path.size(), "/proc/%d/stat", process);
  const fastsync::UniqueFd fd(::open(path.data(), O_RDONLY | O_CLOEXEC));
  std::array<char, 256> text{};
  if (!fd.valid() || ::read(fd.get(), text.data(), text.size() - 1) <= 0) return false;
  const char* name = std::strrchr(text.data(), ')');  // proc_pid_stat(5): "pid (name) S ..."
  return name != nullptr && name[1] == ' ' && name[2] != 'D' && name[2] != 'R';
}

/// What the channel holds, without waiting.
enum class Message { kWord, kEnd, kNothing };

Message receive(int channel) {
  char word = 0;
  const ssize_t got = ::recv(channel, &word, 1, MSG_DONTWAIT);
  if (got > 0) return Message::kWord;
  return got == 0 || errno != EAGAIN ? Message::kEnd : Message::kNothing;
}

/// Thaws after the time limit, because the watchdog did not. While the watchdog is within FIFREEZE,
/// this waits for the call to return: a thaw before that could undo a freeze of another program.
void takeOver(Shared& shared, int channel, pid_t watchdog) {
  for (;;) {
    const Phase phase = shared.phase.load();
    if (phase == Phase::kDone) return;
    const bool gone = receive(channel) == Message::kEnd;
    if (phase != Phase::kFreezing || gone || isStopped(watchdog)) {
      if (shared.move(phase, Phase::kThawing)) {
        return thawNow(shared, gone ? Reason::kWatchdog : Reason::kTimeout);
      }
    }
    pollfd hangUp{channel, 0, 0};
    ::poll(&hangUp, gone ? 0 : 1, kPauseMs);
  }
}

}  // namespace

int runStandby(Shared& shared, fastsync::UniqueFd channel, pid_t watchdog, int64_t timeoutMs) {
  // A session of its own: signals to the watchdog's process group do not reach it.
  ::setsid();
  ::close(STDIN_FILENO);
  if (harden() != 0) return 1;
  leaveControlGroups();
  const fastsync::UniqueFd timer = makeTimer();
  if (!timer.valid() || ::write(channel.get(), &kReady, 1) != 1) return 1;
  for (;;) {
    std::array<pollfd, 2> events{{{channel.get(), POLLIN, 0}, {timer.get(), POLLIN, 0}}};
    if (::poll(events.data(), events.size(), -1) < 0) continue;
    if (events[1].revents != 0) {
      takeOver(shared, channel.get(), watchdog);
      return 0;
    }
    switch (receive(channel.get())) {
      case Message::kWord:
        startTimer(timer.get(), timeoutMs + kGraceMs);
        break;
      case Message::kEnd: {
        const Phase phase = shared.phase.load();
        if (phase != Phase::kIdle && phase != Phase::kDone) thawNow(shared, Reason::kWatchdog);
        return 0;
      }
      case Message::kNothing:
        break;
    }
  }
}

}  // namespace freezer
