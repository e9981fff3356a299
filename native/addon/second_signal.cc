// JavaScript hears of a signal only when its thread is free, which it is not while it writes to a
// pipe that nobody reads, or to a file whose server is gone; and Node's own exit joins its pool of
// threads, one of which may wait for such a server too.
#include "second_signal.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

namespace fastsync {

namespace {

constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP};
/// For JavaScript to end the process in good order: children are told, the cursor is shown.
constexpr auto kGrace = std::chrono::seconds(1);
constexpr long kTickNs = 250'000'000;

std::atomic<int> heard{0};
std::array<struct sigaction, NSIG> before;
std::shared_ptr<std::atomic<bool>> watching;

/// On whichever thread the signal finds, also on the watcher's. libuv's handler may run anywhere.
void onSignal(int number) {
  heard.fetch_add(1);
  const auto chained = before[static_cast<std::size_t>(number)].sa_handler;
  if (chained != SIG_DFL && chained != SIG_IGN) chained(number);
}

sigset_t watchedSet() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : kSignals) sigaddset(&set, number);
  return set;
}

/// The progress bar hides the cursor. A terminal that takes nothing must not hold us up either.
void showCursor() {
  pollfd terminal{STDERR_FILENO, POLLOUT, 0};
  constexpr char kShow[] = "\033[?25h\n";
  if (::poll(&terminal, 1, 0) == 1) (void)!::write(STDERR_FILENO, kShow, sizeof kShow - 1);
}

/// A thread that is past killing keeps all descriptors open: whoever reads our output would wait
/// for its end as long. A regular file is left alone: closing it may wait for the very same server.
[[noreturn]] void leave(int exitCode) {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    struct statx found {};
    if (::statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &found) != 0) continue;
    if (!S_ISREG(found.stx_mode)) ::close(fd);
  }
  ::_exit(exitCode);
}

/// A signal for the process goes to its main thread as a rule, and stays pending if that one is
/// stuck in the kernel. It is taken from there then, at the next tick.
void watch(const std::shared_ptr<std::atomic<bool>>& isWatching, int exitCode, bool isScreen) {
  const sigset_t set = watchedSet();
  constexpr timespec kTick{0, kTickNs};
  std::chrono::steady_clock::time_point second{};
  while (isWatching->load()) {
    const int number = ::sigtimedwait(&set, nullptr, &kTick);
    if (number > 0) onSignal(number);
    if (heard.load() < 2) continue;
    const auto now = std::chrono::steady_clock::now();
    if (second == decltype(second){}) second = now;
    if (now - second < kGrace) continue;
    if (isScreen) showCursor();
    leave(exitCode);
  }
}

}  // namespace

void watchSignals(const Napi::CallbackInfo& info) {
  const int exitCode = info[0].As<Napi::Number>();
  const bool isScreen = info[1].As<Napi::Boolean>();
  unwatchSignals(info);
  heard = 0;
  for (const int number : kSignals) {
    struct sigaction& old = before[static_cast<std::size_t>(number)];
    ::sigaction(number, nullptr, &old);
    // Nobody handles it here.
    if ((old.sa_flags & SA_SIGINFO) != 0 || old.sa_handler == SIG_DFL ||
        old.sa_handler == SIG_IGN) {
      continue;
    }
    struct sigaction action = old;
    action.sa_handler = onSignal;
    ::sigaction(number, &action, nullptr);
  }
  watching = std::make_shared<std::atomic<bool>>(true);
  sigset_t all;
  sigset_t mask;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &mask);
  std::thread(watch, watching, exitCode, isScreen).detach();
  ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
}

void unwatchSignals(const Napi::CallbackInfo&) {
  if (watching == nullptr) return;
  watching->store(false);
  watching = nullptr;
  for (const int number : kSignals) {
    struct sigaction now;
    ::sigaction(number, nullptr, &now);
    if (now.sa_handler == onSignal) {
      ::sigaction(number, &before[static_cast<std::size_t>(number)], nullptr);
    }
  }
}

void exitNow(const Napi::CallbackInfo& info) { leave(info[0].As<Napi::Number>().Int32Value()); }

}  // namespace fastsync
