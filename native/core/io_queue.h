// What a job needs of the kernel: requests in, completions out. Everything above is written once
// against this, so that io_uring and threads give the same result.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "types.h"

namespace fastsync {

enum class IoKind : uint8_t { kRead, kWrite, kFallocate, kSync, kDiscard, kPoll };

struct IoRequest {
  IoKind kind = IoKind::kRead;
  int fd = -1;
  int mode = 0;  // of fallocate; the events of a poll
  std::byte* buffer = nullptr;
  uint64_t offset = 0;
  uint64_t length = 0;
  Requests* requests = nullptr;  // where it is counted; none for a poll
  void* tag = nullptr;           // comes back with the completion
};

struct IoCompletion {
  void* tag = nullptr;
  int64_t result = 0;  // bytes, 0, or -errno
};

class IoQueue {
 public:
  IoQueue() = default;
  IoQueue(const IoQueue&) = delete;
  IoQueue& operator=(const IoQueue&) = delete;
  virtual ~IoQueue() = default;

  virtual const char* name() const = 0;
  /// All later buffers lie within `memory`, which outlives the queue.
  virtual void adoptMemory(std::span<std::byte> memory) = 0;
  /// `request` stays where it is until it has completed.
  virtual void submit(const IoRequest& request) = 0;
  /// Appends what has completed, waiting up to `timeout` for the first. May append nothing.
  virtual void wait(std::vector<IoCompletion>& done, std::chrono::milliseconds timeout) = 0;
  /// Every poll that waits completes soon, ready or not.
  virtual void wakePolls() = 0;
};

/// kAuto takes io_uring, or threads where the kernel forbids it. Throws SetupError.
std::unique_ptr<IoQueue> openQueue(Backend backend, unsigned depth);

/// A queue that performs each request as it is submitted, for work too small to overlap.
std::unique_ptr<IoQueue> openInlineQueue();

/// Runs one request now, in the calling thread; a poll waits a while. Returns bytes, events, 0, or
/// -errno.
int64_t performBlocking(const IoRequest& request);

}  // namespace fastsync
