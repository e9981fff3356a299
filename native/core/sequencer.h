// Lets coroutines that end in any order go on in the order in which their work began.
#pragma once

#include <coroutine>
#include <cstdint>
#include <map>

namespace fastsync {

class Sequencer {
 public:
  class [[nodiscard]] Turn {
   public:
    Turn(Sequencer& sequencer, uint64_t position) : sequencer_(sequencer), position_(position) {}
    bool await_ready() const noexcept { return sequencer_.next_ == position_; }
    void await_suspend(std::coroutine_handle<> waiter) { sequencer_.waiting_[position_] = waiter; }
    void await_resume() const noexcept {}

   private:
    Sequencer& sequencer_;
    uint64_t position_;
  };

  /// co_await until everybody before `position` has passed.
  Turn turn(uint64_t position) { return {*this, position}; }

  /// To be called by whoever's turn it is, at its end: runs who waits for `next`, if anybody does.
  void pass(uint64_t next) {
    next_ = next;
    const auto first = waiting_.begin();
    if (first == waiting_.end() || first->first != next) return;
    const std::coroutine_handle<> waiter = first->second;
    waiting_.erase(first);
    waiter.resume();
  }

 private:
  uint64_t next_ = 0;
  std::map<uint64_t, std::coroutine_handle<>> waiting_;
};

}  // namespace fastsync
