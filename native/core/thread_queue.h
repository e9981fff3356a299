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
  /// Each waits a tenth of a second at the most.
  void wakePolls() override {}

 private:
  struct Line {
    std::deque<IoRequest> requests;
    std::condition_variable came;
  };
  void work(Line& line);
  void startPoller();

  std::mutex mutex_;
  std::condition_variable completionsCame_;
  Line requests_;
  /// On threads of their own: they wait for another host, and must keep no disk from working.
  Line polls_;
  std::vector<IoCompletion> completions_;
  bool closing_ = false;
  std::vector<std::jthread> pollers_;
  std::vector<std::jthread> threads_;  // last, so that they end before what they use
};

}  // namespace fastsync
