// Two sizes are enough: the first keeps the number of reads small, the second is exact.
#include "rescue.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace fastsync {

namespace {

constexpr uint64_t kCoarseBytes = 64 * kKiB;
constexpr uint64_t kPage = 4 * kKiB;

/// Errors of the medium at this place; anything else will be the same everywhere.
bool isBadSector(int errnum) {
  return errnum == EIO || errnum == ENODATA || errnum == EILSEQ || errnum == ETIMEDOUT ||
         errnum == EREMOTEIO;
}

Extent firstPiece(const Extent& extent, uint64_t unit) {
  const uint64_t end = std::min(roundDown(extent.start, unit) + unit, extent.end());
  return {extent.start, end - extent.start};
}

Task<> readSectors(Reactor& reactor, const Endpoint& from, Window window, Extent extent,
                   const JobControl& control, Rescued& rescued) {
  const uint64_t unit = from.direct() ? from.sectorBytes() : kPage;
  while (extent.length > 0) {
    if (control.stopping()) {
      rescued.interrupted = true;
      co_return;
    }
    const Extent piece = firstPiece(extent, unit);
    const MaybeFailure failure = co_await readExtent(reactor, from, window, piece);
    if (failure && !isBadSector(failure->errnum)) {
      rescued.fatal = failure;
      co_return;
    }
    if (failure) {
      std::memset(window.at(piece.start), 0, piece.length);
      if (!rescued.bad.empty() && rescued.bad.back().end() == piece.start) {
        rescued.bad.back().length += piece.length;
      } else {
        rescued.bad.push_back(piece);
      }
    }
    extent = {piece.end(), extent.length - piece.length};
  }
}

}  // namespace

Task<Rescued> readAround(Reactor& reactor, const Endpoint& from, Window window, Extent extent,
                         const JobControl& control) {
  Rescued rescued;
  while (extent.length > 0 && !rescued.fatal && !rescued.interrupted) {
    const Extent piece = firstPiece(extent, kCoarseBytes);
    const MaybeFailure failure = co_await readExtent(reactor, from, window, piece);
    if (failure && !isBadSector(failure->errnum)) {
      rescued.fatal = failure;
    } else if (failure) {
      co_await readSectors(reactor, from, window, piece, control, rescued);
    }
    extent = {piece.end(), extent.length - piece.length};
  }
  co_return rescued;
}

}  // namespace fastsync
