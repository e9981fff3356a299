// A timer that also counts the time in which the machine is suspended.
#pragma once

#include <sys/timerfd.h>

#include <cstdint>
#include <ctime>

#include "../core/unique_fd.h"

namespace freezer {

inline fastsync::UniqueFd makeTimer() {
  return fastsync::UniqueFd(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
}

inline void startTimer(int timer, int64_t ms) {
  itimerspec when{};
  when.it_value.tv_sec = ms / 1000;
  when.it_value.tv_nsec = ms % 1000 * 1'000'000;
  ::timerfd_settime(timer, 0, &when, nullptr);
}

}  // namespace freezer
