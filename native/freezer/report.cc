#include "report.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <ctime>

namespace freezer {

namespace {

/// Sends one line in one write, from the stack: both processes report, and neither may allocate.
[[gnu::format(printf, 1, 2)]] void say(const char* format, ...) {
  std::array<char, 128> line{};
  va_list values;
  va_start(values, format);
  const int length = std::vsnprintf(line.data(), line.size(), format, values);
  va_end(values);
  const size_t bytes = std::min(static_cast<size_t>(std::max(length, 0)), line.size() - 1);
  // Without a reader there is nothing to do about an error.
  if (::write(STDOUT_FILENO, line.data(), bytes) < 0) return;
}

const char* word(Reason reason) {
  switch (reason) {
    case Reason::kRequest:
      return "request";
    case Reason::kParent:
      return "parent";
    case Reason::kSignal:
      return "signal";
    case Reason::kTimeout:
      return "timeout";
    case Reason::kStandby:
      return "standby";
    case Reason::kWatchdog:
      return "watchdog";
    case Reason::kRescue:
      return "rescue";
  }
  return "?";
}

}  // namespace

int64_t monotonicNs() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

void reportFreezing() { say("freezing\n"); }

void reportFrozen(int64_t atNs, int64_t callNs) {
  say("frozen %lld %lld\n", static_cast<long long>(atNs), static_cast<long long>(callNs));
}

void reportThawed(Reason reason, int64_t heldNs) {
  say("thawed %s %lld\n", word(reason), static_cast<long long>(heldNs));
}

void reportLost(Reason reason) { say("lost %s\n", word(reason)); }

void reportCancelled() { say("cancelled\n"); }

void reportFailed(const char* step, int errnum) { say("failed %s %d\n", step, errnum); }

}  // namespace freezer
