// Zeroes without sending any where the target can, and by writing them where it cannot.
#include "clear_job.h"

#include <algorithm>
#include <cerrno>

namespace fastsync {

namespace {

// Large enough that their number does not matter, small enough that cancel is heard.
constexpr uint64_t kStepBytes = 64 * kMiB;

}  // namespace

ClearJob::ClearJob(ClearSpec spec, JobControl& control)
    : spec_(std::move(spec)),
      control_(control),
      target_(openEndpoint(std::move(spec_.target), 0, Endpoint::Access::kWrite,
                           control.requestsOf(0))),
      writeBytes_(usableChunkBytes(spec_.options, target_->limits().granularityBytes, 1)),
      work_(spec_.extents, roundUp(kStepBytes, writeBytes_), 0),
      io_(spec_.options, writeBytes_, 1) {
  spec_.extents = {};
  control_.counters.total = work_.totalBytes();
  // Fresh memory is zero, and nothing is ever read into it.
  zeroes_ = io_.arena.take(writeBytes_).value();
}

bool ClearJob::halted() const { return control_.stopping() || failure_; }

JobOutcome ClearJob::run() {
  io_.scheduler.run([this] { return halted() ? std::nullopt : work_.next(); },
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
    const auto flush = [&]() -> Task<> { flushFailure = co_await target_->flush(io_.reactor); };
    io_.reactor.finish(flush());
    if (flushFailure) {
      failure_ = failure_ ? failure_ : flushFailure;
    } else {
      control_.counters.durable = watermark_.position();
    }
  }
  JobOutcome outcome;
  outcome.linkFailures = finishEndpoints(io_.reactor, {target_.get()}, control_);
  outcome.linkFailures.insert(outcome.linkFailures.begin(), MaybeFailure());
  outcome.backend = io_.reactor.backend();
  outcome.failure = failure_;
  outcome.cancelled = !failure_ && control_.counters.completed < control_.counters.total;
  return outcome;
}

Task<> ClearJob::clearChunk(Chunk chunk) {
  watermark_.begin(chunk.position, chunk.bytes);
  const Extent extent = chunk.span();  // without gaps, as no gap is bridged
  MaybeFailure failure;
  if (spec_.mode == ClearMode::kDiscard) {
    failure = co_await target_->discard(io_.reactor, extent);
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

Task<MaybeFailure> ClearJob::makeZero(Extent extent) {
  const Extent whole = inner(extent, target_->limits().granularityBytes);
  const Extent head{extent.start, whole.start - extent.start};
  const Extent tail{whole.end(), extent.end() - whole.end()};
  MaybeFailure failure;
  if (head.length > 0) failure = co_await writeZeroes(head);
  if (!failure && whole.length > 0) failure = co_await makeZeroAligned(whole);
  if (!failure && tail.length > 0) failure = co_await writeZeroes(tail);
  co_return failure;
}

Task<MaybeFailure> ClearJob::makeZeroAligned(Extent extent) {
  const MaybeFailure failure = co_await target_->zero(io_.reactor, extent);
  if (failure && failure->errnum == EOPNOTSUPP) co_return co_await writeZeroes(extent);
  if (!failure) control_.counters.zero += extent.length;
  co_return failure;
}

Task<MaybeFailure> ClearJob::writeZeroes(Extent extent) {
  uint64_t start = extent.start;
  while (start < extent.end() && !control_.abandoned()) {
    const uint64_t base = roundDown(start, writeBytes_);
    const Extent piece{start, std::min(base + writeBytes_, extent.end()) - start};
    const MaybeFailure failure =
        co_await target_->write(io_.reactor, Window{zeroes_.data, base}, piece);
    if (failure) co_return failure;
    control_.counters.written += piece.length;
    start = piece.end();
  }
  co_return std::nullopt;
}

}  // namespace fastsync
