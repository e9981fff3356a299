// The stream to another host while data moves: whole blocks out and in, signs of life, and an end
// when the other side is dead, silent or talks nonsense.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "peer_wire.h"
#include "reactor.h"
#include "sequencer.h"
#include "task.h"
#include "types.h"
#include "unique_fd.h"

namespace fastsync {

struct PeerLink {
  UniqueFd input;
  UniqueFd output;
  /// Of the frames' checksums.
  uint64_t seed = 0;
  /// A peer that sends nothing for so long is dead.
  std::chrono::milliseconds silence{30'000};
};

/// A block as it came, but for the data behind it.
struct ReceivedBlock {
  BlockHead head;
  uint64_t dataBytes = 0;
};

class PeerStream {
 public:
  explicit PeerStream(PeerLink link);

  /// From now on, signs of life are sent and expected as `reactor` polls. Once.
  void start(Reactor& reactor);

  /// 0, or why the stream is over: ECONNRESET, ETIMEDOUT, EBADMSG (a wrong checksum), EPROTO.
  int failure() const { return failure_; }
  /// Ends it: what waits goes on with `errnum`, soon.
  void fail(int errnum);

  /// Sends one block; blocks go out in the order of these calls. Returns failure().
  Task<int> send(BlockHead head, std::span<const std::byte> data);

  /// Waits for the next block. Its data, if it has any, must be taken by receiveData(). Returns
  /// failure().
  Task<int> receive(ReceivedBlock& block);
  /// Fills `data` with all that follows the block's head. What it holds is not to be used unless 0
  /// is returned.
  Task<int> receiveData(std::span<std::byte> data);

  /// The peer waits for us, and may say nothing: its silence does not count until resume().
  void pause() { paused_ = true; }
  void resume();

  /// The peer takes what it is sent whatever else it does: one that takes nothing is dead too.
  void expectTaken() { mustTake_ = true; }

 private:
  using Clock = std::chrono::steady_clock;

  void tick();
  Task<int> sendFrame(FrameKind kind, std::span<const std::span<const std::byte>> payload);
  Task<> beat();
  Task<int> readExactly(std::span<std::byte> into);
  Task<> ready(const UniqueFd& fd, int events);

  PeerLink link_;
  Reactor* reactor_ = nullptr;
  Sequencer order_;
  uint64_t nextPosition_ = 0;
  bool sending_ = false;
  int failure_ = 0;
  bool paused_ = false;
  bool mustTake_ = false;
  Clock::time_point heardAt_ = Clock::now();
  /// When the last of a frame, or a part of it, was taken.
  Clock::time_point sentAt_ = Clock::now();
  /// Of the block whose data is still to come.
  FrameHead frame_;
  BlockHead block_;
};

}  // namespace fastsync
