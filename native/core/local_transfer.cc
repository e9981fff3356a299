// The requests of a local endpoint: the only place where an I/O's alignment, shortness and errors
// are looked at. What comes short is continued, what was interrupted is repeated, and what direct
// I/O cannot take goes through the page cache.
#include <linux/falloc.h>

#include <algorithm>
#include <cerrno>

#include "local_endpoint.h"

namespace fastsync {

namespace {

/// io_uring hands writes to a tmpfs to threads, one after the other: for so little it takes longer
/// to tell another thread than to copy.
constexpr uint64_t kQuickBytes = 64 * kKiB;

bool isAligned(uint64_t value, uint64_t unit) { return value % unit == 0; }

bool wantsRepeat(int64_t result) { return result == -EINTR || result == -EAGAIN; }

bool isUnsupported(int64_t result) {
  return result == -EOPNOTSUPP || result == -ENOSYS || result == -ENODEV || result == -EINVAL;
}

}  // namespace

Task<MaybeFailure> LocalEndpoint::read(Reactor& reactor, Window window, Extent extent) {
  bool direct = direct_.valid();
  uint64_t position = direct ? roundDown(extent.start, sectorBytes_) : extent.start;
  while (position < extent.end()) {
    const uint64_t end = direct ? roundUp(extent.end(), sectorBytes_) : extent.end();
    const int64_t result =
        co_await reactor.start({IoKind::kRead, direct ? direct_.get() : buffered_.get(), 0,
                                window.at(position), position, end - position, requests_});
    if (wantsRepeat(result)) continue;
    if (direct && result == -EINVAL) {
      direct = false;
      continue;
    }
    if (result <= 0) {
      // Zero: the file ends before the extent does, which the kernel does not call an error.
      const int errnum = result == 0 ? EIO : static_cast<int>(-result);
      co_return IoFailure{errnum, "read", side(), position, end - position};
    }
    position += static_cast<uint64_t>(result);
    // The end of a file that is not a multiple of a sector.
    if (direct && !isAligned(position, sectorBytes_)) direct = false;
  }
  co_return std::nullopt;
}

/// Writes one piece that is either all whole pages (direct) or goes through the cache.
Task<MaybeFailure> LocalEndpoint::writePiece(Reactor& reactor, Window window, Extent piece,
                                             bool direct) {
  uint64_t position = piece.start;
  while (position < piece.end()) {
    const uint64_t left = piece.end() - position;
    const IoRequest request{IoKind::kWrite,
                            direct ? direct_.get() : buffered_.get(),
                            0,
                            window.at(position),
                            position,
                            left,
                            requests_};
    const bool quick = inMemory_ && left <= kQuickBytes;
    const int64_t result = quick ? performBlocking(request) : co_await reactor.start(request);
    if (wantsRepeat(result)) continue;
    if (direct && result == -EINVAL) {
      direct = false;
      continue;
    }
    if (result <= 0) {
      const int errnum = result == 0 ? ENOSPC : static_cast<int>(-result);
      co_return IoFailure{errnum, "write", side(), position, left};
    }
    position += static_cast<uint64_t>(result);
    if (!isAligned(position, sectorBytes_)) direct = false;
  }
  co_return std::nullopt;
}

Task<MaybeFailure> LocalEndpoint::write(Reactor& reactor, Window window, Extent extent) {
  if (!direct_.valid()) co_return co_await writePiece(reactor, window, extent, false);
  const Extent middle = inner(extent, pageBytes_);
  const Extent head{extent.start, middle.start - extent.start};
  const Extent tail{middle.end(), extent.end() - middle.end()};

  MaybeFailure failure;
  if (head.length > 0) failure = co_await writePiece(reactor, window, head, false);
  if (!failure && middle.length > 0) failure = co_await writePiece(reactor, window, middle, true);
  if (!failure && tail.length > 0) failure = co_await writePiece(reactor, window, tail, false);
  co_return failure;
}

Task<int64_t> LocalEndpoint::fallocate(Reactor& reactor, int mode, Extent extent) {
  int64_t result = -EINTR;
  while (wantsRepeat(result)) {
    result =
        co_await reactor.start({IoKind::kFallocate, buffered_.get(), mode | FALLOC_FL_KEEP_SIZE,
                                nullptr, extent.start, extent.length, requests_});
  }
  co_return result;
}

// FALLOC_FL_ZERO_RANGE is no second way: where a device has no write-zeroes the kernel writes them,
// as the caller does, and nbdfuse 1.14 says that it did when it did not.
Task<MaybeFailure> LocalEndpoint::zero(Reactor& reactor, Extent extent) {
  const int64_t result =
      canPunch_ ? co_await fallocate(reactor, FALLOC_FL_PUNCH_HOLE, extent) : -EOPNOTSUPP;
  if (result >= 0) co_return std::nullopt;
  if (isUnsupported(result)) canPunch_ = false;
  const int errnum = isUnsupported(result) ? EOPNOTSUPP : static_cast<int>(-result);
  co_return IoFailure{errnum, "fallocate", side(), extent.start, extent.length};
}

Task<MaybeFailure> LocalEndpoint::discard(Reactor& reactor, Extent extent) {
  const Extent whole = inner(extent, isBlockDevice_ ? sectorBytes_ : pageBytes_);
  if (whole.length == 0) co_return std::nullopt;
  int64_t result = 0;
  if (isBlockDevice_) {
    result = co_await reactor.start(
        {IoKind::kDiscard, buffered_.get(), 0, nullptr, whole.start, whole.length, requests_});
  } else {
    result = co_await fallocate(reactor, FALLOC_FL_PUNCH_HOLE, whole);
  }
  if (result >= 0) co_return std::nullopt;
  co_return IoFailure{static_cast<int>(-result), "discard", side(), whole.start, whole.length};
}

Task<MaybeFailure> LocalEndpoint::flush(Reactor& reactor) {
  int64_t result = -EINTR;
  while (result == -EINTR) {
    result = co_await reactor.start({IoKind::kSync, buffered_.get(), 0, nullptr, 0, 0, requests_});
  }
  if (result < 0) co_return IoFailure{static_cast<int>(-result), "fdatasync", side(), 0, 0};
  // Both so that it is read back from the device, and to leave the cache to others.
  if (!direct_.valid()) dropCache({0, 0});
  co_return std::nullopt;
}

}  // namespace fastsync
