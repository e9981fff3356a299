// Turns a queue's requests into things to co_await, and resumes who waits when they complete.
#pragma once

#include <chrono>
#include <coroutine>
#include <functional>
#include <memory>
#include <vector>

#include "io_queue.h"
#include "task.h"

namespace fastsync {

class Reactor {
 public:
  /// One request under way. co_await gives bytes, 0, or -errno.
  class [[nodiscard]] Operation {
   public:
    Operation(IoQueue& queue, const IoRequest& request) : queue_(queue), request_(request) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) {
      waiter_ = waiter;
      request_.tag = this;
      queue_.submit(request_);
    }
    int64_t await_resume() const noexcept { return result_; }

   private:
    friend class Reactor;
    IoQueue& queue_;
    IoRequest request_;
    std::coroutine_handle<> waiter_;
    int64_t result_ = 0;
  };

  explicit Reactor(std::unique_ptr<IoQueue> queue) : queue_(std::move(queue)) {}

  const char* backend() const { return queue_->name(); }
  Operation start(const IoRequest& request) { return {*queue_, request}; }

  /// `tick` is called after each wait from now on.
  void onTick(std::function<void()> tick) { ticks_.push_back(std::move(tick)); }
  /// Every poll that waits completes soon, ready or not.
  void wakePolls() { queue_->wakePolls(); }

  /// Waits up to `timeout` for completions and runs what was waiting for them.
  void poll(std::chrono::milliseconds timeout) {
    done_.clear();
    queue_->wait(done_, timeout);
    for (const IoCompletion& completion : done_) {
      auto* operation = static_cast<Operation*>(completion.tag);
      operation->result_ = completion.result;
      operation->waiter_.resume();
    }
    for (const auto& tick : ticks_) tick();
  }

  /// Polls until `task` has ended.
  void finish(const Task<>& task) {
    while (!task.done()) poll(std::chrono::seconds(1));
  }

 private:
  std::unique_ptr<IoQueue> queue_;
  std::vector<IoCompletion> done_;
  std::vector<std::function<void()>> ticks_;
};

}  // namespace fastsync
