// The queue on io_uring: one ring per job, used only by the job's thread.
#pragma once

#include <liburing.h>

#include <unordered_set>

#include "io_queue.h"

namespace fastsync {

class UringQueue final : public IoQueue {
 public:
  /// Throws SetupError where the kernel has no io_uring, forbids it, or has too old a one.
  explicit UringQueue(unsigned depth);
  ~UringQueue() override;

  const char* name() const override { return "uring"; }
  void adoptMemory(std::span<std::byte> memory) override;
  void submit(const IoRequest& request) override;
  void wait(std::vector<IoCompletion>& done, std::chrono::milliseconds timeout) override;
  void wakePolls() override;

 private:
  void collect(std::vector<IoCompletion>& done);
  io_uring_sqe* freeEntry();
  void prepareTransfer(io_uring_sqe* entry, const IoRequest& request) const;

  io_uring ring_{};
  bool registered_ = false;
  std::unordered_set<const IoRequest*> polls_;
  std::vector<IoCompletion> ready_;  // collected or performed outside of wait()
};

}  // namespace fastsync
