// The only place where an I/O's alignment, shortness and errors are looked at.
#include "transfer.h"

#include <algorithm>
#include <cerrno>

namespace fastsync {

namespace {

/// io_uring hands writes to a tmpfs to threads, one after the other: for so little it takes longer
/// to tell another thread than to copy.
constexpr uint64_t kQuickBytes = 64 * kKiB;

bool isAligned(uint64_t value, uint64_t unit) { return value % unit == 0; }

bool wantsRepeat(int64_t result) { return result == -EINTR || result == -EAGAIN; }

/// Writes one piece that is either all whole pages (direct) or goes through the cache.
Task<MaybeFailure> writePiece(Reactor& reactor, const Endpoint& to, Window window, Extent piece,
                              bool direct) {
  uint64_t position = piece.start;
  while (position < piece.end()) {
    const uint64_t left = piece.end() - position;
    const IoRequest request{IoKind::kWrite,
                            direct ? to.directFd() : to.bufferedFd(),
                            0,
                            window.at(position),
                            position,
                            left,
                            &to.requests()};
    const bool quick = to.inMemory() && left <= kQuickBytes;
    const int64_t result = quick ? performBlocking(request) : co_await reactor.start(request);
    if (wantsRepeat(result)) continue;
    if (direct && result == -EINVAL) {
      direct = false;
      continue;
    }
    if (result <= 0) {
      const int errnum = result == 0 ? ENOSPC : static_cast<int>(-result);
      co_return IoFailure{errnum, "write", to.side(), position, left};
    }
    position += static_cast<uint64_t>(result);
    if (!isAligned(position, to.sectorBytes())) direct = false;
  }
  co_return std::nullopt;
}

}  // namespace

Task<MaybeFailure> readExtent(Reactor& reactor, const Endpoint& from, Window window,
                              Extent extent) {
  bool direct = from.direct();
  uint64_t position = direct ? roundDown(extent.start, from.sectorBytes()) : extent.start;
  while (position < extent.end()) {
    const uint64_t end = direct ? roundUp(extent.end(), from.sectorBytes()) : extent.end();
    const int64_t result =
        co_await reactor.start({IoKind::kRead, direct ? from.directFd() : from.bufferedFd(), 0,
                                window.at(position), position, end - position, &from.requests()});
    if (wantsRepeat(result)) continue;
    if (direct && result == -EINVAL) {
      direct = false;
      continue;
    }
    if (result <= 0) {
      // Zero: the file ends before the extent does, which the kernel does not call an error.
      const int errnum = result == 0 ? EIO : static_cast<int>(-result);
      co_return IoFailure{errnum, "read", from.side(), position, end - position};
    }
    position += static_cast<uint64_t>(result);
    // The end of a file that is not a multiple of a sector.
    if (direct && !isAligned(position, from.sectorBytes())) direct = false;
  }
  co_return std::nullopt;
}

Task<MaybeFailure> writeExtent(Reactor& reactor, const Endpoint& to, Window window, Extent extent) {
  if (!to.direct()) co_return co_await writePiece(reactor, to, window, extent, false);
  const uint64_t first = std::min(roundUp(extent.start, to.pageBytes()), extent.end());
  const uint64_t last = std::max(roundDown(extent.end(), to.pageBytes()), first);
  const Extent head{extent.start, first - extent.start};
  const Extent middle{first, last - first};
  const Extent tail{last, extent.end() - last};

  MaybeFailure failure;
  if (head.length > 0) failure = co_await writePiece(reactor, to, window, head, false);
  if (!failure && middle.length > 0)
    failure = co_await writePiece(reactor, to, window, middle, true);
  if (!failure && tail.length > 0) failure = co_await writePiece(reactor, to, window, tail, false);
  co_return failure;
}

Task<MaybeFailure> flushEndpoint(Reactor& reactor, const Endpoint& endpoint) {
  int64_t result = -EINTR;
  while (result == -EINTR) {
    result = co_await reactor.start(
        {IoKind::kSync, endpoint.bufferedFd(), 0, nullptr, 0, 0, &endpoint.requests()});
  }
  if (result < 0)
    co_return IoFailure{static_cast<int>(-result), "fdatasync", endpoint.side(), 0, 0};
  co_return std::nullopt;
}

}  // namespace fastsync
