// The other end of a PeerEndpoint: does to one volume of this host what the blocks of a stream ask
// for. The job ends with the request for its end, or with the stream.
#pragma once

#include <coroutine>
#include <memory>

#include "endpoint.h"
#include "io_context.h"
#include "peer_stream.h"
#include "types.h"

namespace fastsync {

struct ServeSpec {
  EndpointSpec volume;
  /// No request may reach behind it.
  uint64_t sizeBytes = 0;
  PeerLink link;
  IoOptions options;
};

class PeerServer {
 public:
  /// Throws SetupError.
  PeerServer(ServeSpec spec, JobControl& control);
  JobOutcome run();

 private:
  Task<> serve();
  Task<bool> take(ReceivedBlock block);
  bool isLegal(const ReceivedBlock& block) const;
  bool areLegal(const std::vector<Extent>& extents, const BlockHead& head) const;
  uint64_t windowBytes(const Extent& extent) const;
  Window windowFor(const Extent& extent, const Arena::Block& block) const;

  Task<Arena::Block> memoryFor(const Extent& extent, uint64_t leastBytes = 0);
  void giveBack(const Arena::Block& block);

  Detached write(BlockHead head, Arena::Block block);
  Detached zero(BlockHead head);
  Detached discard(BlockHead head);
  Detached flush(BlockHead head);
  Detached read(BlockHead head, Arena::Block block);
  Detached digest(BlockHead head, std::vector<Extent> extents, Arena::Block block);
  Task<MaybeFailure> writeZeroes(Extent extent);
  Task<MaybeFailure> digestEach(BlockHead head, const std::vector<Extent>& extents,
                                Arena::Block block, std::vector<Digest>& digests);
  Task<MaybeFailure> digestPieces(Extent extent, Arena::Block block, Digest& digest);
  Task<> answer(BlockHead asked, MaybeFailure failure, std::span<const std::byte> data = {});
  /// Long work ends early when nobody hears of it any more.
  bool isHeard() const { return stream_.failure() == 0; }
  void begin() { ++active_; }
  void end();
  Task<> allEnded();

  ServeSpec spec_;
  JobControl& control_;
  std::unique_ptr<Endpoint> volume_;
  uint64_t granuleBytes_;
  IoContext io_;
  PeerStream stream_;
  Arena::Block zeroes_;
  size_t active_ = 0;
  std::coroutine_handle<> waitsForMemory_;
  std::coroutine_handle<> waitsForEnd_;
  bool isEnded_ = false;
};

}  // namespace fastsync
