// The cheapest way that works is found by trying: a hole, a zeroed range, zeroes written by hand.
#include "clear_job.h"

#include <linux/falloc.h>

#include <algorithm>
#include <cerrno>

namespace fastsync {

namespace {

// Large enough that their number does not matter, small enough that cancel is heard.
constexpr uint64_t kStepBytes = 64 * kMiB;

bool isUnsupported(int64_t result) {
  return result == -EOPNOTSUPP || result == -ENOSYS || result == -ENODEV || result == -EINVAL;
}

/// The part of `extent` that lies on multiples of `unit`.
Extent inner(const Extent& extent, uint64_t unit) {
  const uint64_t start = std::min(roundUp(extent.start, unit), extent.end());
  const uint64_t end = std::max(roundDown(extent.end(), unit), start);
  return {start, end - start};
}

}  // namespace

ClearJob::ClearJob(ClearSpec spec, JobControl& control)
    : spec_(std::move(spec)),
      control_(control),
      target_(std::move(spec_.target), 0, Endpoint::Access::kWrite, control.requestsOf(0)),
      writeBytes_(usableChunkBytes(spec_.effort, target_.pageBytes(), 1)),
      work_(spec_.extents, roundUp(kStepBytes, writeBytes_), 0),
      bench_(spec_.effort, writeBytes_, 1) {
  spec_.extents = {};
  control_.counters.total = work_.totalBytes();
  // Fresh memory is zero, and nothing is ever read into it.
  zeroes_ = bench_.arena.take(writeBytes_).value();
}

bool ClearJob::halted() const { return control_.stopping() || failure_; }

JobOutcome ClearJob::run() {
  bench_.crew.run([this] { return halted() ? std::nullopt : work_.next(); },
                  [](const Chunk& chunk) {
                    return Piece{0, chunk.bytes};
                  },
                  [this](Chunk chunk, Arena::Block) { return clearChunk(chunk); },
                  [this] { return !halted(); });
  return finish();
}

JobOutcome ClearJob::finish() {
  if (!control_.abandoned()) {
    MaybeFailure flushFailure;
    const auto flush = [&]() -> Task<> {
      flushFailure = co_await flushEndpoint(bench_.reactor, target_);
    };
    bench_.reactor.finish(flush());
    if (flushFailure) {
      failure_ = failure_ ? failure_ : flushFailure;
    } else {
      control_.counters.durable = watermark_.position();
    }
  }
  JobOutcome outcome;
  outcome.backend = bench_.reactor.backend();
  outcome.failure = failure_;
  outcome.cancelled = !failure_ && control_.counters.completed < control_.counters.total;
  return outcome;
}

Task<> ClearJob::clearChunk(Chunk chunk) {
  watermark_.begin(chunk.position, chunk.bytes);
  const Extent extent = chunk.span();  // without gaps, as no gap is bridged
  MaybeFailure failure;
  if (spec_.mode == ClearMode::kDiscard) {
    failure = co_await discard(extent);
  } else {
    failure = co_await makeZero(extent);
  }
  if (failure) {
    if (!failure_) failure_ = failure;
    co_return;
  }
  control_.counters.completed += chunk.bytes;
  watermark_.finish(chunk.position);
}

Task<int64_t> ClearJob::fallocate(int mode, Extent extent) {
  int64_t result = -EINTR;
  while (result == -EINTR || result == -EAGAIN) {
    result = co_await bench_.reactor.start({IoKind::kFallocate, target_.bufferedFd(),
                                            mode | FALLOC_FL_KEEP_SIZE, nullptr, extent.start,
                                            extent.length, &target_.requests()});
  }
  co_return result;
}

Task<MaybeFailure> ClearJob::discard(Extent extent) {
  // A hint: the odd bytes at the ends stay as they are.
  const Extent whole =
      inner(extent, target_.isBlockDevice() ? target_.sectorBytes() : target_.pageBytes());
  if (whole.length == 0) co_return std::nullopt;
  int64_t result = 0;
  if (target_.isBlockDevice()) {
    result = co_await bench_.reactor.start({IoKind::kDiscard, target_.bufferedFd(), 0, nullptr,
                                            whole.start, whole.length, &target_.requests()});
  } else {
    result = co_await fallocate(FALLOC_FL_PUNCH_HOLE, whole);
  }
  if (result >= 0) co_return std::nullopt;
  co_return IoFailure{static_cast<int>(-result), "discard", 0, whole.start, whole.length};
}

Task<MaybeFailure> ClearJob::makeZero(Extent extent) {
  const Extent whole = inner(extent, target_.pageBytes());
  const Extent head{extent.start, whole.start - extent.start};
  const Extent tail{whole.end(), extent.end() - whole.end()};
  MaybeFailure failure;
  if (head.length > 0) failure = co_await writeZeroes(head);
  if (!failure && whole.length > 0) failure = co_await makeZeroAligned(whole);
  if (!failure && tail.length > 0) failure = co_await writeZeroes(tail);
  co_return failure;
}

Task<MaybeFailure> ClearJob::makeZeroAligned(Extent extent) {
  int64_t result = -EOPNOTSUPP;
  if (canPunch_) {
    result = co_await fallocate(FALLOC_FL_PUNCH_HOLE, extent);
    if (isUnsupported(result)) canPunch_ = false;
  }
  if (isUnsupported(result) && canZeroRange_) {
    result = co_await fallocate(FALLOC_FL_ZERO_RANGE, extent);
    if (isUnsupported(result)) canZeroRange_ = false;
  }
  if (isUnsupported(result)) co_return co_await writeZeroes(extent);
  if (result < 0)
    co_return IoFailure{static_cast<int>(-result), "fallocate", 0, extent.start, extent.length};
  control_.counters.zero += extent.length;
  co_return std::nullopt;
}

Task<MaybeFailure> ClearJob::writeZeroes(Extent extent) {
  uint64_t start = extent.start;
  while (start < extent.end() && !control_.abandoned()) {
    const uint64_t base = roundDown(start, writeBytes_);
    const Extent piece{start, std::min(base + writeBytes_, extent.end()) - start};
    const MaybeFailure failure =
        co_await writeExtent(bench_.reactor, target_, Window{zeroes_.data, base}, piece);
    if (failure) co_return failure;
    control_.counters.written += piece.length;
    start = piece.end();
  }
  co_return std::nullopt;
}

}  // namespace fastsync
