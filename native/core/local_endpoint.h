// A device or file of this host, opened twice. The direct descriptor bypasses the page cache; the
// buffered one takes what direct I/O cannot: pieces that do not fill whole pages.
#pragma once

#include "endpoint.h"

namespace fastsync {

class LocalEndpoint final : public Endpoint {
 public:
  /// Reopens what `opened` is, and holds that too: with it an exclusive claim lasts as long as
  /// this. `requests` outlive it. Throws SetupError.
  LocalEndpoint(UniqueFd opened, Side side, Access access, Requests& requests);
  ~LocalEndpoint() override;

  Task<MaybeFailure> read(Reactor& reactor, Window window, Extent extent) override;
  Task<MaybeFailure> write(Reactor& reactor, Window window, Extent extent) override;
  Task<MaybeFailure> zero(Reactor& reactor, Extent extent) override;
  Task<MaybeFailure> discard(Reactor& reactor, Extent extent) override;
  Task<MaybeFailure> flush(Reactor& reactor) override;

  /// Forgets cached pages of the range, so that the next buffered read asks the device.
  void dropCache(const Extent& range) const;

 private:
  void openBuffered(Access access);
  void measure();
  void openDirect();

  Task<MaybeFailure> writePiece(Reactor& reactor, Window window, Extent piece, bool direct);
  Task<int64_t> fallocate(Reactor& reactor, int mode, Extent extent);

  Requests* requests_;
  bool isBlockDevice_ = false;
  /// A file on a tmpfs: writing to it is copying memory.
  bool inMemory_ = false;
  /// False for good once the kernel has said so, and for FUSE: its servers may take a hole for a
  /// hint, as nbdfuse does, and leave what was there.
  bool canPunch_ = true;
  /// Direct I/O must start and end on multiples of this.
  uint64_t sectorBytes_ = 0;
  /// Direct and buffered writes never share one of these: the kernel writes dirty pages back whole,
  /// and would put old bytes over what was written past the cache.
  uint64_t pageBytes_ = 0;
  UniqueFd opened_;
  UniqueFd buffered_;
  UniqueFd direct_;
};

}  // namespace fastsync
