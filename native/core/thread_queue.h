// The queue for kernels that forbid io_uring: a few threads that make plain system calls.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "io_queue.h"

namespace fastsync {

class ThreadQueue final : public IoQueue {
 public:
  explicit ThreadQueue(unsigned depth);
  ~ThreadQueue() override;

  const char* name() const override { return "threads"; }
  void adoptMemory(std::span<std::byte>) override {}
  void submit(const IoRequest& request) override;
  void wait(std::vector<IoCompletion>& done, std::chrono::milliseconds timeout) override;

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable requestsCame_;
  std::condition_variable completionsCame_;
  std::deque<IoRequest> requests_;
  std::vector<IoCompletion> completions_;
  bool closing_ = false;
  std::vector<std::jthread> threads_;  // last, so that they end before what they use
};

}  // namespace fastsync
