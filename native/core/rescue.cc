// A failed chunk is read part by part, a failed part in two smaller sizes: the first keeps the
// number of reads small, the second is exact.
#include "rescue.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace fastsync {

namespace {

constexpr uint64_t kCoarseBytes = 64 * kKiB;

/// Errors of the medium at this place; anything else will be the same everywhere.
bool isBadSector(int errnum) {
  return errnum == EIO || errnum == ENODATA || errnum == EILSEQ || errnum == ETIMEDOUT ||
         errnum == EREMOTEIO;
}

Extent firstPiece(const Extent& extent, uint64_t unit) {
  const uint64_t end = std::min(roundDown(extent.start, unit) + unit, extent.end());
  return {extent.start, end - extent.start};
}

Task<> readSectors(Reactor& reactor, Endpoint& from, Window window, Extent extent,
                   const JobControl& control, ChunkRead& result) {
  const uint64_t unit = from.limits().retryBytes;
  while (extent.length > 0) {
    if (control.stopping()) {
      result.interrupted = true;
      co_return;
    }
    const Extent piece = firstPiece(extent, unit);
    const MaybeFailure failure = co_await from.read(reactor, window, piece);
    if (failure && !isBadSector(failure->errnum)) {
      result.fatal = failure;
      co_return;
    }
    if (failure) {
      std::memset(window.at(piece.start), 0, piece.length);
      if (!result.bad.empty() && result.bad.back().end() == piece.start) {
        result.bad.back().length += piece.length;
      } else {
        result.bad.push_back(piece);
      }
    }
    extent = {piece.end(), extent.length - piece.length};
  }
}

Task<> readAround(Reactor& reactor, Endpoint& from, Window window, Extent extent,
                  const JobControl& control, ChunkRead& result) {
  while (extent.length > 0 && result.complete()) {
    const Extent piece = firstPiece(extent, kCoarseBytes);
    const MaybeFailure failure = co_await from.read(reactor, window, piece);
    if (failure && !isBadSector(failure->errnum)) {
      result.fatal = failure;
    } else if (failure) {
      co_await readSectors(reactor, from, window, piece, control, result);
    }
    extent = {piece.end(), extent.length - piece.length};
  }
}

}  // namespace

Task<ChunkRead> readChunk(Reactor& reactor, Endpoint& from, Window window, const Chunk& chunk,
                          bool rescue, const JobControl& control) {
  ChunkRead result;
  MaybeFailure failure = co_await from.read(reactor, window, chunk.span());
  if (!failure) co_return result;
  // The bad sector may lie in a gap, which nobody asked for.
  for (const Extent& part : chunk.parts) {
    if (chunk.parts.size() > 1) failure = co_await from.read(reactor, window, part);
    if (failure && rescue) {
      co_await readAround(reactor, from, window, part, control, result);
    } else {
      result.fatal = failure;
    }
    if (!result.complete()) break;
  }
  co_return result;
}

}  // namespace fastsync
