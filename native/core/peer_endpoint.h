// A side of a job on another host: each operation is a request to the agent there, and waits for
// its answer. Many are in flight at once; the scheduler's depth and memory bound them.
#pragma once

#include <coroutine>
#include <map>
#include <optional>

#include "endpoint.h"
#include "peer_stream.h"

namespace fastsync {

class PeerEndpoint final : public Endpoint {
 public:
  /// `requests` outlive it.
  PeerEndpoint(PeerSource source, Side side, Requests& requests);

  Task<MaybeFailure> read(Reactor& reactor, Window window, Extent extent) override;
  Task<MaybeFailure> write(Reactor& reactor, Window window, Extent extent) override;
  Task<MaybeFailure> zero(Reactor& reactor, Extent extent) override;
  Task<MaybeFailure> discard(Reactor& reactor, Extent extent) override;
  Task<MaybeFailure> flush(Reactor& reactor) override;
  Task<PartsDigest> digest(Reactor& reactor, Window scratch, std::vector<Extent> parts) override;
  Task<Differences> differing(Reactor& reactor, Window ours, Window scratch,
                              std::vector<Extent> parts, uint64_t granuleBytes) override;
  Task<MaybeFailure> finish(Reactor& reactor) override;

 private:
  /// A request that has not been answered.
  struct Question {
    BlockHead asked;
    std::span<std::byte> into;
    std::coroutine_handle<> waiter;
    bool answered = false;
    BlockHead answer;
  };

  /// Sends a request with `data`, and waits for an answer whose data fills `into`.
  Task<MaybeFailure> ask(Reactor& reactor, BlockHead head, std::span<const std::byte> data,
                         std::span<std::byte> into, const char* operation);
  Task<> listen();
  bool isAnswer(const ReceivedBlock& block, const Question& question) const;
  static void resume(Question& question);
  Task<MaybeFailure> digests(Reactor& reactor, const std::vector<Extent>& extents, BlockOp op,
                             std::span<Digest> result);

  /// A digest of each extent, in as many requests as it takes.
  Task<MaybeFailure> digestEach(Reactor& reactor, const std::vector<Extent>& extents,
                                std::span<Digest> result);

  Requests* requests_;
  PeerStream stream_;
  std::optional<Task<>> listening_;
  std::map<uint64_t, Question*> unanswered_;
  uint64_t lastTag_ = 0;
  bool finished_ = false;
};

}  // namespace fastsync
