// The engine's own vocabulary: extents, failures, how hard to work, and the counters others may
// read.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <vector>

namespace fastsync {

inline constexpr uint64_t kKiB = 1024;
inline constexpr uint64_t kMiB = 1024 * kKiB;

inline constexpr uint64_t roundDown(uint64_t value, uint64_t unit) { return value - value % unit; }
inline constexpr uint64_t roundUp(uint64_t value, uint64_t unit) {
  return roundDown(value + unit - 1, unit);
}

/// A range of bytes on a device.
struct Extent {
  uint64_t start = 0;
  uint64_t length = 0;
  uint64_t end() const { return start + length; }
};

/// The part of `extent` that lies on multiples of `unit`.
inline Extent inner(const Extent& extent, uint64_t unit) {
  const uint64_t rounded = roundUp(extent.start, unit);
  const uint64_t start = rounded < extent.end() ? rounded : extent.end();
  const uint64_t last = roundDown(extent.end(), unit);
  return {start, last > start ? last - start : 0};
}

inline uint64_t totalLength(const std::vector<Extent>& extents) {
  uint64_t sum = 0;
  for (const Extent& extent : extents) sum += extent.length;
  return sum;
}

/// Which file an operation was for: kSource, or the index of a target.
using Side = int;
inline constexpr Side kSource = -1;

/// A system call that failed, as it came back from the kernel.
struct IoFailure {
  int errnum = 0;
  const char* syscall = "";
  Side side = kSource;
  uint64_t offset = 0;
  uint64_t length = 0;
};
using MaybeFailure = std::optional<IoFailure>;

/// Thrown only while a job is set up; once it runs, failures are values.
class SetupError : public std::exception {
 public:
  explicit SetupError(const IoFailure& failure) : failure_(failure) {}
  const IoFailure& failure() const noexcept { return failure_; }
  const char* what() const noexcept override { return failure_.syscall; }

 private:
  IoFailure failure_;
};

enum class Backend { kAuto, kUring, kThreads };

struct IoOptions {
  Backend backend = Backend::kAuto;
  uint64_t chunkBytes = kMiB;
  unsigned queueDepth = 32;
  uint64_t inFlightBytes = 64 * kMiB;
  uint64_t bytesPerSecond = 0;  // 0: no limit
};

/// Requests of one side: handed to the kernel, and come back. Where the first are more, and the
/// second stay the same for long, that side does not answer.
struct Requests {
  std::atomic<uint64_t> submitted{0};
  std::atomic<uint64_t> completed{0};
};

/// A system call that may wait: submitted when it begins, completed when it ends.
class CallInFlight {
 public:
  explicit CallInFlight(Requests& requests) : requests_(requests) { ++requests_.submitted; }
  ~CallInFlight() { ++requests_.completed; }
  CallInFlight(const CallInFlight&) = delete;
  CallInFlight& operator=(const CallInFlight&) = delete;

 private:
  Requests& requests_;
};

/// Written by the job's threads, read by anybody at any time. They only grow.
struct Counters {
  std::atomic<uint64_t> total{0};
  std::atomic<uint64_t> completed{0};
  std::atomic<uint64_t> durable{0};
  std::atomic<uint64_t> read{0};
  std::atomic<uint64_t> written{0};
  std::atomic<uint64_t> zero{0};
  std::atomic<uint64_t> identical{0};
  std::atomic<uint64_t> verified{0};
  std::atomic<uint64_t> bad{0};
  std::atomic<uint64_t> different{0};
  std::atomic<uint64_t> failedTargets{0};

  /// What an earlier run has done counts from the first moment on, also before the thread runs.
  void startAt(uint64_t bytes) {
    completed = bytes;
    durable = bytes;
  }
};

/// kCancel ends with a flush of what is done; kAbandon (the process is leaving) does not wait for
/// one.
enum class Stop : int { kNo, kCancel, kAbandon };

/// The part of a job that its owner and its thread share.
struct JobControl {
  explicit JobControl(size_t targets) : requests(targets + 1) {}

  Counters counters;
  std::atomic<Stop> stop{Stop::kNo};
  std::vector<Requests> requests;  // of the source, and of each target

  Requests& requestsOf(Side side) { return requests[static_cast<size_t>(side + 1)]; }

  bool stopping() const { return stop.load(std::memory_order_relaxed) != Stop::kNo; }
  bool abandoned() const { return stop.load(std::memory_order_relaxed) == Stop::kAbandon; }
};

/// How a job ended. `failure` is set when it did not do what it was submitted to.
struct JobOutcome {
  bool cancelled = false;
  const char* backend = "";
  MaybeFailure failure;
  std::vector<MaybeFailure> targetFailures;  // copy
  /// Of the source and of each target: what makes its link useless for what comes after the job.
  std::vector<MaybeFailure> linkFailures;
  std::vector<Extent> badRanges;        // copy, digest: unreadable; compare: not comparable
  std::vector<Extent> differentRanges;  // compare
  std::vector<uint64_t> cells;          // digest: the cells that could be read, ascending
  std::vector<uint8_t> digests;         // digest: one after the other, in the order of cells
};

}  // namespace fastsync
