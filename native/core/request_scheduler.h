// Keeps as many pieces of work under way as the queue depth and the memory allow.
#pragma once

#include <algorithm>
#include <cassert>
#include <chrono>
#include <concepts>
#include <optional>
#include <utility>

#include "arena.h"
#include "rate_limiter.h"
#include "reactor.h"
#include "task.h"
#include "types.h"

namespace fastsync {

/// Starting it, a chunk needs this much memory. Blocks may be empty.
struct Piece {
  uint64_t memoryBytes = 0;
  uint64_t limitedBytes = 0;
};

class RequestScheduler {
 public:
  RequestScheduler(Reactor& reactor, Arena& arena, unsigned depth, RateLimiter& limiter)
      : reactor_(reactor), arena_(arena), depth_(depth), limiter_(limiter) {}

  /// Calls `next()` for items (an optional) until it has none, `pieceOf(item)` for what each costs,
  /// and `work(item, block)` for a Task that does it. Returns when all have ended. `goOn()` false
  /// drops an item that has not been started, which only matters to those who stop early.
  template <class Next, class PieceOf, class Work, class GoOn>
  void run(Next next, PieceOf pieceOf, Work work, GoOn goOn) {
    auto item = next();
    while (item || active_ > 0) {
      std::chrono::milliseconds patience = kLongestWait;
      while (item && active_ < depth_) {
        if (!goOn()) {
          item.reset();
          break;
        }
        const Piece piece = pieceOf(*item);
        const auto now = RateLimiter::Clock::now();
        const auto delay =
            piece.limitedBytes > 0 ? limiter_.delay(now) : std::chrono::milliseconds(0);
        if (delay.count() > 0) {
          patience = std::min(patience, delay);
          break;
        }
        const auto block = arena_.take(piece.memoryBytes);
        if (!block) break;
        limiter_.spend(piece.limitedBytes, now);
        ++active_;
        perform(work, std::move(*item), *block);
        item = next();
      }
      if (item || active_ > 0) reactor_.poll(patience);
    }
  }

 private:
  // Also how soon a cancel is noticed while nothing completes.
  static constexpr std::chrono::milliseconds kLongestWait{100};

  template <class Work, class Item>
  Detached perform(Work& work, Item item, Arena::Block block) {
    co_await work(std::move(item), block);
    arena_.giveBack(block);
    --active_;
  }

  Reactor& reactor_;
  Arena& arena_;
  unsigned depth_;
  RateLimiter& limiter_;
  unsigned active_ = 0;
};

}  // namespace fastsync
